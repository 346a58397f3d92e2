package parquetrows

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"
)

// valueKind is how a leaf's values are written.
type valueKind uint8

const (
	asStored valueKind = iota // by the physical type
	unsigned
	date    // days since 1970
	millis  // since 1970
	micros  // since 1970
	nanos   // since 1970
	decimal // an integer with a scale
)

func kindOf(c *parquet.Column) (k valueKind, scale int) {
	t := c.Type().LogicalType()
	if t == nil {
		return asStored, 0
	}
	switch v := t.Value.(type) {
	case *format.IntType:
		if !v.IsSigned {
			return unsigned, 0
		}
	case *format.DateType:
		return date, 0
	case *format.DecimalType:
		return decimal, int(v.Scale)
	case *format.TimestampType:
		switch v.Unit.Value.(type) {
		case *format.MilliSeconds:
			return millis, 0
		case *format.MicroSeconds:
			return micros, 0
		case *format.NanoSeconds:
			return nanos, 0
		}
	}
	return asStored, 0
}

// appendWord writes a value as a word of a line: "-" for nothing, times in seconds as the text of the same logs has
// them, and blanks, which no such text has, percent-encoded.
func appendWord(b []byte, n *node, v parquet.Value) []byte {
	if v.IsNull() {
		return append(b, '-')
	}
	if at, ok := timeOf(n, v); ok {
		return strconv.AppendInt(b, at.Unix(), 10)
	}
	switch v.Kind() {
	case parquet.ByteArray, parquet.FixedLenByteArray:
		text := v.ByteArray()
		if len(text) == 0 {
			return append(b, '-')
		}
		for _, c := range text {
			if c <= ' ' {
				b = append(b, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
			} else {
				b = append(b, c)
			}
		}
		return b
	}
	return appendValue(b, n, v)
}

// appendValue writes a value as JSON: times as milliseconds since 1970, or as RFC 3339 where they would lose precision
// or the column's name ends in _dt, as OCSF names such texts.
func appendValue(b []byte, n *node, v parquet.Value) []byte {
	if at, ok := timeOf(n, v); ok {
		if at.Nanosecond()%1e6 == 0 && (len(n.name) < 3 || n.name[len(n.name)-3:] != "_dt") {
			return strconv.AppendInt(b, at.UnixMilli(), 10)
		}
		return append(at.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
	}
	switch v.Kind() {
	case parquet.Boolean:
		return strconv.AppendBool(b, v.Boolean())
	case parquet.Int32, parquet.Int64:
		return appendInteger(b, n, v)
	case parquet.Float:
		return appendFloat(b, float64(v.Float()), 32)
	case parquet.Double:
		return appendFloat(b, v.Double(), 64)
	}
	if text := v.ByteArray(); utf8.Valid(text) {
		return appendString(b, text)
	}
	b = append(b, '"')
	for _, c := range v.ByteArray() { // no text: hexadecimal
		b = append(b, "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
	}
	return append(b, '"')
}

func appendInteger(b []byte, n *node, v parquet.Value) []byte {
	switch {
	case n.kind == unsigned && v.Kind() == parquet.Int32:
		return strconv.AppendUint(b, uint64(v.Uint32()), 10)
	case n.kind == unsigned:
		return strconv.AppendUint(b, v.Uint64(), 10)
	case n.kind == decimal && n.scale > 0 && n.scale < 19:
		return appendDecimal(b, integer(v), n.scale)
	case n.kind == date:
		day := time.Unix(integer(v)*86400, 0).UTC()
		return append(day.AppendFormat(append(b, '"'), time.DateOnly), '"')
	}
	return strconv.AppendInt(b, integer(v), 10)
}

func integer(v parquet.Value) int64 {
	if v.Kind() == parquet.Int32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

func appendDecimal(b []byte, v int64, scale int) []byte {
	if v < 0 {
		b = append(b, '-')
	}
	digits := strconv.FormatUint(magnitude(v), 10)
	for len(digits) <= scale {
		digits = "0" + digits
	}
	b = append(b, digits[:len(digits)-scale]...)
	return append(append(b, '.'), digits[len(digits)-scale:]...)
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func appendFloat(b []byte, v float64, size int) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	return strconv.AppendFloat(b, v, 'g', -1, size)
}

// julian is 1 January 1970 in the day numbers of the old 96-bit times.
const julian = 2440588

func timeOf(n *node, v parquet.Value) (time.Time, bool) {
	if v.Kind() == parquet.Int96 {
		x := v.Int96()
		return time.Unix((int64(x[2])-julian)*86400, int64(uint64(x[1])<<32|uint64(x[0]))).UTC(), true
	}
	if v.Kind() != parquet.Int64 {
		return time.Time{}, false
	}
	switch n.kind {
	case millis:
		return time.UnixMilli(v.Int64()).UTC(), true
	case micros:
		return time.UnixMicro(v.Int64()).UTC(), true
	case nanos:
		return time.Unix(0, v.Int64()).UTC(), true
	}
	return time.Time{}, false
}

// appendString writes a JSON string. Bytes that are not UTF-8 stay what they are.
func appendString(b, s []byte) []byte {
	b = append(b, '"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
