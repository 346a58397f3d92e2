package format

// Cursor walks the members of one JSON object or the elements of one array, each byte once:
//
//	for c := NewCursor(b); c.Next(); {
//		if child, ok := c.Enter(); ok { …; c.Leave(&child) } else if c.Take() { c.Value … }
//	}
//
// A value that is neither taken nor entered is skipped. It validates as it goes, as strictly as ScanJSON, and
// allocates nothing.
type Cursor struct {
	Key        []byte // the member's name between its quotes, escapes as they are; nil in an array
	KeyEscaped bool   // Key may hold escapes
	Value      []byte // the value's bytes after Take, without blanks around
	At         int    // where Value begins in the bytes given to NewCursor
	Escaped    bool   // Value is a string that may hold escapes

	b     []byte
	i     int // the value's first byte, or the byte behind it once it is taken
	close byte
	state cursorState
	taken bool
}

type cursorState uint8

const (
	cursorNew cursorState = iota
	cursorInside
	cursorDone
	cursorBad
)

// NewCursor starts a walk over the object or array that b begins with, after blanks.
func NewCursor(b []byte) Cursor {
	c := Cursor{b: b}
	c.open(skipBlank(b, 0))
	return c
}

func (c *Cursor) open(i int) {
	c.i, c.state, c.taken = i+1, cursorNew, true
	switch {
	case at(c.b, i, '{'):
		c.close = '}'
	case at(c.b, i, '['):
		c.close = ']'
	default:
		c.i, c.state = i, cursorBad
	}
}

func at(b []byte, i int, c byte) bool { return i < len(b) && b[i] == c }

// Next goes to the next member or element; false at the end and where the JSON is not valid.
func (c *Cursor) Next() bool {
	if c.state >= cursorDone || !c.taken && !c.Take() {
		return false
	}
	b := c.b
	i := skipBlank(b, c.i)
	switch {
	case at(b, i, c.close):
		return c.stop(i+1, cursorDone)
	case c.state == cursorNew:
		c.state = cursorInside
	case at(b, i, ','):
		i = skipBlank(b, i+1)
	default:
		return c.stop(i, cursorBad)
	}
	if c.close == '}' {
		if !at(b, i, '"') {
			return c.stop(i, cursorBad)
		}
		end := plain(b, i+1)
		if c.KeyEscaped = !at(b, end, '"'); c.KeyEscaped {
			var st JSONState
			if end, st = scanString(b, end); st != JSONDone {
				return c.stop(end, cursorBad)
			}
			end--
		}
		c.Key = b[i+1 : end]
		if i = skipBlank(b, end+1); !at(b, i, ':') {
			return c.stop(i, cursorBad)
		}
		i = skipBlank(b, i+1)
	}
	if i >= len(b) {
		return c.stop(i, cursorBad)
	}
	c.i, c.taken = i, false
	return true
}

// Take reads the present value into Value; false when it is not valid JSON, which also ends the walk. It may be called
// once a value.
func (c *Cursor) Take() bool {
	b, start := c.b, c.i
	var end int
	var st JSONState
	c.Escaped = false
	switch first := b[start]; first {
	case '"':
		if end = plain(b, start+1); at(b, end, '"') {
			end, st = end+1, JSONDone
		} else {
			c.Escaped = true
			end, st = scanString(b, end)
		}
	case '{', '[':
		var s scanner
		end, st = s.value(b, start)
	case 't', 'f', 'n':
		end, st = scanLiteral(b, start)
	default:
		end, st = len(b), JSONInvalid
		if first == '-' || '0' <= first && first <= '9' {
			end, st = scanNumber(b, start)
		}
	}
	if st != JSONDone {
		return c.stop(end, cursorBad)
	}
	c.Value, c.At = b[start:end], start
	c.i, c.taken = end, true
	return true
}

// Enter returns a walk over the present value, if that is an object or array. It must go to its end, and then Leave.
func (c *Cursor) Enter() (child Cursor, ok bool) {
	if c.b[c.i] != '{' && c.b[c.i] != '[' {
		return child, false
	}
	child.b = c.b
	child.open(c.i)
	return child, true
}

// Leave goes on behind the value that child walked.
func (c *Cursor) Leave(child *Cursor) {
	c.i, c.taken = child.i, true
	if child.state != cursorDone {
		c.stop(child.i, cursorBad)
	}
}

// Object reports whether the walk is over an object's members.
func (c *Cursor) Object() bool { return c.close == '}' }

// First returns the first byte of the present value: '{', '[', '"', 't', 'f', 'n', a digit or '-' when it is valid.
func (c *Cursor) First() byte { return c.b[c.i] }

func (c *Cursor) stop(i int, s cursorState) bool {
	c.i, c.state, c.taken, c.Key, c.Value = i, s, true, nil, nil
	return false
}

// Done reports whether the walk went through all of it; false after Next said false means invalid JSON.
func (c *Cursor) Done() bool { return c.state == cursorDone }

// Pos returns how far the walk went: behind the last bracket when it is Done, else where it is invalid.
func (c *Cursor) Pos() int { return c.i }
