package format

import (
	"bytes"
	"fmt"

	"github.com/shrike-sec/shrike/pkg/record"
)

// take delivers raw, which the first n unread bytes hold, and goes on behind them.
func (s *splitter) take(raw []byte, n int) error {
	var err error
	if len(raw) > 0 {
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
	o.Offset = s.base
	switch {
	case s.fixed:
	case s.inList:
		o.Line = s.element
	default:
		o.Line = s.line
	}
	return o
}

// deliver emits what is in raw, a line or JSON value: itself or, if it is an envelope, what that holds.
func (s *splitter) deliver(raw []byte) error {
	if done, err := s.opened(raw); done {
		return err
	}
	switch {
	case len(raw) > s.o.MaxRecord:
		return s.bury(raw, record.ReasonTooLong, s.tooLong())
	case s.control:
		s.stats.Controls++
		return nil
	}
	return s.record(raw)
}

// opened delivers what raw holds; done is false when it is no envelope of any kind.
func (s *splitter) opened(raw []byte) (done bool, err error) {
	switch c := raw[0]; {
	case c == '{':
		if s.inArray || len(raw) > 2 && (raw[1] != '"' || raw[2] == '@') {
			if done, err := s.unwrapRow(raw); done {
				return true, err
			}
		}
		return s.unwrap(raw)
	case c == '[' && s.inList:
		return s.unwrapRow(raw)
	case c == '"' && s.inArray:
		return s.unquoted(raw)
	case bytes.HasPrefix(raw, []byte(gzipBase64)):
		return s.unbase64(raw)
	case '0' <= c && c <= '9' && len(raw) > len("2026-03-01T") && raw[4] == '-' && raw[10] == 'T':
		return s.unprefix(raw)
	}
	return false, nil
}

func (s *splitter) record(raw []byte) error {
	name, layout, header := s.recognise(raw)
	switch {
	case header, string(raw) == writeTest, string(raw) == trailTest, s.strange(name, raw) && (isTestEvent(raw) || isSignFile(raw)):
		s.stats.Controls++
		return nil
	case s.strange(name, raw) && isNotice(raw):
		return s.notice(raw)
	}
	s.stats.Records++
	return s.emit(record.Record{
		Raw: raw, Origin: s.here(), Received: s.o.Received, Format: name, Layout: layout,
	})
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
			if s.inside {
				s.stats.Element = s.dealt
			}
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
