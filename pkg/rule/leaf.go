package rule

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

// lookup returns the value at a path below v, nil when there is none.
func lookup(v *fastjson.Value, keys []string) *fastjson.Value {
	for _, k := range keys {
		if v == nil {
			return nil
		}
		v = v.Get(k)
	}
	return v
}

// leafText returns the text at a path below v, "" when there is none: strings without quotes, numbers and booleans as
// they were written, objects and arrays as JSON. Strings alias the event; numbers are copied.
func leafText(v *fastjson.Value, keys []string) string {
	v = lookup(v, keys)
	if v == nil {
		return ""
	}
	switch v.Type() {
	case fastjson.TypeString:
		b := v.GetStringBytes()
		// The bytes are those of the parser's own string: valid, and never written, as long as the event.
		return unsafe.String(unsafe.SliceData(b), len(b))
	case fastjson.TypeTrue:
		return "true"
	case fastjson.TypeFalse:
		return "false"
	case fastjson.TypeNull:
		return ""
	}
	return string(appendJSON(nil, v))
}

// rawField is the record as it came. It is no field that events hold, and conditions may read it all the same.
const rawField = "raw"

// rawText returns the bytes of the event's record as text, "" when it has none; valid as long as the record.
func rawText(e *event.Event) string {
	if e.Record == nil {
		return ""
	}
	return unsafe.String(unsafe.SliceData(e.Record.Raw), len(e.Record.Raw))
}

// leafTexts gives the text of leaves without copying: numbers, objects and arrays are written into buffers that each
// comparison owns.
type leafTexts struct{ buffers sync.Pool }

func newLeafTexts() *leafTexts {
	return &leafTexts{buffers: sync.Pool{New: func() any { b := make([]byte, 0, 32); return &b }}}
}

// unwritten reports whether v has no text that could be had for nothing.
func unwritten(v *fastjson.Value) bool {
	return v != nil && (v.Type() == fastjson.TypeNumber || v.Type() == fastjson.TypeObject || v.Type() == fastjson.TypeArray)
}

// is reports whether the text of v is want.
func (l *leafTexts) is(v *fastjson.Value, want string) bool {
	if !unwritten(v) {
		return leafText(v, nil) == want
	}
	b := l.buffers.Get().(*[]byte)
	*b = appendJSON((*b)[:0], v)
	same := string(*b) == want
	l.buffers.Put(b)
	return same
}

// with reports whether holds is true of the text of v; holds must not keep it.
func (l *leafTexts) with(v *fastjson.Value, holds func(string) bool) bool {
	if !unwritten(v) {
		return holds(leafText(v, nil))
	}
	b := l.buffers.Get().(*[]byte)
	*b = appendJSON((*b)[:0], v)
	ok := holds(unsafe.String(unsafe.SliceData(*b), len(*b)))
	l.buffers.Put(b)
	return ok
}

// leafInt returns v as an integer; ok is false when its text is none.
func leafInt(v *fastjson.Value) (n int64, ok bool) {
	if v == nil || v.Type() != fastjson.TypeNumber {
		return parseInt(leafText(v, nil))
	}
	n, err := v.Int64()
	return n, err == nil
}

// anyAt reports whether holds is true of some value at a path, where [] stands for every element.
func anyAt(v *fastjson.Value, keys []string, holds func(*fastjson.Value) bool) bool {
	for i, k := range keys {
		if v == nil {
			return false
		}
		if k == "[]" {
			for _, el := range v.GetArray() {
				if anyAt(el, keys[i+1:], holds) {
					return true
				}
			}
			return false
		}
		v = v.Get(k)
	}
	return v != nil && v.Type() != fastjson.TypeNull && holds(v)
}

// parseInt reads an integer as logs write it: digits, maybe a minus. Unlike strconv it makes no error value for the
// texts that are none.
func parseInt(s string) (int64, bool) {
	digits := s
	if s != "" && s[0] == '-' {
		digits = s[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	var n uint64
	for i := range len(digits) {
		d := digits[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	switch {
	case digits != s && n <= math.MaxInt64+1:
		return -int64(n), true
	case digits == s && n <= math.MaxInt64:
		return int64(n), true
	}
	return 0, false
}

// parseFloat reads a number as logs write it: digits, maybe a minus, a point and an exponent.
func parseFloat(s string) (float64, bool) {
	if s == "" || len(s) > 40 || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false // no error value for what is none, and no NaN, Inf, 0x1p-2 or 1_000
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil
}

func parseAddr(s string) (netip.Addr, bool) {
	if len(s) < 2 || len(s) > 45 {
		return netip.Addr{}, false
	}
	if c := s[0]; c != ':' && (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
		return netip.Addr{}, false // a name, most often: no error value for it
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}
