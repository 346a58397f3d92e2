package accessline

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Names says which column a member of a JSON object is, by its name with _ in the place of : (client:port, client_port).
type Names map[string]int

// Objects reads such objects; a parser owns one. The zero value is ready to use.
type Objects struct {
	arena   format.Arena
	scratch []byte
}

// Fill fills the columns of a line from a JSON object that has them as members, any of them in any order, as CloudWatch's
// log deliveries write logs that are lines elsewhere
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-S3.html). A member that is no column, or
// is an object or a list, goes to unmapped. What is filled may alias raw. The error is a *format.Error.
func (o *Objects) Fill(e *event.Event, raw []byte, names Names, cols []string) error {
	clear(cols)
	text := bstr.String(raw)
	c := format.NewCursor(raw)
	if !c.Object() {
		return format.Errorf(record.ReasonSyntax, "not a JSON object")
	}
	for c.Next() {
		column, ok := names[string(o.name(c.Key))]
		key := c.Key
		if !c.Take() {
			break
		}
		v := text[c.At : c.At+len(c.Value)]
		switch v[0] {
		case 'n':
			continue
		case '{', '[':
			ok = false
		case '"':
			if v = v[1 : len(v)-1]; c.Escaped && strings.IndexByte(v, '\\') >= 0 {
				o.scratch = format.AppendUnquoted(o.scratch[:0], c.Value[1:len(c.Value)-1])
				v = o.arena.Text(o.scratch)
			}
		}
		if ok && cols[column] == "" {
			cols[column] = v
		} else {
			o.scratch = format.AppendUnquoted(o.scratch[:0], key)
			Keep(e, o.arena.Text(o.scratch), v)
		}
	}
	if !c.Done() || len(bytes.TrimLeft(raw[c.Pos():], " \t\r\n")) > 0 {
		return format.Errorf(record.ReasonSyntax, "not valid JSON at byte %d", c.Pos())
	}
	return nil
}

// name returns a member's name as Names have it. None of theirs has escapes.
func (o *Objects) name(key []byte) []byte {
	o.scratch = append(o.scratch[:0], key...)
	for i, c := range o.scratch {
		if c == ':' {
			o.scratch[i] = '_'
		}
	}
	return o.scratch
}

// IsObject reports whether a record is for Fill and not a line.
func IsObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

// NamesOf makes Names of column names in their order; several names of one column are divided by |.
func NamesOf(columns string) Names {
	names := Names{}
	for i, column := range strings.Fields(columns) {
		for name := range strings.SplitSeq(column, "|") {
			names[name] = i
		}
	}
	return names
}
