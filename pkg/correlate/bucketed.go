package correlate

import (
	"cmp"
	"math"
	"slices"
	"unsafe"

	"github.com/shrike-sec/shrike/pkg/correlate/baseline"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// bucketed is what the kinds share that look at whole buckets of event time. Signals add up in the cells of their groups, one
// for each bucket that is open; buckets that are open for some group are layers. A layer is closed when the watermark is past
// its end and the grace, and evaluated once. What comes for a closed bucket is late.
type bucketed struct {
	rule   *rule.Rule
	names  *names
	ranks  []int8 // of the severities that the rule gives
	lowest bool   // the smallest of an alert's values is told of, not the largest
	width  int64
	period int64
	grace  int64

	state[*series]
	layers  []*layer // by bucket
	closed  int64    // number of the first bucket that is not closed; MinInt64: none is
	settled int64    // likewise of those that were evaluated before the restart
	resumed bool
	late    uint64
}

// series is the state of one group key.
type series struct {
	entry[*series]
	past  baseline.Past // kind baseline
	ahead []recorded    // likewise: rows of the memory that are to be decided again, by bucket
	cells []cell        // open buckets, by number
	open  *excess       // nil for a group that has not fired
}

// cell is one open bucket of a group.
type cell struct {
	tally
	bucket int64
	sum    float64
}

// excess is an alert that may still grow. Buckets are closed in order, so one is enough.
type excess struct {
	tally
	period   int64   // number: floor(beginning of the bucket/D)
	recalled []int64 // buckets that the memory knows of, in order
	reached  reached // at the ends of buckets
	value    float64 // of the bucket that is the farthest out
	usual    baseline.Usual
}

// layer is a bucket that is not evaluated yet.
type layer struct {
	bucket int64
	from   int64 // smallest signals offset that it rests on
	closed int64 // offset of the frame that closed it; -1 while it is open
	groups []*series
}

func newBucketed(r *rule.Rule, o Options) bucketed {
	return bucketed{
		rule: r, names: newNames(r), ranks: ranks(r), width: int64(r.Window()), period: int64(r.Period()), grace: grace(r.Window()),
		state: newState[*series](o), closed: math.MinInt64, settled: math.MinInt64,
	}
}

// signal adds s to its group's bucket.
func (g *bucketed) signal(s *match.Signal, offset int64) {
	bucket := floorDiv(s.Time, g.width)
	if bucket < g.closed {
		g.late += s.Count
		return
	}
	t := newTally(s, g.names)
	k := g.series(s.Key)
	g.renew(k)
	c, made := k.cell(bucket)
	if made {
		l := g.layer(bucket)
		l.from = min(l.from, offset)
		l.groups = append(l.groups, k)
	}
	c.sum += s.Sum
	c.add(&t)
	c.samples = c.samples.head(match.SampleLimit(g.rule))
	g.resize(k)
}

// series finds or makes the group of a key.
func (g *bucketed) series(key []string) *series {
	k, packed := g.find(key)
	if k == nil {
		k = &series{}
		g.keep(k, packed)
	}
	return k
}

func (k *series) cell(bucket int64) (c *cell, made bool) {
	i, found := slices.BinarySearchFunc(k.cells, bucket, func(c cell, b int64) int { return cmp.Compare(c.bucket, b) })
	if !found {
		k.cells = slices.Insert(k.cells, i, cell{bucket: bucket})
	}
	return &k.cells[i], !found
}

// take takes an open bucket out; ok is false when the group has none of that number.
func (k *series) take(bucket int64) (c cell, ok bool) {
	i := slices.IndexFunc(k.cells, func(c cell) bool { return c.bucket == bucket })
	if i < 0 {
		return cell{}, false
	}
	c = k.cells[i]
	if k.cells = slices.Delete(k.cells, i, i+1); len(k.cells) == 0 {
		k.cells = nil
	}
	return c, true
}

func (g *bucketed) layer(bucket int64) *layer {
	i, found := slices.BinarySearchFunc(g.layers, bucket, func(l *layer, b int64) int { return cmp.Compare(l.bucket, b) })
	if !found {
		g.layers = slices.Insert(g.layers, i, &layer{bucket: bucket, from: math.MaxInt64, closed: -1})
	}
	return g.layers[i]
}

// flush drops the groups longest without a signal while there is more state than allowed. When those of a baseline come again,
// they learn again, until the next restart recalls them.
func (g *bucketed) flush(*Result, int64) { g.bound(g.remove) }

// What a group costs beside its texts and values.
const (
	seriesBytes = int64(unsafe.Sizeof(series{})) + 64 // and its place in the map
	cellBytes   = int64(unsafe.Sizeof(cell{})) + 8    // and its place in the layer
	excessBytes = int64(unsafe.Sizeof(excess{}))
)

func (k *series) bytes() int64 {
	size := seriesBytes + int64(len(k.key)) + k.past.Bytes() + int64(cap(k.cells))*cellBytes
	for i := range k.cells {
		size += int64(len(k.cells[i].samples))
	}
	if k.open != nil {
		size += excessBytes + int64(len(k.open.samples)) + int64(cap(k.open.reached.levels))*levelBytes
	}
	return size
}

func (g *bucketed) stats() RuleStats {
	s := g.state.stats(g.rule.ID)
	s.Late = g.late
	return s
}

// closedAt returns the first bucket that is open at a time.
func (g *bucketed) closedAt(t times) int64 {
	switch {
	case t.over:
		return math.MaxInt64
	case t.watermark == math.MinInt64:
		return math.MinInt64
	}
	return floorDiv(t.watermark-g.grace, g.width)
}

// shut closes the buckets that the watermark is past, with the frame at an offset.
func (g *bucketed) shut(t times, offset int64) {
	g.closed = max(g.closed, g.closedAt(t))
	for _, l := range g.layers {
		if l.bucket < g.closed && l.closed < 0 {
			l.closed = offset
		}
	}
}

// next takes out the oldest layer if it is closed, and gives each group that has a match in it, by key. The cell is valid
// during the call. ok is false when no layer is closed.
func (g *bucketed) next(evaluate func(k *series, c *cell, closed int64)) (ok bool) {
	if len(g.layers) == 0 || g.layers[0].closed < 0 {
		return false
	}
	l := g.layers[0]
	g.layers = slices.Delete(g.layers, 0, 1)
	slices.SortFunc(l.groups, func(a, b *series) int { return cmp.Compare(a.key, b.key) })
	for _, k := range l.groups {
		if !g.has(k) {
			continue
		}
		if c, ok := k.take(l.bucket); ok {
			evaluate(k, &c, l.closed)
		}
		g.resize(k)
	}
	return true
}

// fire adds a bucket of a group, which was closed with the frame at an offset, to the alert of its period.
func (g *bucketed) fire(k *series, c *cell, value float64, usual baseline.Usual, offset int64) {
	g.grow(k, &excess{tally: c.tally, period: floorDiv(c.bucket*g.width, g.period), value: value, usual: usual}, c.bucket, offset)
}

// grow adds a bucket that fired, and was closed at a signals offset, to the alert of its period.
func (g *bucketed) grow(k *series, e *excess, bucket, offset int64) {
	end := (bucket + 1) * g.width
	if k.open == nil || k.open.period < e.period {
		e.reached.fired = end
		k.open = e
	} else {
		k.open.add(&e.tally)
		k.open.recalled = append(k.open.recalled, e.recalled...)
		if e.value > k.open.value != g.lowest {
			k.open.value, k.open.usual = e.value, e.usual
		}
	}
	k.open.reached.note(g.ranks, e.severity, end)
	k.open.reached.tell(0, offset+1)
}

// resume says up to when buckets were evaluated before the restart.
func (g *bucketed) resume(t times) { g.resumed, g.settled = true, g.closedAt(t) }

// needs returns the first offset that the state rests on.
func (g *bucketed) needs() (offset int64, ok bool) {
	offset = math.MaxInt64
	for _, l := range g.layers {
		offset = min(offset, l.from)
	}
	return offset, len(g.layers) > 0
}

// view is a group's open alert; said is what its title may say of it beside the fields.
func (g *bucketed) view(k *series, said map[string]said) view {
	a, key := k.open, unpackKey(k.key)
	return view{
		rule: g.rule, names: g.names, key: key, id: key, period: a.period, tally: &a.tally,
		start: a.period * g.period, end: (a.period + 1) * g.period, reached: &a.reached, said: said,
	}
}
