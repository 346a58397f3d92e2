package cloudtrail

import (
	"net/netip"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
)

// value is one valid JSON value: the same memory as bytes and as text.
type value struct {
	raw     []byte
	text    string
	escaped bool // a string that may hold escapes
}

func (v value) null() bool   { return v.raw[0] == 'n' }
func (v value) object() bool { return len(v.raw) > 0 && v.raw[0] == '{' }
func (v value) nested() bool { return v.raw[0] == '{' || v.raw[0] == '[' }

// take reads the cursor's present value. One that is not valid is null; the cursor's walk ends there and says so.
func (p *parser) take(c *format.Cursor) value {
	if !c.Take() {
		return value{raw: []byte("null"), text: "null"}
	}
	return value{raw: c.Value, text: p.text[c.At : c.At+len(c.Value)], escaped: c.Escaped}
}

// key returns the name of the cursor's present member.
func key(c *format.Cursor) []byte {
	if !c.KeyEscaped {
		return c.Key
	}
	return format.AppendUnquoted(nil, c.Key)
}

// plain returns the value as text: strings without quotes and escapes, "" for null, numbers and nested values as
// they stand.
func (p *parser) plain(v value) string {
	switch {
	case v.raw[0] == '"' && !v.escaped:
		return v.text[1 : len(v.text)-1]
	case v.raw[0] == '"':
		p.scratch = format.AppendUnquoted(p.scratch[:0], v.raw[1:len(v.raw)-1])
		return p.arena.Text(p.scratch)
	case v.null():
		return ""
	}
	return v.text
}

// set fills a text field; a nested value does not fit one and stays unmapped.
func (p *parser) set(f event.TextField, key string, v value) {
	if v.nested() {
		p.unmapped(key, v)
		return
	}
	p.e.SetText(f, p.plain(v))
}

// setBool fills a boolean field from true, "true" or "True"; LookupEvents and sessions write text.
func (p *parser) setBool(f event.BoolField, key string, v value) {
	switch p.plain(v) {
	case "true", "True", "TRUE":
		p.e.SetBool(f, true)
	case "false", "False", "FALSE":
		p.e.SetBool(f, false)
	default:
		p.unmapped(key, v)
	}
}

// unmapped keeps a value that has no field: the members of an object one by one, everything below as JSON.
func (p *parser) unmapped(key string, v value) {
	if v.null() {
		return
	}
	if !v.object() {
		p.keep(key, v)
		return
	}
	some := false
	p.each(v, func(name []byte, member value) {
		some = true
		if !member.null() {
			p.keep(p.arena.Join(key, ".", p.arena.Text(name)), member)
		}
	})
	if !some {
		p.keep(key, v)
	}
}

func (p *parser) keep(key string, v value) { p.keepText(key, p.plain(v)) }

func (p *parser) keepText(key, text string) {
	if text != "" {
		p.e.AddUnmapped(key, text)
	}
}

// each walks the members of a valid object that is taken already; anything else has none.
func (p *parser) each(v value, visit func(name []byte, member value)) {
	if !v.object() {
		return
	}
	for c := format.NewCursor(v.raw); c.Next(); {
		name := key(&c)
		if c.Take() {
			visit(name, value{raw: c.Value, text: v.text[c.At : c.At+len(c.Value)], escaped: c.Escaped})
		}
	}
}

// enter walks into the cursor's present value if it is an object; anything else stays unmapped.
func (p *parser) enter(c *format.Cursor, name string) (child format.Cursor, ok bool) {
	if c.First() != '{' {
		p.unmapped(name, p.take(c))
		return child, false
	}
	return c.Enter()
}

// address reads an IP address. What netip would refuse is sorted out before, for its errors are allocated and four
// of five records have a service's name here.
func address(s string) (netip.Addr, bool) {
	if len(s) < 2 || len(s) > 45 {
		return netip.Addr{}, false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && c != '.' && c != ':' && (c|0x20 < 'a' || c|0x20 > 'f') {
			return netip.Addr{}, false
		}
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}

// nanos reads a time in nanoseconds since 1970: `2006-01-02T15:04:05Z`, the basic `20060102T150405Z`, or any RFC 3339.
func nanos(s string) (int64, bool) {
	if len(s) == 20 && s[4] == '-' && s[7] == '-' && s[10] == 'T' && s[13] == ':' && s[16] == ':' && s[19] == 'Z' {
		return civil(s[:4], s[5:7], s[8:10], s[11:13], s[14:16], s[17:19])
	}
	if len(s) == 16 && s[8] == 'T' && s[15] == 'Z' {
		return civil(s[:4], s[4:6], s[6:8], s[9:11], s[11:13], s[13:15])
	}
	if len(s) < 20 || s[4] != '-' { // spares the allocated error of what is no time at all
		return 0, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Year() < 1970 || t.Year() > 2261 {
		return 0, false
	}
	return t.UnixNano(), true
}

func civil(year, month, day, hour, minute, second string) (int64, bool) {
	y, m, d := number(year), number(month), number(day)
	h, mi, s := number(hour), number(minute), number(second)
	if y < 1970 || y > 2261 || m < 1 || m > 12 || d < 1 || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59 {
		return 0, false
	}
	t := time.Date(y, time.Month(m), d, h, mi, s, 0, time.UTC)
	return t.UnixNano(), t.Day() == d
}

// number reads digits; -1 for anything else.
func number(s string) int {
	n := 0
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
