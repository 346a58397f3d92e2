package event

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"github.com/shrike-sec/shrike/pkg/record"
)

// NewUID identifies an event by its log's own id where there is one, so that the same event delivered twice has one
// id; else by where the record lies and what it says. idx tells apart the events of one record.
func NewUID(format, nativeID string, o record.Origin, raw []byte, idx int) UID {
	var room [1024]byte // most ids are short: the hash's own state is larger and would be cleared each time
	b := append(room[:0], format...)
	b = append(b, 0)
	b = append(b, nativeID...)
	b = append(b, 0)
	if nativeID == "" {
		b = append(b, o.Object...)
		b = append(b, 0)
		b = strconv.AppendInt(b, o.Offset, 10)
		b = append(b, 0)
		b = append(b, raw...)
	}
	if idx > 0 {
		b = strconv.AppendInt(b, int64(idx), 10)
		b = append(b, 0)
	}
	return xxh3.Hash128(b).Bytes()
}

// Has reports whether the event has a value for the field.
func (e *Event) Has(f *Field) bool {
	switch f.Type {
	case TypeText:
		return e.text[f.slot] != ""
	case TypeInt:
		_, ok := e.Int(IntField{f.slot})
		return ok
	case TypeFloat:
		_, ok := e.Float(FloatField{f.slot})
		return ok
	case TypeBool:
		_, ok := e.Bool(BoolField{f.slot})
		return ok
	case TypeAddr:
		return e.addrs[f.slot].IsValid()
	case TypeTime:
		return e.hasT&(1<<f.slot) != 0
	case TypeList:
		return len(e.lists[f.slot]) > 0
	case TypeObject:
		return e.objs[f.slot].Raw != ""
	}
	return false
}

// AppendText appends the field's value as people and group keys write it: times RFC 3339, lists joined by comma,
// objects as JSON; nothing when missing. f must not be a Meta field.
func (e *Event) AppendText(dst []byte, f *Field) []byte {
	if !e.Has(f) {
		return dst
	}
	switch f.Type {
	case TypeText:
		return append(dst, e.text[f.slot]...)
	case TypeInt:
		return strconv.AppendInt(dst, e.ints[f.slot], 10)
	case TypeFloat:
		return strconv.AppendFloat(dst, e.floats[f.slot], 'f', -1, 64)
	case TypeBool:
		return strconv.AppendBool(dst, e.bools&(1<<f.slot) != 0)
	case TypeAddr:
		return e.addrs[f.slot].AppendTo(dst)
	case TypeTime:
		return time.Unix(0, e.times[f.slot]).UTC().AppendFormat(dst, time.RFC3339Nano)
	case TypeList:
		return append(dst, strings.Join(e.lists[f.slot], ",")...)
	case TypeObject:
		return append(dst, e.objs[f.slot].Raw...)
	}
	return dst
}

// AppendValue appends the field's value as JSON, null when missing. f must not be a Meta field.
func (e *Event) AppendValue(dst []byte, f *Field) []byte {
	if !e.Has(f) {
		return append(dst, "null"...)
	}
	switch f.Type {
	case TypeInt, TypeFloat, TypeBool:
		return e.AppendText(dst, f)
	case TypeObject:
		return appendObject(dst, e.objs[f.slot])
	case TypeList:
		dst = append(dst, '[')
		for i, s := range e.lists[f.slot] {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendQuoted(dst, s)
		}
		return append(dst, ']')
	case TypeText:
		return AppendQuoted(dst, e.text[f.slot])
	default:
		dst = append(dst, '"')
		dst = e.AppendText(dst, f)
		return append(dst, '"')
	}
}

// AppendJSON appends the event as one JSON object: every field it has, by name, in the order of the table; missing
// fields are left out (this is what `shrike parse` prints).
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"class":"`...)
	dst = append(dst, e.Class.String()...)
	dst = append(dst, `","event_uid":"`...)
	dst = append(dst, e.UID.String()...)
	dst = append(dst, '"')
	for _, f := range table {
		if f.Meta || !e.Has(f) {
			continue
		}
		dst = append(dst, ',', '"')
		dst = append(dst, f.Name...)
		dst = append(dst, '"', ':')
		dst = e.AppendValue(dst, f)
	}
	if len(e.Unmapped) > 0 {
		dst = append(dst, `,"unmapped":{`...)
		for i, p := range e.Unmapped {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendQuoted(dst, p.Key)
			dst = append(dst, ':')
			dst = AppendQuoted(dst, p.Value)
		}
		dst = append(dst, '}')
	}
	if e.Redacted {
		dst = append(dst, `,"redacted":true`...)
	}
	return append(dst, '}')
}

// appendObject writes the value on one line. It takes Raw and not Value: fastjson writes texts that somebody has read
// with Go's escapes, which are not JSON's.
func appendObject(dst []byte, o Object) []byte {
	raw := o.Raw
	if !utf8.ValidString(raw) {
		raw = strings.ToValidUTF8(raw, "\uFFFD")
	}
	if !strings.ContainsAny(raw, "\n\r") {
		return append(dst, raw...)
	}
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\' && i+1 < len(raw):
			dst = append(dst, c)
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\n' || c == '\r' || c == '\t'):
			continue
		}
		dst = append(dst, raw[i])
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// AppendQuoted writes a JSON string. Logs hold any bytes: control characters are escaped and what is not UTF-8
// becomes U+FFFD, here at the edge and nowhere before.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				dst = append(dst, '\\', c)
			case c < 0x20 || c == 0x7f:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			default:
				dst = append(dst, c)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, "\uFFFD"...)
		} else {
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return append(dst, '"')
}
