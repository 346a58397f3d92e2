package jsonrec

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/format"
)

// Value is one valid JSON value: the same memory as bytes and as text. The zero Value is null.
type Value struct {
	raw     []byte
	text    string
	escaped bool // a string that may hold escapes
}

// Null reports whether there is no value.
func (v Value) Null() bool { return len(v.raw) == 0 || v.raw[0] == 'n' }

// Empty reports whether the value is null or an empty string, list or object.
func (v Value) Empty() bool {
	if v.Null() || v.text == `""` {
		return true
	}
	return v.Nested() && strings.TrimLeft(v.text[1:], " \t\r\n") == v.text[len(v.text)-1:]
}

// Nested reports whether the value is an object or a list.
func (v Value) Nested() bool { return len(v.raw) > 0 && (v.raw[0] == '{' || v.raw[0] == '[') }

// Object reports whether the value is an object.
func (v Value) Object() bool { return len(v.raw) > 0 && v.raw[0] == '{' }

// List reports whether the value is a list.
func (v Value) List() bool { return len(v.raw) > 0 && v.raw[0] == '[' }

// Quoted reports whether the value is a string.
func (v Value) Quoted() bool { return len(v.raw) > 0 && v.raw[0] == '"' }

// JSON returns the value as it stands in the record.
func (v Value) JSON() string { return v.text }

// take reads the cursor's present value. One that is not valid is null; the cursor's walk ends there and says so.
func (w *Walker) take(c *format.Cursor) Value {
	if !c.Take() {
		return Value{}
	}
	return Value{raw: c.Value, text: w.text[c.At : c.At+len(c.Value)], escaped: c.Escaped}
}

// Plain returns the value as text: strings without quotes and escapes, "" for null, numbers and nested values as
// they stand.
func (w *Walker) Plain(v Value) string {
	switch {
	case v.Null():
		return ""
	case v.raw[0] == '"' && !v.escaped:
		return v.text[1 : len(v.text)-1]
	case v.raw[0] == '"':
		w.scratch = format.AppendUnquoted(w.scratch[:0], v.raw[1:len(v.raw)-1])
		return w.arena.Text(w.scratch)
	}
	return v.text
}

// key returns the name of the cursor's present member. The cursor is careful: most keys that may hold escapes do not.
func key(c *format.Cursor) []byte {
	if !c.KeyEscaped || bytes.IndexByte(c.Key, '\\') < 0 {
		return c.Key
	}
	return format.AppendUnquoted(nil, c.Key)
}

// Members visits the members of an object; anything else has none. A name is valid during the call.
func (w *Walker) Members(v Value, visit func(name []byte, member Value)) {
	if !v.Object() {
		return
	}
	for c := format.NewCursor(v.raw); c.Next(); {
		name := key(&c)
		if c.Take() {
			visit(name, Value{raw: c.Value, text: v.text[c.At : c.At+len(c.Value)], escaped: c.Escaped})
		}
	}
}

// Elements visits the elements of a list; anything else has none.
func (w *Walker) Elements(v Value, visit func(element Value)) {
	if !v.List() {
		return
	}
	for c := format.NewCursor(v.raw); c.Next(); {
		if c.Take() {
			visit(Value{raw: c.Value, text: v.text[c.At : c.At+len(c.Value)], escaped: c.Escaped})
		}
	}
}

// Noted returns what Note kept, null when the record has no such member.
func (w *Walker) Noted(i int) Value { return w.notes[i] }

// Lower returns s in lower case of ASCII, which costs nothing where it is already.
func (w *Walker) Lower(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' }) < 0 {
		return s
	}
	w.scratch = w.scratch[:0]
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		w.scratch = append(w.scratch, c)
	}
	return w.arena.Text(w.scratch)
}

// Text returns a copy of b as text that is valid as long as anybody holds it.
func (w *Walker) Text(b []byte) string { return w.arena.Text(b) }

// Join returns the parts as one text.
func (w *Walker) Join(parts ...string) string { return w.arena.Join(parts...) }
