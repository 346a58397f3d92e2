package correlate

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Fill replaces each {name:Type} of a query by a ClickHouse literal of the values that name has. Values come from logs, so
// whoever writes logs writes them: a literal is of its type or NULL, and texts are quoted such that no byte of theirs ends
// the quotes. What was filled in is not looked at again.
func Fill(sql string, values func(name string) []string) string {
	var b strings.Builder
	for {
		open := strings.IndexByte(sql, '{')
		if open < 0 {
			break
		}
		end := strings.IndexByte(sql[open:], '}')
		if end < 0 {
			break
		}
		b.WriteString(sql[:open])
		name, typ, ok := strings.Cut(sql[open+1:open+end], ":")
		if ok {
			b.WriteString(literal(strings.TrimSpace(typ), values(strings.TrimSpace(name))))
		} else {
			b.WriteString(sql[open : open+end+1])
		}
		sql = sql[open+end+1:]
	}
	b.WriteString(sql)
	return b.String()
}

// literal writes values as a literal of a ClickHouse type.
func literal(typ string, values []string) string {
	base, inner := typ, ""
	if open := strings.IndexByte(typ, '('); open >= 0 && strings.HasSuffix(typ, ")") {
		base, inner = typ[:open], strings.TrimSpace(typ[open+1:len(typ)-1])
	}
	switch base {
	case "Nullable", "LowCardinality":
		return literal(inner, values)
	case "Array":
		parts := make([]string, 0, len(values))
		for _, v := range values {
			parts = append(parts, literal(inner, []string{v}))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return scalar(base, strings.Join(values, ","), len(values) > 0)
}

// scalar writes one value. A missing text is ”, all else that is missing or not of its type is NULL.
func scalar(base, v string, have bool) string {
	switch {
	case strings.HasPrefix(base, "UInt"):
		n, err := strconv.ParseUint(v, 10, 64)
		return orNull(strconv.FormatUint(n, 10), err == nil)
	case strings.HasPrefix(base, "Int"):
		n, err := strconv.ParseInt(v, 10, 64)
		return orNull(strconv.FormatInt(n, 10), err == nil)
	case strings.HasPrefix(base, "Float"), strings.HasPrefix(base, "Decimal"):
		f, err := strconv.ParseFloat(v, 64)
		return orNull(strconv.FormatFloat(f, 'g', -1, 64), err == nil && !math.IsNaN(f) && !math.IsInf(f, 0))
	case base == "Bool":
		return orNull(v, v == "true" || v == "false")
	case strings.HasPrefix(base, "DateTime"), strings.HasPrefix(base, "Date"):
		return timeLiteral(base, v)
	case base == "IPv4", base == "IPv6":
		a, err := netip.ParseAddr(v)
		if err != nil || a.Zone() != "" {
			return "NULL"
		}
		return "to" + base + "(" + quoteSQL(a.String()) + ")"
	case !have:
		return "''"
	}
	return quoteSQL(v)
}

func orNull(v string, ok bool) string {
	if !ok {
		return "NULL"
	}
	return v
}

func timeLiteral(base, v string) string {
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return "NULL"
	}
	layout := "2006-01-02 15:04:05"
	switch base {
	case "Date", "Date32":
		layout = "2006-01-02"
	case "DateTime64":
		layout += ".999999999"
	}
	return quoteSQL(t.UTC().Format(layout))
}

const upperHex = "0123456789ABCDEF"

// quoteSQL writes a ClickHouse text literal: quotes and backslashes escaped, control characters and what is not UTF-8 as \xHH.
func quoteSQL(s string) string {
	b := make([]byte, 0, len(s)+2)
	b = append(b, '\'')
	for i := 0; i < len(s); {
		c := s[i]
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				b = append(b, s[i:i+size]...)
				i += size
				continue
			}
		}
		switch {
		case c == '\'' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20 || c >= 0x7f:
			b = append(b, '\\', 'x', upperHex[c>>4], upperHex[c&15])
		default:
			b = append(b, c)
		}
		i += size
	}
	return string(append(b, '\''))
}
