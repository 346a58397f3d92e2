package store

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Range is a stretch of one partition: the offsets From <= o < To.
type Range struct {
	Epoch     uint64
	Topic     string
	Partition int
	From, To  int64
}

// token names the range to ClickHouse: what is inserted under a token twice is stored once.
func (r Range) token() string {
	return fmt.Sprintf("%d/%s/%d/%d-%d", r.Epoch, r.Topic, r.Partition, r.From, r.To)
}

// Batch is all that became of one range, by table. Fill it in the order of offsets, so that the same range gives
// the same blocks, give it to Insert, and forget it. It copies what it is given. It is not safe for concurrent use.
type Batch struct {
	r        Range
	arena    arena
	classes  map[event.Class]*events
	dead     *deadLetters
	alerts   *alerts
	controls []uint64
	holes    [][]any

	events, deadCount, expired uint32 // distinct offsets
	lastEvent, lastDead        int64
	firstTime                  int64 // of the rows, Unix nanoseconds
	placed                     bool
}

// NewBatch returns the empty batch of a range.
func NewBatch(r Range) *Batch {
	return &Batch{r: r, classes: map[event.Class]*events{}, lastEvent: -1, lastDead: -1, firstTime: math.MaxInt64}
}

// Event adds an event, at the offset of its Position.
func (b *Batch) Event(e *event.Event) {
	block := b.classes[e.Class]
	if block == nil {
		block = newEvents(e.Class, &b.arena)
		b.classes[e.Class] = block
	}
	block.add(e)
	if e.Position.Offset != b.lastEvent {
		b.lastEvent = e.Position.Offset
		b.events++
	}
	b.firstTime = min(b.firstTime, e.UnixNano(event.EventTime))
}

// DeadLetter adds what could not become an event, or not be kept as one.
func (b *Batch) DeadLetter(d *record.DeadLetter, offset int64) {
	if b.dead == nil {
		b.dead = newDeadLetters(&b.arena)
	}
	idx := 0
	if offset == b.lastDead {
		idx = int(b.dead.idxs.list[b.dead.rows-1]) + 1
	} else {
		b.lastDead = offset
		if d.Reason == record.ReasonExpired || d.Reason == record.ReasonFuture {
			b.expired++
		} else {
			b.deadCount++
		}
	}
	b.dead.add(d, offset, idx)
	b.firstTime = min(b.firstTime, d.Received.UnixNano())
}

// Control notes that the record at the offset was one of the log's own making, such as a header, that no row comes of.
func (b *Batch) Control(offset int64) { b.controls = append(b.controls, uint64(offset)) }

// Hole notes that Kafka has nothing at the offsets from <= o < to.
func (b *Batch) Hole(from, to int64) {
	b.holes = append(b.holes, []any{uint64(from), uint64(to)})
}

// Alert adds an alert, or a newer revision of one.
func (b *Batch) Alert(a *alert.Alert, offset int64) {
	if b.alerts == nil {
		b.alerts = newAlerts(&b.arena)
	}
	b.alerts.add(a, offset)
}

// blocks returns the blocks whose rows are known by offset and index, in an order that is always the same.
func (b *Batch) blocks() []*block {
	var out []*block
	for _, class := range event.LogClasses() {
		if e := b.classes[class]; e != nil {
			out = append(out, &e.block)
		}
	}
	if b.dead != nil {
		out = append(out, &b.dead.block)
	}
	return out
}

// place completes the blocks once the batch is full.
func (b *Batch) place() {
	if b.placed {
		return
	}
	b.placed = true
	for _, block := range b.blocks() {
		block.place(b.r)
		block.columns = append(block.columns, &block.idxs)
	}
	if b.alerts != nil {
		b.alerts.place(b.r)
	}
}

// coverage returns the row that says what became of the range. Its key is the range's first offset.
func (b *Batch) coverage() *block {
	c := &block{table: "coverage"}
	c.row(b.r.From, 0)
	number := func(name string, v uint32) *values[uint32] { return &values[uint32]{column: name, list: []uint32{v}} }
	var alerts uint32
	if b.alerts != nil {
		alerts = uint32(b.alerts.rows)
	}
	first := time.Unix(0, 0)
	if b.firstTime != math.MaxInt64 {
		first = time.Unix(0, b.firstTime)
	}
	c.columns = []buffer{
		&values[uint64]{column: "epoch", list: []uint64{b.r.Epoch}},
		&values[string]{column: "topic", list: []string{b.r.Topic}},
		number("partition", uint32(b.r.Partition)),
		&values[uint64]{column: "from_offset", list: []uint64{uint64(b.r.From)}},
		&values[uint64]{column: "to_offset", list: []uint64{uint64(b.r.To)}},
		number("events", b.events), number("dead_letters", b.deadCount), number("expired", b.expired), number("alerts", alerts),
		&values[[]uint64]{column: "controls", list: [][]uint64{b.controls}},
		&values[[][]any]{column: "holes", list: [][][]any{b.holes}},
		&values[time.Time]{column: "first_time", list: []time.Time{first}},
	}
	return c
}

// deadLetters fills the table dead_letter.
type deadLetters struct {
	block
	arena                                          *arena
	received                                       times
	source, object, format, layout, reason, detail texts
	position, line                                 values[int64]
	size                                           values[uint64]
	raws                                           values[string]
}

func newDeadLetters(a *arena) *deadLetters {
	d := &deadLetters{arena: a, block: block{table: "dead_letter"}}
	d.received.column, d.position.column, d.line.column, d.size.column, d.raws.column = "received_time", "object_offset", "line", "size", "raw"
	d.source.column, d.object.column, d.format.column, d.layout.column = "source", "object", "format", "layout"
	d.reason.column, d.detail.column = "reason", "detail"
	d.columns = []buffer{
		&d.received, &d.source, &d.object, &d.position, &d.line, &d.format, &d.layout, &d.reason, &d.detail, &d.size, &d.raws,
	}
	return d
}

func (b *deadLetters) add(d *record.DeadLetter, offset int64, idx int) {
	row := b.row(offset, idx)
	b.received.set(row, d.Received)
	b.source.add(b.arena, row, d.Origin.Source)
	b.object.add(b.arena, row, d.Origin.Object)
	b.position.set(row, d.Origin.Offset)
	b.line.set(row, d.Origin.Line)
	b.format.add(b.arena, row, d.Format)
	b.layout.add(b.arena, row, d.Layout)
	b.reason.add(b.arena, row, string(d.Reason))
	b.detail.add(b.arena, row, d.Detail)
	b.size.set(row, uint64(max(d.Size, int64(len(d.Raw)))))
	b.raws.set(row, b.arena.raw(d.Raw))
}

// alerts fills the table alerts: the alert's JSON, and what is asked for in columns.
type alerts struct {
	block
	arena                                                          *arena
	id, status, rule, version, title, severity, kind, entity, body texts
	revision                                                       values[int64]
	attack, tags, classes                                          lists
	group                                                          maps
	periodStart, periodEnd, first, last                            times
	count                                                          values[uint64]
	late                                                           values[bool]
}

func newAlerts(a *arena) *alerts {
	t := &alerts{arena: a, block: block{table: "alerts"}}
	for name, c := range map[string]*texts{
		"id": &t.id, "status": &t.status, "rule_id": &t.rule, "rule_version": &t.version, "title": &t.title, "severity": &t.severity,
		"entity_kind": &t.kind, "entity_id": &t.entity, "body": &t.body,
	} {
		c.column = name
	}
	for name, c := range map[string]*times{
		"period_start": &t.periodStart, "period_end": &t.periodEnd, "first_event_time": &t.first, "last_event_time": &t.last,
	} {
		c.column = name
	}
	t.revision.column, t.count.column, t.late.column, t.group.column = "revision", "count", "late", "group"
	t.attack.column, t.tags.column, t.classes.column = "attack", "tags", "classes"
	t.columns = []buffer{
		&t.id, &t.revision, &t.status, &t.rule, &t.version, &t.title, &t.severity, &t.attack, &t.tags, &t.classes, &t.kind, &t.entity,
		&t.group, &t.periodStart, &t.periodEnd, &t.first, &t.last, &t.count, &t.late, &t.body,
	}
	return t
}

func (t *alerts) add(a *alert.Alert, offset int64) {
	body, err := json.Marshal(a)
	if err != nil {
		panic("BUG: an alert that is no JSON: " + err.Error())
	}
	row := t.row(offset, 0)
	t.id.add(t.arena, row, a.ID)
	t.revision.set(row, a.Revision)
	t.status.add(t.arena, row, a.Status)
	t.rule.add(t.arena, row, a.RuleID)
	t.version.add(t.arena, row, a.RuleVersion)
	t.title.add(t.arena, row, a.Title)
	t.severity.add(t.arena, row, a.Severity)
	t.attack.set(row, slices.Clone(a.Attack))
	t.tags.set(row, slices.Clone(a.Tags))
	t.classes.set(row, slices.Clone(a.Classes))
	t.kind.add(t.arena, row, a.Entity.Kind)
	t.entity.add(t.arena, row, a.Entity.ID)
	var group []event.Pair
	for k, v := range a.Group {
		group = append(group, event.Pair{Key: k, Value: v})
	}
	slices.SortFunc(group, func(x, y event.Pair) int { return strings.Compare(x.Key, y.Key) })
	t.group.set(row, group)
	t.periodStart.set(row, a.Period.Start)
	t.periodEnd.set(row, a.Period.End)
	t.first.set(row, a.FirstEventTime)
	t.last.set(row, a.LastEventTime)
	t.count.set(row, a.Count)
	t.late.set(row, a.Late)
	t.body.add(t.arena, row, string(body))
}
