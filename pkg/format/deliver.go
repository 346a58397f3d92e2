package format

import (
	"bytes"
	"fmt"

	"github.com/shrike-sec/shrike/pkg/record"
)

// take delivers raw, which the first n unread bytes hold, and goes on behind them.
func (s *splitter) take(raw []byte, n int) error {
	var err error
	switch {
	case len(raw) == 0:
	case len(raw) > s.o.MaxRecord:
		err = s.bury(raw, record.ReasonTooLong, s.tooLong())
	default:
		err = s.deliver(raw)
	}
	s.pass(n)
	return err
}

func (s *splitter) tooLong() string {
	return fmt.Sprintf("longer than %d bytes", s.o.MaxRecord)
}

// here is the origin of a record that begins with the next unread byte.
func (s *splitter) here() record.Origin {
	o := s.o.Origin
	o.Offset, o.Line = s.base, s.line
	if s.inList {
		o.Line = s.element
	}
	return o
}

// deliver emits a line or JSON value as a record, or counts it as control.
func (s *splitter) deliver(raw []byte) error {
	if raw[0] != '{' {
		return s.record(raw)
	}
	text, wrapped := s.unwrap(raw)
	if !wrapped {
		return s.deliverValue(raw)
	}
	if text = bytes.TrimLeft(text, " \t\r\n"); len(text) > 0 && text[0] == '{' {
		return s.deliverValue(bytes.TrimRight(text, " \t\r\n"))
	}
	some := false
	for line := range bytes.Lines(text) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			continue
		}
		some = true
		if err := s.record(line); err != nil {
			return err
		}
	}
	if !some {
		return s.deliverValue(raw)
	}
	return nil
}

func (s *splitter) deliverValue(raw []byte) error {
	if isNotice(raw) {
		return s.bury(raw, record.ReasonNotice, "a notice of S3 about an object, not the object's records")
	}
	return s.record(raw)
}

func (s *splitter) record(raw []byte) error {
	name, layout, header := s.recognise(raw)
	if header {
		s.stats.Controls++
		return nil
	}
	s.stats.Records++
	return s.emit(record.Record{
		Raw: raw, Origin: s.here(), Received: s.o.Received, Format: name, Layout: layout,
	})
}

// unwrap returns the text of {"message":"…"} where that is the value's only member. The text is valid until the next
// unwrap.
func (s *splitter) unwrap(raw []byte) ([]byte, bool) {
	i := skipBlank(raw, 1)
	if !bytes.HasPrefix(raw[i:], []byte(`"message"`)) {
		return nil, false
	}
	c := NewCursor(raw)
	if !c.Next() || c.First() != '"' || !c.Take() {
		return nil, false
	}
	quoted := c.Value
	if c.Next() || !c.Done() {
		return nil, false
	}
	s.scratch = AppendUnquoted(s.scratch[:0], quoted[1:len(quoted)-1])
	return s.scratch, true
}

// isNotice recognises the notices that S3 sends about objects, where log records were expected.
func isNotice(raw []byte) bool {
	if !bytes.Contains(raw, []byte(`"aws:s3"`)) && !bytes.Contains(raw, []byte(`"s3:TestEvent"`)) {
		return false
	}
	for c := NewCursor(raw); c.Next(); {
		switch string(c.Key) {
		case "eventSource":
			if c.Take() && string(c.Value) == `"aws:s3"` {
				return true
			}
		case "Event":
			if c.Take() && string(c.Value) == `"s3:TestEvent"` {
				return true
			}
		}
	}
	return false
}

// unfinished deals with what the stream's end left of a record.
func (s *splitter) unfinished(detail string) error {
	if s.err != nil {
		return s.err
	}
	s.over = true
	reason := record.ReasonTruncated
	switch {
	case s.damage != "":
		reason, detail, s.damage = s.because, s.damage, ""
	case s.o.More:
		if s.inList {
			s.base, s.stats.InList = s.resume, s.inside
		}
		return nil
	}
	u := s.unread()
	err := s.bury(u, reason, detail)
	s.pass(len(u))
	return err
}

// bury makes raw, which begins with the next unread byte, a dead letter.
func (s *splitter) bury(raw []byte, reason record.Reason, detail string) error {
	return s.letter(record.DeadLetter{
		Record: record.Record{Raw: raw[:min(len(raw), keepOfLong)], Origin: s.here()},
		Reason: reason, Detail: detail, Size: int64(len(raw)),
	})
}

func (s *splitter) letter(d record.DeadLetter) error {
	s.stats.DeadLetters++
	d.Received, d.Format = s.o.Received, s.o.Format
	return s.dead(d)
}
