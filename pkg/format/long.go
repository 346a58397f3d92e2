package format

import (
	"bytes"

	"github.com/shrike-sec/shrike/pkg/record"
)

// ender finds the end of something that is too long to hold, fed piece by piece: the end is behind n bytes of the
// piece, if done.
type ender interface {
	feed(b []byte) (n int, done bool)
}

// longLine ends before the line's end.
type longLine struct{}

func (longLine) feed(b []byte) (int, bool) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i, true
	}
	return len(b), false
}

// looseJSON ends where brackets and quotes close, whatever stands between them; without brackets, before the comma or
// bracket of the list around.
type looseJSON struct {
	resync bool // end also before a line that begins with a brace: lines of values, one of which lacks its end

	depth    int
	quoted   bool
	escaped  bool
	newline  bool
	anything bool
}

func (l *looseJSON) feed(b []byte) (int, bool) {
	for i := 0; i < len(b); i++ {
		if l.quoted {
			if i = l.skipQuoted(b, i); i == len(b) {
				return i, false
			}
			if b[i] != '"' { // a line's end inside quotes, when resyncing
				return i, true
			}
			l.quoted = false
			continue
		}
		c := b[i]
		switch c {
		case '"':
			l.quoted = true
		case '{', '[':
			if l.resync && l.newline && l.anything && c == '{' {
				return i, true
			}
			l.depth++
		case '}', ']':
			if l.depth == 0 {
				return i, true
			}
			if l.depth--; l.depth == 0 {
				return i + 1, true
			}
		case ',':
			if l.depth == 0 {
				return i, true
			}
		}
		l.newline, l.anything = c == '\n', true
	}
	return len(b), false
}

// skipQuoted returns the index of the closing quote (or, when resyncing, of a line's end), len(b) when there is none.
func (l *looseJSON) skipQuoted(b []byte, i int) int {
	for ; i < len(b); i++ {
		if l.escaped {
			l.escaped = false
			continue
		}
		if i = plain(b, i); i == len(b) {
			return i
		}
		switch b[i] {
		case '"':
			return i
		case '\\':
			l.escaped = true
		case '\n':
			if l.resync {
				return i
			}
		}
	}
	return i
}

// long skips what is longer than a record may be and buries its beginning.
func (s *splitter) long(end ender) error {
	at := s.here()
	head := make([]byte, 0, keepOfLong)
	var size int64
	reason, detail := record.ReasonTooLong, s.tooLong()
	for {
		u := s.unread()
		n, done := end.feed(u)
		head = append(head, u[:min(n, keepOfLong-len(head))]...)
		size += int64(n)
		s.pass(n)
		if done {
			break
		}
		if !s.more() {
			if s.err != nil {
				return s.err
			}
			if s.o.More && s.damage == "" {
				s.base = at.Offset
				return s.unfinished("")
			}
			break
		}
	}
	return s.letter(record.DeadLetter{
		Record: record.Record{Raw: head, Origin: at}, Reason: reason, Detail: detail, Size: size,
	})
}
