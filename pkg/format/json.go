package format

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of JSON values; deeper ones are invalid. It is less than what fastjson takes, so that
// a value that passed here parses there.
const maxDepth = 256

// JSONState is how a scan of JSON ended.
type JSONState uint8

// How a scan of JSON ends.
const (
	JSONDone       JSONState = iota // a whole valid value
	JSONIncomplete                  // valid as far as it goes
	JSONInvalid                     // no JSON, whatever follows
)

// ScanJSON finds the end of the JSON value that b begins with, after blanks. It is strict where fastjson is not
// (numbers, escapes, control characters), except that it does not look at UTF-8. A number that ends with b counts as
// incomplete. It neither allocates nor recurses.
func ScanJSON(b []byte) (end int, state JSONState) {
	var s scanner
	return s.value(b, 0)
}

// scanner remembers of each open bracket whether it is an object's.
type scanner struct {
	objects [maxDepth / 64]uint64
	depth   int
}

func (s *scanner) push(object uint64) bool {
	if s.depth == maxDepth {
		return false
	}
	word, bit := s.depth>>6, uint(s.depth&63)
	s.objects[word] = s.objects[word]&^(1<<bit) | object<<bit
	s.depth++
	return true
}

func (s *scanner) inObject() bool {
	d := s.depth - 1
	return s.objects[d>>6]&(1<<uint(d&63)) != 0
}

// value is one piece for speed: it is the inner loop of splitting and of every JSON format.
func (s *scanner) value(b []byte, i int) (int, JSONState) {
	var st JSONState
value:
	if i = skipBlank(b, i); i == len(b) {
		return i, JSONIncomplete
	}
	switch c := b[i]; {
	case c == '"':
		if i, st = scanString(b, i+1); st != JSONDone {
			return i, st
		}
	case c == '{':
		if !s.push(1) {
			return i, JSONInvalid
		}
		if i = skipBlank(b, i+1); i == len(b) {
			return i, JSONIncomplete
		}
		if b[i] != '}' {
			goto key
		}
		i++
		s.depth--
	case c == '[':
		if !s.push(0) {
			return i, JSONInvalid
		}
		if i = skipBlank(b, i+1); i == len(b) {
			return i, JSONIncomplete
		}
		if b[i] != ']' {
			goto value
		}
		i++
		s.depth--
	case c == '-' || '0' <= c && c <= '9':
		if i, st = scanNumber(b, i); st != JSONDone {
			return i, st
		}
	default:
		if i, st = scanLiteral(b, i); st != JSONDone {
			return i, st
		}
	}
after:
	if s.depth == 0 {
		return i, JSONDone
	}
	if i = skipBlank(b, i); i == len(b) {
		return i, JSONIncomplete
	}
	switch object := s.inObject(); {
	case b[i] == ',':
		i++
		if !object {
			goto value
		}
	case b[i] == '}' && object, b[i] == ']' && !object:
		i++
		s.depth--
		goto after
	default:
		return i, JSONInvalid
	}
key:
	if i, st = scanKey(b, i); st != JSONDone {
		return i, st
	}
	goto value
}

// scanKey scans `"key":` after blanks.
func scanKey(b []byte, i int) (int, JSONState) {
	var st JSONState
	if i = skipBlank(b, i); i == len(b) {
		return i, JSONIncomplete
	}
	if b[i] != '"' {
		return i, JSONInvalid
	}
	if i, st = scanString(b, i+1); st != JSONDone {
		return i, st
	}
	if i = skipBlank(b, i); i == len(b) {
		return i, JSONIncomplete
	}
	if b[i] != ':' {
		return i, JSONInvalid
	}
	return i + 1, JSONDone
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func skipBlank(b []byte, i int) int {
	for i < len(b) && b[i] <= ' ' && isBlank(b[i]) {
		i++
	}
	return i
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns how many bytes from i on are neither quote, backslash nor control character, at least up to the last
// seven bytes of b. Eight bytes at a time: the lowest set bit of each test is exact, those above may not be.
func plain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		hit := ((x-ones*0x20)&^x | (quote-ones)&^quote | (slash-ones)&^slash) & highs
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	return i
}

// scanString scans the rest of a string whose opening quote is before i.
func scanString(b []byte, i int) (int, JSONState) {
	for {
		if i = plain(b, i); i == len(b) {
			return i, JSONIncomplete
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, JSONDone
		case c < 0x20:
			return i, JSONInvalid
		case c != '\\':
			i++
		default:
			n, st := scanEscape(b[i:])
			if st != JSONDone {
				return i, st
			}
			i += n
		}
	}
}

func scanEscape(b []byte) (int, JSONState) {
	if len(b) < 2 {
		return 0, JSONIncomplete
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, JSONDone
	case 'u':
		for k := 2; k < 6; k++ {
			if k == len(b) {
				return 0, JSONIncomplete
			}
			if hexValue(b[k]) < 0 {
				return 0, JSONInvalid
			}
		}
		return 6, JSONDone
	}
	return 0, JSONInvalid
}

func hexValue(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}

func scanNumber(b []byte, i int) (int, JSONState) {
	if b[i] == '-' {
		i++
	}
	start := i
	i = digits(b, i)
	if i == start || b[start] == '0' && i > start+1 {
		return i, endOr(b, i, start)
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = digits(b, start); i == start {
			return i, endOr(b, i, start)
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = digits(b, start); i == start {
			return i, endOr(b, i, start)
		}
	}
	if i == len(b) {
		return i, JSONIncomplete
	}
	return i, JSONDone
}

// endOr is the state of a number that lacks digits at i: more may come only when b ends there.
func endOr(b []byte, i, start int) JSONState {
	if i == len(b) && i == start {
		return JSONIncomplete
	}
	return JSONInvalid
}

func digits(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

func scanLiteral(b []byte, i int) (int, JSONState) {
	var want string
	switch b[i] {
	case 't':
		want = "true"
	case 'f':
		want = "false"
	case 'n':
		want = "null"
	default:
		return i, JSONInvalid
	}
	for k := range len(want) {
		if i+k == len(b) {
			return i, JSONIncomplete
		}
		if b[i+k] != want[k] {
			return i, JSONInvalid
		}
	}
	return i + len(want), JSONDone
}

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

// AppendUnquoted appends the text of a valid JSON string, given without its quotes. A half surrogate becomes U+FFFD.
func AppendUnquoted(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			dst = append(dst, s[i])
			i++
			continue
		}
		c := s[i+1]
		i += 2
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, n := unquoteRune(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// unquoteRune reads the digits after \u and, for a surrogate, the other half.
func unquoteRune(s []byte) (r rune, n int) {
	r, ok := hex4(s)
	if !ok {
		return utf8.RuneError, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(s) >= 10 && s[4] == '\\' && s[5] == 'u' {
		if low, ok := hex4(s[6:]); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, 10
			}
		}
	}
	return utf8.RuneError, 4
}

func hex4(s []byte) (r rune, ok bool) {
	if len(s) < 4 {
		return 0, false
	}
	for _, c := range s[:4] {
		v := hexValue(c)
		if v < 0 {
			return 0, false
		}
		r = r<<4 | v
	}
	return r, true
}
