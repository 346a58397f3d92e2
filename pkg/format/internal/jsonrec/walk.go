package jsonrec

import (
	"bytes"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
	"github.com/shrike-sec/shrike/pkg/record"
)

// maxNotes is how many values of a record a format can note.
const maxNotes = 32

// keepJSON is the longest record in bytes whose parsed values' memory is kept for the next.
const keepJSON = 128 << 10

// Walker fills an event from records, one at a time. A parser owns one; the zero value is ready to use.
type Walker struct {
	Event event.Event

	text    string // the bytes being walked, shared
	notes   [maxNotes]Value
	badTime string
	refused error // fastjson's
	odd     bool  // the list being walked holds what the table does not name
	inList  bool
	arena   format.Arena
	scratch []byte
	inner   []byte          // objects that strings hold
	cursors []format.Cursor // one a depth; on the stack they would be allocated for every object
	trees   [maxTrees]fastjson.Parser
}

// Reset makes the event ready for a record of that class. The record's time must be set at the end of the walk; see
// Finish.
func (w *Walker) Reset(c event.Class, r *record.Record) {
	w.Event.Reset(c, r)
	w.notes = [maxNotes]Value{}
	w.badTime, w.refused, w.odd, w.inList = "", nil, false, false
	w.scratch, w.inner = keep(w.scratch), keep(w.inner)
}

func keep(b []byte) []byte {
	if cap(b) > keepJSON {
		return nil
	}
	return b[:0]
}

// Walk goes over raw, one JSON object with nothing but blanks behind it. The error is an *format.Error.
func (w *Walker) Walk(s *Schema, raw []byte) error {
	w.text = bstr.String(raw)
	if len(w.cursors) < s.depth+1 {
		w.cursors = make([]format.Cursor, s.depth+1)
	}
	c := &w.cursors[0]
	*c = format.NewCursor(raw)
	if !c.Object() {
		return format.Errorf(record.ReasonSyntax, "not a JSON object")
	}
	w.object(s.root, 0)
	if !c.Done() {
		return format.Errorf(record.ReasonSyntax, "not a valid JSON object: byte %d", c.Pos())
	}
	if tail := bytes.TrimLeft(raw[c.Pos():], " \t\r\n"); len(tail) > 0 {
		return format.Errorf(record.ReasonSyntax, "something follows the JSON object at byte %d", c.Pos())
	}
	return nil
}

// Finish says whether the walk made an event: it has a time, and every free-form member could be parsed. timeName is
// what the format calls event_time.
func (w *Walker) Finish(timeName string) error {
	if len(w.text) > keepJSON {
		w.trees = [maxTrees]fastjson.Parser{} // the event keeps their values
	}
	if w.refused != nil {
		return format.Errorf(record.ReasonSyntax, "not valid JSON: %v", w.refused)
	}
	if _, ok := w.Event.Time(event.EventTime); ok {
		return nil
	}
	if w.badTime != "" {
		return format.Errorf(record.ReasonBadTime, "cannot read %s: %.100q", timeName, w.badTime)
	}
	return format.Errorf(record.ReasonBadTime, "no %s", timeName)
}

// object walks the members of the object that the cursor of that depth is in.
func (w *Walker) object(n *node, depth int) {
	c := &w.cursors[depth]
	for c.Next() {
		name := key(c)
		child := n.members[string(name)]
		switch {
		case child == nil:
			w.unknown(n, name, c)
		case c.First() == '{' && child.members != nil:
			w.cursors[depth+1], _ = c.Enter()
			w.object(child, depth+1)
			c.Leave(&w.cursors[depth+1])
		case c.First() == '[' && child.element != nil:
			w.list(child, depth)
		default:
			w.value(child, c)
		}
	}
}

// list walks a list's elements. One that holds anything without a field is kept whole, for its parts would not tell
// which element they are of.
func (w *Walker) list(n *node, depth int) {
	c, in := &w.cursors[depth], &w.cursors[depth+1]
	start := c.Pos()
	outer := w.inList
	if !outer {
		w.inList, w.odd = true, false
	}
	*in, _ = c.Enter()
	for in.Next() {
		if in.First() == '{' && n.element.members != nil {
			w.cursors[depth+2], _ = in.Enter()
			w.object(n.element, depth+2)
			in.Leave(&w.cursors[depth+2])
		} else {
			w.value(n.element, in)
		}
	}
	c.Leave(in)
	if outer {
		return
	}
	w.inList = false
	if w.odd {
		w.Event.AddUnmapped(n.path, w.text[start:in.Pos()])
	}
}

func (w *Walker) value(n *node, c *format.Cursor) {
	v := w.take(c)
	if v.Null() || n.set != nil && n.set(w, v) {
		return
	}
	if w.inList {
		w.odd = true
		return
	}
	w.Unmapped(n.path, v)
}

func (w *Walker) unknown(n *node, name []byte, c *format.Cursor) {
	v := w.take(c)
	switch {
	case v.Null():
	case w.inList:
		w.odd = true
	case n.path == "":
		w.Unmapped(w.arena.Text(name), v)
	default:
		w.Unmapped(w.arena.Join(n.path, ".", bstr.String(name)), v)
	}
}

// Unmapped keeps a value under that key: the members of an object one by one, everything below as JSON. What is empty
// says nothing.
func (w *Walker) Unmapped(key string, v Value) {
	if v.Object() {
		w.Members(v, func(name []byte, member Value) {
			if !member.Empty() {
				w.Event.AddUnmapped(w.arena.Join(key, ".", bstr.String(name)), w.Plain(member))
			}
		})
		return
	}
	if !v.Empty() {
		w.Event.AddUnmapped(key, w.Plain(v))
	}
}
