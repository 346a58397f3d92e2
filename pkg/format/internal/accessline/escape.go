package accessline

import "strings"

// UnescapeHex undoes \xXX, the only escape that nginx writes.
func UnescapeHex(s string) string { return unescape(s, false) }

// UnescapeC undoes the escapes of Apache: \" \\ \n \r \t \b \f \v \a and \xhh.
func UnescapeC(s string) string { return unescape(s, true) }

func unescape(s string, letters bool) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	for i < len(s) {
		c, n := escape(s[i:], letters)
		b.WriteByte(c)
		i += n
	}
	return b.String()
}

// escape reads the byte or the escape that s starts with and says how long it is; unknown ones stay as they are.
func escape(s string, letters bool) (c byte, n int) {
	if s[0] != '\\' || len(s) < 2 {
		return s[0], 1
	}
	if s[1] == 'x' && len(s) >= 4 {
		if c, ok := hexByte(s[2], s[3]); ok {
			return c, 4
		}
	}
	if letters {
		if i := strings.IndexByte(`"\nrtbfva`, s[1]); i >= 0 {
			return "\"\\\n\r\t\b\f\v\a"[i], 2
		}
	}
	return s[0], 1
}
