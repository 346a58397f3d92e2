package jsonrec

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
)

// maxTrees is how many free-form members a format can have parsed.
const maxTrees = 4

// Text sets a text from a string, number or boolean. Where two members say the same, the second to say something else
// does not fit.
func Text(f event.TextField) Set {
	return func(w *Walker, v Value) bool {
		if v.Nested() {
			return false
		}
		text := w.Plain(v)
		if have := w.Event.Text(f); have != "" {
			return have == text
		}
		w.Event.SetText(f, text)
		return true
	}
}

// Int sets an integer from a number or from digits in a string, which many writers use for numbers of 64 bits. An
// empty string is missing, numbers out of range do not fit, 1.0 is 1.
func Int(f event.IntField, lowest, highest int64) Set {
	return func(w *Walker, v Value) bool {
		n, ok := w.Integer(v)
		if !ok {
			return v.Quoted() && w.Plain(v) == ""
		}
		if have, known := w.Event.Int(f); known {
			return have == n
		}
		if n < lowest || n > highest {
			return false
		}
		w.Event.SetInt(f, n)
		return true
	}
}

// Integer reads a whole number from a number or a string.
func (w *Walker) Integer(v Value) (int64, bool) {
	text := w.Plain(v)
	if !number(text) {
		return 0, false
	}
	if n, ok := accessline.Int(text); ok {
		return n, true
	}
	if !v.Quoted() {
		if f, ok := accessline.Float(text); ok && f > -1<<53 && f < 1<<53 && f == float64(int64(f)) {
			return int64(f), true
		}
	}
	return 0, false
}

// number tells what may be a number from what cannot: reading that would allocate its error.
func number(s string) bool {
	return s != "" && (s[0] == '-' || '0' <= s[0] && s[0] <= '9') && '0' <= s[len(s)-1] && s[len(s)-1] <= '9'
}

// Float sets a number from a number or from digits in a string.
func Float(f event.FloatField) Set {
	return func(w *Walker, v Value) bool {
		text := w.Plain(v)
		if !number(text) {
			return v.Empty()
		}
		n, ok := accessline.Float(text)
		if !ok {
			return false
		}
		if have, known := w.Event.Float(f); known {
			return have == n
		}
		w.Event.SetFloat(f, n)
		return true
	}
}

// Bool sets a boolean from true, "true" or "True".
func Bool(f event.BoolField) Set {
	return func(w *Walker, v Value) bool {
		switch w.Plain(v) {
		case "true", "True", "TRUE":
			w.Event.SetBool(f, true)
		case "false", "False", "FALSE":
			w.Event.SetBool(f, false)
		default:
			return false
		}
		return true
	}
}

// Addr sets an address, and otherwise the text that stands in its place. Of an address with a port behind it the whole
// stays unmapped as well.
func Addr(f event.AddrField, instead event.TextField) Set {
	text := Text(instead)
	return func(w *Walker, v Value) bool {
		if v.Nested() {
			return false
		}
		s := w.Plain(v)
		a, ok := accessline.Addr(s)
		whole := ok
		if !ok {
			a, _, ok = accessline.Endpoint(s)
		}
		switch {
		case !ok:
			return s == "-" || text(w, v)
		case w.Event.Addr(f).IsValid():
			return whole && w.Event.Addr(f) == a
		}
		w.Event.SetAddr(f, a)
		return whole
	}
}

// OnlyAddr sets an address; any other text does not fit.
func OnlyAddr(f event.AddrField) Set {
	return func(w *Walker, v Value) bool {
		if v.Nested() {
			return false
		}
		a, ok := accessline.Addr(w.Plain(v))
		if !ok || w.Event.Addr(f).IsValid() {
			return ok && w.Event.Addr(f) == a
		}
		w.Event.SetAddr(f, a)
		return true
	}
}

// Time sets a time from RFC 3339 text with up to nine digits of fraction. An event time that cannot be read is the
// reason of the record's dead letter.
func Time(f event.TimeField) Set {
	return func(w *Walker, v Value) bool {
		ns, ok := accessline.ISOTime(w.Plain(v))
		return w.setTime(f, v, ns, ok)
	}
}

// Millis sets a time from milliseconds since 1970.
func Millis(f event.TimeField) Set {
	return func(w *Walker, v Value) bool {
		ms, ok := w.Integer(v)
		return w.setTime(f, v, ms*1e6, ok && 0 <= ms && ms <= maxMillis)
	}
}

// maxMillis is the end of 2261, whose nanoseconds still fit 64 bits.
const maxMillis = 9214646399_999

func (w *Walker) setTime(f event.TimeField, v Value, ns int64, ok bool) bool {
	if !ok {
		if f == event.EventTime {
			w.badTime = w.Plain(v)
		}
		return false
	}
	if have, known := w.Event.Time(f); known {
		return have.UnixNano() == ns
	}
	w.Event.SetUnixNano(f, ns)
	return true
}

// List appends a text, or each text of a list.
func List(f event.ListField) Set {
	return func(w *Walker, v Value) bool {
		if v.Object() {
			return false
		}
		if !v.List() {
			w.addList(f, v)
			return true
		}
		nested := false
		w.Elements(v, func(element Value) {
			nested = nested || element.Nested()
			w.addList(f, element)
		})
		return !nested
	}
}

func (w *Walker) addList(f event.ListField, v Value) {
	if text := w.Plain(v); text != "" && !v.Nested() {
		w.Event.AddList(f, text)
	}
}

// Tree sets a free-form member, parsed; i tells a format's trees apart.
func Tree(f event.ObjectField, i int) Set {
	return func(w *Walker, v Value) bool {
		if w.Event.Object(f).Raw != "" {
			return false
		}
		parsed, err := w.trees[i].Parse(v.text)
		if err != nil { // it takes all that format.Cursor takes; should they ever differ, one record is to fail and no more
			w.refused = err
			return true
		}
		w.Event.SetObject(f, event.Object{Raw: v.text, Value: parsed})
		return true
	}
}

// Within returns the JSON object that a string holds, which some writers put in place of the object itself. ok is
// false when it holds anything else; an object is returned as it is.
func (w *Walker) Within(v Value) (object Value, ok bool) {
	if v.Object() {
		return v, true
	}
	if !v.Quoted() || len(v.raw) < 4 {
		return Value{}, false
	}
	start := len(w.inner)
	w.inner = format.AppendUnquoted(w.inner, v.raw[1:len(v.raw)-1])
	return w.held(w.inner[start:])
}

// Held is Within for the text of a string that is read already.
func (w *Walker) Held(text []byte) (object Value, ok bool) {
	start := len(w.inner)
	w.inner = append(w.inner, text...)
	return w.held(w.inner[start:])
}

func (w *Walker) held(raw []byte) (object Value, ok bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		return Value{}, false
	}
	end, state := format.ScanJSON(raw)
	return Value{raw: raw, text: bstr.String(raw)}, state == format.JSONDone && end == len(raw)
}

// Note keeps the value for after the walk (Walker.Noted). Of two, the second does not fit.
func Note(i int) Set {
	return func(w *Walker, v Value) bool {
		if !w.notes[i].Null() {
			return false
		}
		w.notes[i] = v
		return true
	}
}

// NoteText is Note for a value that is neither object nor list.
func NoteText(i int) Set {
	note := Note(i)
	return func(w *Walker, v Value) bool { return !v.Nested() && note(w, v) }
}

// Says drops a value that says nothing new: the one text that every record of the format has there.
func Says(text string) Set {
	return func(w *Walker, v Value) bool { return w.Plain(v) == text }
}

// Host sets a host, and the port where one stands behind it.
func Host(f event.TextField, port event.IntField) Set {
	return func(w *Walker, v Value) bool {
		if v.Nested() {
			return false
		}
		text := w.Plain(v)
		name, number, ok := accessline.HostPort(text)
		have := w.Event.Text(f)
		if have == "" {
			w.Event.SetText(f, name)
		} else if have != name {
			return have == text
		}
		if other, known := w.Event.Int(port); known {
			return !ok || other == number
		}
		if ok {
			w.Event.SetInt(port, number)
		}
		return true
	}
}

// Commas appends the parts of a text that commas divide; "-" is missing.
func Commas(f event.ListField) Set {
	return func(w *Walker, v Value) bool {
		if v.Nested() {
			return false
		}
		for rest := w.Plain(v); rest != ""; {
			var part string
			part, rest, _ = strings.Cut(rest, ",")
			if part = strings.Trim(part, " "); part != "" && part != "-" {
				w.Event.AddList(f, part)
			}
		}
		return true
	}
}

// Unless takes the one text for a missing value.
func Unless(missing string, set Set) Set {
	return func(w *Walker, v Value) bool { return v.Quoted() && w.Plain(v) == missing || set(w, v) }
}
