package parquetrows

import (
	"bytes"

	"github.com/parquet-go/parquet-go"
)

// node is a column or a group of columns, made ready to read rows with.
type node struct {
	name     string
	key      []byte // the name as JSON, colon included
	shape    shape
	optional bool
	repeated bool
	leaf     bool
	fields   []*node
	rep, def int // levels at which a value of it is there
	first    int // its columns are first to last-1
	last     int
	kind     valueKind
	scale    int // of a decimal

	row []parquet.Row // of the root: the row's values by column, those that are not written yet
	cut []byte        // of the root: the text of a row that became too long
}

// maxRow is where the text of a row is cut, in bytes: no record may be as long. One text of a dictionary may stand in a row any
// number of times.
const maxRow = 8 << 20

// tooLong is what writing a row is left by once it is longer.
type tooLong struct{}

type shape uint8

const (
	plain     shape = iota
	listShape       // a group around one repeated group around one element
	mapShape        // a group around repeated keys and values
)

func tree(c *parquet.Column) *node {
	columns := 0
	root := build(c, 0, 0, &columns)
	root.row = make([]parquet.Row, columns)
	return root
}

func build(c *parquet.Column, rep, def int, columns *int) *node {
	n := &node{name: c.Name(), leaf: c.Leaf(), optional: c.Optional(), repeated: c.Repeated(), first: *columns}
	n.key = append(appendString(nil, []byte(n.name)), ':')
	if n.repeated {
		rep++
	}
	if n.optional || n.repeated {
		def++
	}
	n.rep, n.def = rep, def
	if n.leaf {
		*columns++
		n.kind, n.scale = kindOf(c)
	}
	for _, child := range c.Columns() {
		n.fields = append(n.fields, build(child, rep, def, columns))
	}
	n.last = *columns
	n.shape = n.shapeOf()
	return n
}

// shapeOf knows the usual three levels of lists and maps by their form: the annotation is missing in old files.
func (n *node) shapeOf() shape {
	if n.leaf || n.repeated || len(n.fields) != 1 || !n.fields[0].repeated || n.fields[0].leaf {
		return plain
	}
	switch in := n.fields[0]; {
	case len(in.fields) == 2 && in.fields[0].leaf && in.fields[0].name == "key" && in.fields[1].name == "value":
		return mapShape
	case len(in.fields) == 1 && (in.name == "list" || in.name == "bag" || in.name == "array"):
		return listShape
	}
	return plain
}

// header is the line of column names; nil when rows are not flat.
func (n *node) header() []byte {
	var names []byte
	for i, f := range n.fields {
		if !f.leaf || f.repeated {
			return nil
		}
		if i > 0 {
			names = append(names, ' ')
		}
		names = append(names, f.name...)
	}
	return names
}

// line writes a flat row.
func (n *node) line(out *bytes.Buffer, row parquet.Row) {
	b := out.AvailableBuffer()
	for i := range n.fields {
		if i > 0 {
			b = append(b, ' ')
		}
		if len(b) > maxRow {
			break
		}
		b = appendWord(b, n.fields[i], row[i])
	}
	out.Write(append(b, '\n'))
}

// object writes a row as JSON.
func (n *node) object(out *bytes.Buffer, row parquet.Row) {
	row.Range(func(column int, values []parquet.Value) bool {
		n.row[column] = values
		return true
	})
	out.Write(append(n.whole(out.AvailableBuffer()), '\n'))
}

// whole writes a row, or as much of it as there is room for.
func (n *node) whole(b []byte) (text []byte) {
	defer func() {
		if p := recover(); p == (tooLong{}) {
			text, n.cut = n.cut, nil
		} else if p != nil {
			panic(p)
		}
	}()
	return n.members(b, n)
}

// members writes the fields of a group that are there.
func (n *node) members(b []byte, root *node) []byte {
	b = append(b, '{')
	some := false
	for _, f := range n.fields {
		if f.missing(root) {
			f.skip(root)
			continue
		}
		if some {
			b = append(b, ',')
		}
		some = true
		b = f.value(append(b, f.key...), root)
	}
	return append(b, '}')
}

// missing reports that the next value of n is null or an empty list.
func (n *node) missing(root *node) bool {
	next := root.row[n.first]
	return len(next) == 0 || next[0].DefinitionLevel() < n.def
}

// skip passes over the one null that each of n's columns has.
func (n *node) skip(root *node) {
	for c := n.first; c < n.last; c++ {
		if len(root.row[c]) > 0 {
			root.row[c] = root.row[c][1:]
		}
	}
}

func (n *node) value(b []byte, root *node) []byte {
	if n.repeated {
		return n.each(append(b, '['), root, n.one, ']')
	}
	return n.one(b, root)
}

// one writes one value that is there, of a repeated node one element.
func (n *node) one(b []byte, root *node) []byte {
	switch {
	case len(b) > maxRow:
		root.cut = b
		panic(tooLong{})
	case n.leaf:
		v := root.row[n.first][0]
		root.row[n.first] = root.row[n.first][1:]
		return appendValue(b, n, v)
	case n.shape != plain && n.fields[0].missing(root):
		n.skip(root)
		if n.shape == mapShape {
			return append(b, "{}"...)
		}
		return append(b, "[]"...)
	case n.shape == listShape:
		return n.fields[0].each(append(b, '['), root, n.fields[0].element, ']')
	case n.shape == mapShape:
		return n.fields[0].each(append(b, '{'), root, n.fields[0].entry, '}')
	}
	return n.members(b, root)
}

// each writes all elements of a repeated node that has at least one.
func (n *node) each(b []byte, root *node, write func([]byte, *node) []byte, end byte) []byte {
	for {
		b = write(b, root)
		if next := root.row[n.first]; len(next) == 0 || next[0].RepetitionLevel() != n.rep {
			return append(b, end)
		}
		b = append(b, ',')
	}
}

// element writes the only field of a repeated group.
func (n *node) element(b []byte, root *node) []byte {
	return n.fields[0].orNull(b, root)
}

// entry writes a key and its value.
func (n *node) entry(b []byte, root *node) []byte {
	key := root.row[n.first][0]
	root.row[n.first] = root.row[n.first][1:]
	b = appendString(b, key.Bytes())
	return n.fields[1].orNull(append(b, ':'), root)
}

func (n *node) orNull(b []byte, root *node) []byte {
	if n.missing(root) {
		n.skip(root)
		return append(b, "null"...)
	}
	return n.value(b, root)
}
