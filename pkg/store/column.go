package store

import (
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/shrike-sec/shrike/pkg/event"
)

// buffer is one column of a block while it is filled. Missing values cost nothing: they are padded when a value comes
// after them, and a column without any value is left out of the insert, so that ClickHouse fills in its default. (Of a
// flow log's 60 columns a usual layout has 14.)
type buffer interface {
	name() string
	empty() bool
	// send appends the values of those rows, nil meaning all of the block's, to the column of the insert.
	send(to driver.BatchColumn, rows []int, total int) error
}

// values is a column of any type whose zero value is what a missing one is stored as.
type values[T any] struct {
	column string
	list   []T
}

func (v *values[T]) name() string { return v.column }
func (v *values[T]) empty() bool  { return len(v.list) == 0 }

func (v *values[T]) set(row int, x T) {
	v.pad(row)
	v.list = append(v.list, x)
}

func (v *values[T]) pad(to int) {
	if n := to - len(v.list); n > 0 {
		v.list = append(v.list, make([]T, n)...)
	}
}

// pick returns the values of those rows, of all when rows is nil.
func (v *values[T]) pick(rows []int, total int) []T {
	v.pad(total)
	if rows == nil {
		return v.list
	}
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i] = v.list[row]
	}
	return out
}

func (v *values[T]) send(to driver.BatchColumn, rows []int, total int) error {
	return to.Append(v.pick(rows, total))
}

// texts is a text column. Neighbours are often equal, and then share their bytes.
type texts struct {
	values[string]
	last string
}

func (t *texts) add(a *arena, row int, s string) {
	if s == "" {
		return
	}
	if s != t.last {
		t.last = a.text(s)
	}
	t.set(row, t.last)
}

// optional is a column where missing is NULL.
type optional[T any] struct {
	values[T]
	known []bool
}

func (o *optional[T]) add(row int, x T) {
	o.set(row, x)
	if n := row - len(o.known); n > 0 {
		o.known = append(o.known, make([]bool, n)...)
	}
	o.known = append(o.known, true)
}

func (o *optional[T]) send(to driver.BatchColumn, rows []int, total int) error {
	return to.Append(pointers(o, rows, total, func(x T) T { return x }))
}

// pointers is how clickhouse-go takes columns with NULLs: nil where the value is missing.
func pointers[T, U any](o *optional[T], rows []int, total int, convert func(T) U) []*U {
	n := total
	if rows != nil {
		n = len(rows)
	}
	converted, out := make([]U, n), make([]*U, n)
	for i := range n {
		row := i
		if rows != nil {
			row = rows[i]
		}
		if row < len(o.known) && o.known[row] {
			converted[i] = convert(o.list[row])
			out[i] = &converted[i]
		}
	}
	return out
}

// integers is a Nullable column of an integer type that may be too small for what a log says.
type integers struct {
	optional[int64]
	lowest, highest int64
	convert         func(o *optional[int64], rows []int, total int) any
}

func (c *integers) send(to driver.BatchColumn, rows []int, total int) error {
	return to.Append(c.convert(&c.optional, rows, total))
}

func (c *integers) fits(v int64) bool { return c.lowest <= v && v <= c.highest }

func narrow[U uint8 | uint16 | uint32 | uint64 | int32 | int64](o *optional[int64], rows []int, total int) any {
	return pointers(o, rows, total, func(v int64) U { return U(v) })
}

func newIntegers(f *event.Field) *integers {
	c := &integers{optional: optional[int64]{values: values[int64]{column: f.Name}}}
	switch f.SQL {
	case "Nullable(UInt8)":
		c.highest, c.convert = math.MaxUint8, narrow[uint8]
	case "Nullable(UInt16)":
		c.highest, c.convert = math.MaxUint16, narrow[uint16]
	case "Nullable(UInt32)":
		c.highest, c.convert = math.MaxUint32, narrow[uint32]
	case "Nullable(UInt64)":
		c.highest, c.convert = math.MaxInt64, narrow[uint64]
	case "Nullable(Int32)":
		c.lowest, c.highest, c.convert = math.MinInt32, math.MaxInt32, narrow[int32]
	case "Nullable(Int64)":
		c.lowest, c.highest, c.convert = math.MinInt64, math.MaxInt64, narrow[int64]
	default:
		panic("BUG: field " + f.Name + " has the type " + f.SQL + ", which no column buffer writes")
	}
	return c
}

// maps is a Map(…, String) column. Pairs keep their order, so that the block of a range is always the same.
type maps struct{ values[[]event.Pair] }

func (m *maps) send(to driver.BatchColumn, rows []int, total int) error {
	for _, pairs := range m.pick(rows, total) {
		if err := to.AppendRow(orderedMap(pairs)); err != nil {
			return err
		}
	}
	return nil
}

// orderedMap shows pairs to clickhouse-go as a map that has an order.
type orderedMap []event.Pair

var _ column.IterableOrderedMap = orderedMap(nil)

// Put is never called: these maps are only written to ClickHouse.
func (orderedMap) Put(any, any) { panic("BUG: put into a map that is only read") }

// Iterator returns an iterator that stands before the first pair.
func (m orderedMap) Iterator() column.MapIterator { return &mapIterator{pairs: m, at: -1} }

type mapIterator struct {
	pairs orderedMap
	at    int
}

func (i *mapIterator) Next() bool { i.at++; return i.at < len(i.pairs) }
func (i *mapIterator) Key() any   { return i.pairs[i.at].Key }
func (i *mapIterator) Value() any { return i.pairs[i.at].Value }

type (
	addresses = values[netip.Addr]
	times     = values[time.Time]
	lists     = values[[]string]
)

// arena owns the texts of a batch: an event's alias memory that its parser is about to reuse. Copied into chunks, as
// one allocation a text costs more than the copy.
type arena struct {
	chunk strings.Builder
	bytes int
}

const arenaChunk = 1 << 20

func (a *arena) text(s string) string {
	a.room(len(s))
	start := a.chunk.Len()
	a.chunk.WriteString(s)
	return a.chunk.String()[start:]
}

func (a *arena) raw(b []byte) string {
	a.room(len(b))
	start := a.chunk.Len()
	a.chunk.Write(b)
	return a.chunk.String()[start:]
}

// room starts a new chunk where the text would make the current one grow, which would copy it; texts in the old chunk
// keep that alive.
func (a *arena) room(n int) {
	a.bytes += n
	if a.chunk.Cap()-a.chunk.Len() < n {
		a.chunk = strings.Builder{}
		a.chunk.Grow(max(arenaChunk, n))
	}
}
