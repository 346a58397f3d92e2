package format

import (
	"encoding/binary"
	"math/bits"
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
