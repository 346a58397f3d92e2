package store

import (
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
)

// block is what one range puts into one table: one native block, so stored whole or not at all (for each day it
// touches). A row is known by offset and idx.
type block struct {
	table   string
	rows    int
	columns []buffer
	offsets values[uint64]
	idxs    values[uint16]
}

// row begins a row.
func (b *block) row(offset int64, idx int) int {
	b.offsets.set(b.rows, uint64(offset))
	b.idxs.set(b.rows, uint16(idx))
	b.rows++
	return b.rows - 1
}

// key is a row's name within its range and table.
type key struct {
	offset uint64
	idx    uint16
}

func (b *block) key(row int) key { return key{b.offsets.list[row], b.idxs.list[row]} }

// used returns the columns that some row has a value for.
func (b *block) used() []buffer {
	return slices.DeleteFunc(slices.Clone(b.columns), buffer.empty)
}

// place adds the columns that say where rows come from: the range's for all, then each row's offset and index.
func (b *block) place(r Range) {
	n := max(b.rows, 1)
	b.offsets.column, b.idxs.column = "offset", "idx"
	b.columns = append(b.columns,
		&values[uint64]{column: "epoch", list: slices.Repeat([]uint64{r.Epoch}, n)},
		&values[string]{column: "topic", list: slices.Repeat([]string{r.Topic}, n)},
		&values[uint32]{column: "partition", list: slices.Repeat([]uint32{uint32(r.Partition)}, n)},
		&b.offsets)
}

// events fills the block of a class, each column by the field table.
type events struct {
	block
	arena    *arena
	fill     []func(e *event.Event, row int)
	unmapped maps
	uids     values[string]
	raws     values[string]
	redacted values[bool]
	flow     bool
	line     []byte // scratch of appendFlowLine
}

func newEvents(class event.Class, a *arena) *events {
	b := &events{block: block{table: class.String()}, arena: a, flow: class == event.Flow}
	b.unmapped.column = "unmapped"
	b.uids.column = "event_uid"
	b.raws.column = "raw"
	b.redacted.column = "redacted"
	if b.flow {
		b.raws.column = flowRawColumn
	}
	for _, f := range event.Fields() {
		if f.In(class) && !f.Meta {
			column, fill := b.filler(f)
			b.columns = append(b.columns, column)
			b.fill = append(b.fill, fill)
		}
	}
	b.columns = append(b.columns, &b.uids, &b.raws, &b.redacted, &b.unmapped)
	return b
}

func (b *events) add(e *event.Event) {
	row := b.row(e.Position.Offset, e.Idx)
	for _, fill := range b.fill {
		fill(e, row)
	}
	var uid [2 * len(event.UID{})]byte
	hex.Encode(uid[:], e.UID[:])
	b.uids.set(row, b.arena.raw(uid[:]))
	if raw := e.Record.Raw; len(raw) > 0 && !(b.flow && b.rebuildable(e)) {
		b.raws.set(row, b.arena.raw(raw))
	}
	if e.Redacted {
		b.redacted.set(row, true)
	}
	for _, p := range e.Unmapped {
		b.addUnmapped(row, p.Key, b.arena.text(p.Value))
	}
}

func (b *events) rebuildable(e *event.Event) bool {
	var ok bool
	b.line, ok = appendFlowLine(b.line[:0], e)
	return ok && string(b.line) == string(e.Record.Raw)
}

func (b *events) addUnmapped(row int, key, value string) {
	p := event.Pair{Key: b.arena.text(key), Value: value}
	if row < len(b.unmapped.list) {
		b.unmapped.list[row] = append(b.unmapped.list[row], p)
		return
	}
	b.unmapped.set(row, []event.Pair{p})
}

// filler returns a field's column and what moves the field from an event into it.
func (b *events) filler(f *event.Field) (buffer, func(e *event.Event, row int)) {
	switch f.Type {
	case event.TypeText:
		c, h := &texts{values: values[string]{column: f.Name}}, f.TextField()
		return c, func(e *event.Event, row int) { c.add(b.arena, row, e.Text(h)) }
	case event.TypeObject:
		c, h := &texts{values: values[string]{column: jsonColumn(f)}}, f.ObjectField()
		return c, func(e *event.Event, row int) { c.add(b.arena, row, e.Object(h).Raw) }
	case event.TypeInt:
		c, h := newIntegers(f), f.IntField()
		return c, func(e *event.Event, row int) {
			v, ok := e.Int(h)
			switch {
			case ok && c.fits(v):
				c.add(row, v)
			case ok: // kept all the same, where it is no lie
				b.addUnmapped(row, f.Name, strconv.FormatInt(v, 10))
			}
		}
	case event.TypeFloat:
		c, h := &optional[float64]{values: values[float64]{column: f.Name}}, f.FloatField()
		return c, func(e *event.Event, row int) {
			if v, ok := e.Float(h); ok {
				c.add(row, v)
			}
		}
	case event.TypeBool:
		c, h := &optional[bool]{values: values[bool]{column: f.Name}}, f.BoolField()
		return c, func(e *event.Event, row int) {
			if v, ok := e.Bool(h); ok {
				c.add(row, v)
			}
		}
	case event.TypeAddr:
		c, h := &addresses{column: f.Name}, f.AddrField()
		return c, func(e *event.Event, row int) {
			if v := e.Addr(h); v.IsValid() {
				c.set(row, v)
			}
		}
	case event.TypeTime:
		c, h := &times{column: f.Name}, f.TimeField()
		return c, func(e *event.Event, row int) {
			if ns := e.UnixNano(h); ns != 0 {
				c.set(row, time.Unix(0, ns))
			}
		}
	case event.TypeList:
		c, h := &lists{column: f.Name}, f.ListField()
		return c, func(e *event.Event, row int) {
			if v := e.List(h); len(v) > 0 {
				c.set(row, b.copied(v))
			}
		}
	}
	panic("BUG: field " + f.Name + " has the type " + f.Type.String() + ", which no column buffer writes")
}

func (b *events) copied(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = b.arena.text(s)
	}
	return out
}

// jsonColumn holds an object field's JSON text; the field's own name is an ALIAS that extracts its well-known keys.
func jsonColumn(f *event.Field) string { return f.Name + "_json" }
