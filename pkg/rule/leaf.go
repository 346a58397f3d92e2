package rule

import (
	"net/netip"
	"strconv"
	"unsafe"

	"github.com/valyala/fastjson"
)

// leafText returns the text at a path below v, "" when there is none: strings without quotes, numbers and booleans as
// they were written, objects and arrays as JSON. Strings alias the event.
func leafText(v *fastjson.Value, keys []string) string {
	for _, k := range keys {
		if v = v.Get(k); v == nil {
			return ""
		}
	}
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
	return string(v.MarshalTo(nil))
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

// parseInt reads an integer as logs write it: digits, maybe a sign.
func parseInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func parseAddr(s string) (netip.Addr, bool) {
	if len(s) < 2 || len(s) > 45 { // no error value to allocate for what cannot be one
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}
