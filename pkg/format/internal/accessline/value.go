package accessline

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// Int reads decimal digits with an optional minus; strconv is slower and allocates its error.
func Int(s string) (v int64, ok bool) {
	neg := false
	if s != "" && s[0] == '-' {
		neg, s = true, s[1:]
	}
	if s == "" || len(s) > 19 {
		return 0, false
	}
	var u uint64
	for i := 0; i < len(s); i++ {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		u = u*10 + uint64(c)
	}
	if u > math.MaxInt64 { // 19 digits fit into a uint64
		return 0, false
	}
	if neg {
		return -int64(u), true
	}
	return int64(u), true
}

// Float reads a decimal number such as "0.086". Not-a-number and infinities are refused: JSON and SQL have no use
// for them.
func Float(s string) (v float64, ok bool) {
	if v, ok = shortFloat(s); ok {
		return v, true
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// shortFloat reads up to 15 digits with a point exactly: both the digits and the power of ten are whole floats, and
// one division rounds once, as strconv does.
func shortFloat(s string) (float64, bool) {
	if s == "" || len(s) > 16 {
		return 0, false
	}
	var u uint64
	digits, point := 0, -1
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.' && point < 0:
			point = i
		case c >= '0' && c <= '9':
			u = u*10 + uint64(c-'0')
			digits++
		default:
			return 0, false
		}
	}
	if digits == 0 || digits > 15 {
		return 0, false
	}
	if point < 0 {
		return float64(u), true
	}
	return float64(u) / powers[len(s)-1-point], true
}

// Millis turns seconds as logged into milliseconds; ok is false for text that is no number and for the -1 that
// means "did not happen". It multiplies the decimal text, not the float, so 0.052 gives 52 and not 52.00000000000001.
func Millis(s string) (ms float64, ok bool) {
	v, ok := Float(s)
	if !ok || v < 0 {
		return 0, false
	}
	return math.Round(v*1e9) / 1e6, true
}

// Addr reads an address; brackets around it are taken off, a zone too, and IPv4 mapped into IPv6 becomes IPv4.
func Addr(s string) (netip.Addr, bool) {
	if a, ok := ipv4(s); ok {
		return a, true
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	// ParseAddr allocates its error: what cannot be an address does not get there.
	if s == "" || strings.IndexByte(s, ':') < 0 || len(s) > 64 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return a.Unmap().WithZone(""), true
}

// ipv4 reads four octets without leading zeros, exactly as netip does.
func ipv4(s string) (netip.Addr, bool) {
	if len(s) < 7 || len(s) > 15 {
		return netip.Addr{}, false
	}
	var b [4]byte
	octet, value, digits := 0, 0, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '.' {
			if digits == 0 || octet == 3 {
				return netip.Addr{}, false
			}
			b[octet] = byte(value)
			octet, value, digits = octet+1, 0, 0
			continue
		}
		if c < '0' || c > '9' || (digits > 0 && value == 0) {
			return netip.Addr{}, false
		}
		value = value*10 + int(c-'0')
		digits++
		if value > 255 {
			return netip.Addr{}, false
		}
	}
	if octet != 3 || digits == 0 {
		return netip.Addr{}, false
	}
	b[3] = byte(value)
	return netip.AddrFrom4(b), true
}

// Endpoint reads "address:port" at its last colon: balancers write IPv6 both bare and in brackets.
func Endpoint(s string) (a netip.Addr, port int64, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return netip.Addr{}, 0, false
	}
	a, ok = Addr(s[:i])
	if !ok {
		return netip.Addr{}, 0, false
	}
	port, ok = Port(s[i+1:])
	return a, port, ok
}

// Port reads a port number, 0 to 65535.
func Port(s string) (int64, bool) {
	v, ok := Int(s)
	return v, ok && v >= 0 && v <= 65535
}

// PercentDecode undoes %XX so many times; a percent sign that starts no escape stays as it is, for logs hold whatever
// clients sent. It allocates only when there is something to decode.
func PercentDecode(s string, times int) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := append(make([]byte, 0, 1024), s...) // on the stack as long as s fits, which S3 keys do unless encoded
	for range times {
		b = percentDecode(b)
	}
	return string(b)
}

// AppendPercentDecoded appends s with %XX undone once.
func AppendPercentDecoded(dst []byte, s string) []byte {
	start := len(dst)
	dst = append(dst, s...)
	return dst[:start+len(percentDecode(dst[start:]))]
}

// percentDecode decodes in place.
func percentDecode(b []byte) []byte {
	n := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '%' && i+2 < len(b) {
			if v, ok := hexByte(b[i+1], b[i+2]); ok {
				c = v
				i += 2
			}
		}
		b[n] = c
		n++
	}
	return b[:n]
}

func hexByte(hi, lo byte) (byte, bool) {
	h, ok1 := hexDigit(hi)
	l, ok2 := hexDigit(lo)
	return h<<4 | l, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
