package format

import (
	"bytes"
	"strconv"
)

// packedObject names compressed data inside an object by the offset of the envelope that holds it.
func packedObject(object string, offset int64) string {
	return object + "@" + strconv.FormatInt(offset, 10)
}

// extractedNames is the last layout that CloudWatch's extractedFields told.
type extractedNames struct {
	joined []byte // scratch
	names  string // of the last
	format int    // of the last, -1 when no format has a header line like it
	layout string
}

// extracted takes the layout of a line from CloudWatch's extractedFields, which name its words where the subscription
// has a filter pattern: {"version":"2","account_id":"…"}. It believes them only when the values are the line's words in
// their order, for members of an object have none.
func (g *recogniser) extracted(fields, line []byte) {
	n := &g.named
	n.joined = n.joined[:0]
	rest := line
	for c := NewCursor(fields); c.Next(); {
		var value []byte
		if !text(&c, &value) || bytes.IndexByte(value, '\\') >= 0 || bytes.IndexByte(c.Key, '\\') >= 0 {
			return
		}
		value = value[1 : len(value)-1]
		if rest = bytes.TrimLeft(rest, " \t"); len(value) == 0 || !bytes.HasPrefix(rest, value) {
			return
		}
		if rest = rest[len(value):]; len(rest) > 0 && !isBlank(rest[0]) {
			return
		}
		n.joined = append(append(n.joined, c.Key...), ' ')
	}
	if len(bytes.TrimRight(rest, " \t\r\n")) > 0 {
		return
	}
	if joined := bytes.TrimSuffix(n.joined, []byte(" ")); string(joined) != n.names {
		n.names = string(joined)
		n.format, n.layout, _ = g.reg.header(joined)
	}
	if n.names != "" && n.format >= 0 {
		g.once, g.onceLayout = g.reg.specs[n.format].Name, n.layout
	}
}
