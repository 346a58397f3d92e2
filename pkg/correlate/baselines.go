package correlate

import (
	"cmp"
	"container/list"
	"math"
	"slices"
	"unsafe"

	"github.com/shrike-sec/shrike/pkg/correlate/baseline"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// baselines correlates the rules of kind baseline. Signals add up in the cells of their groups, one for each bucket that is
// open; buckets that are open for some group are layers. A layer is closed when the watermark is past its end and the grace,
// evaluated once the memory has been recalled, and then part of the past. What comes for a closed bucket is late.
type baselines struct {
	rule   *rule.Rule
	names  *names
	ranks  []int8 // of the severities that the rule gives
	test   baseline.Test
	width  int64
	period int64
	grace  int64

	byKey    map[string]*series
	layers   []*layer // by bucket
	closed   int64    // number of the first bucket that is not closed; MinInt64: none is
	settled  int64    // likewise of those that were evaluated before the restart
	expired  int64    // likewise of the past that was dropped
	resumed  bool
	recalled bool
	stalest  *list.List // of *series, the longest without a signal first
	bytes    int64
	maxKeys  int
	maxBytes int64
	evicted  uint64
	late     uint64
	learned  bool
	buf      []byte
}

// series is the state of one group key.
type series struct {
	key   string // packed values of group_by
	past  baseline.Past
	ahead []recorded // rows of the memory that are to be decided again, by bucket
	cells []cell     // open buckets, by number
	open  *excess    // nil for a group that has not fired
	size  int64
	place *list.Element // nil once it was removed
}

// recorded is a bucket that was closed and written before a crash, and not committed: what is replayed closes it again. It is
// no part of the past before that, or buckets before it would be held against less of their own.
type recorded struct {
	bucket int64
	value  float64
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
	value    float64 // of the highest bucket
	usual    baseline.Usual
}

// layer is a bucket that is not evaluated yet.
type layer struct {
	bucket int64
	from   int64 // smallest signals offset that it rests on
	closed int64 // offset of the frame that closed it; -1 while it is open
	groups []*series
}

func newBaselines(r *rule.Rule, o Options) *baselines {
	b := r.Baseline
	return &baselines{
		rule: r, names: newNames(r), ranks: ranks(r), width: int64(b.Bucket), period: int64(r.Period()), grace: grace(b.Bucket),
		test: testOf(b), byKey: map[string]*series{}, closed: math.MinInt64, settled: math.MinInt64, expired: math.MinInt64, stalest: list.New(),
		maxKeys: o.MaxKeys, maxBytes: o.MaxBytes,
	}
}

func testOf(b *rule.Baseline) baseline.Test {
	return baseline.Test{
		Deviations: b.Above.Deviations, Quantile: b.Above.Quantile, Times: b.Above.Times, AtLeast: b.AtLeast,
		Keep: int64(b.Past / b.Bucket), Learn: int64((b.Learning + b.Bucket - 1) / b.Bucket),
	}
}

// signal adds s to its group's bucket.
func (g *baselines) signal(s *match.Signal, offset int64) {
	bucket := floorDiv(s.Time, g.width)
	if bucket < g.closed {
		g.late += s.Count
		return
	}
	t := newTally(s, g.names)
	g.buf = packKey(g.buf[:0], s.Key)
	k := g.series(g.buf)
	g.stalest.MoveToBack(k.place)
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

// series finds or makes the group of a packed key.
func (g *baselines) series(key []byte) *series {
	k := g.byKey[string(key)]
	if k == nil {
		k = &series{key: string(key)}
		k.place = g.stalest.PushBack(k)
		g.byKey[k.key] = k
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

func (g *baselines) layer(bucket int64) *layer {
	i, found := slices.BinarySearchFunc(g.layers, bucket, func(l *layer, b int64) int { return cmp.Compare(l.bucket, b) })
	if !found {
		g.layers = slices.Insert(g.layers, i, &layer{bucket: bucket, from: math.MaxInt64, closed: -1})
	}
	return g.layers[i]
}

// flush drops the groups longest without a signal while there is more state than allowed. When they come again, they learn
// again, until the next restart recalls them.
func (g *baselines) flush(*Result, int64) {
	for len(g.byKey) > g.maxKeys || g.bytes > g.maxBytes {
		front := g.stalest.Front()
		if front == nil {
			return
		}
		if k, ok := front.Value.(*series); ok {
			g.remove(k)
			g.evicted++
		}
	}
}

func (g *baselines) remove(k *series) {
	g.stalest.Remove(k.place)
	k.place = nil
	delete(g.byKey, k.key)
	g.bytes -= k.size
}

// expire drops groups of which nothing is left to be held against, in steps of an eighth of the past.
func (g *baselines) expire(before int64) {
	oldest := floorDiv(before, g.width) - g.test.Keep
	if step := max(1, g.test.Keep/8); g.expired != math.MinInt64 && oldest < g.expired+step {
		return
	}
	g.expired = oldest
	for _, k := range g.byKey {
		if newest, ok := k.past.Newest(); len(k.cells)+len(k.ahead) == 0 && (!ok || newest < oldest) {
			g.remove(k)
		}
	}
}

// What a group costs beside its texts and values.
const (
	seriesBytes = int64(unsafe.Sizeof(series{})) + 112 // and its places in map and list
	cellBytes   = int64(unsafe.Sizeof(cell{})) + 8     // and its place in the layer
	excessBytes = int64(unsafe.Sizeof(excess{}))
)

// resize counts the group's memory anew.
func (g *baselines) resize(k *series) {
	size := seriesBytes + int64(len(k.key)) + k.past.Bytes() + int64(cap(k.cells))*cellBytes
	for i := range k.cells {
		size += int64(len(k.cells[i].samples))
	}
	if k.open != nil {
		size += excessBytes + int64(len(k.open.samples)) + int64(cap(k.open.reached.levels))*levelBytes
	}
	g.bytes += size - k.size
	k.size = size
}

// adopt: with another dedup time, open alerts would be of other periods; of another past, the memory may know more than is here.
func (g *baselines) adopt(r *rule.Rule) bool {
	same := int64(r.Period()) == g.period && r.Baseline.Past == g.rule.Baseline.Past
	g.rule, g.ranks, g.test = r, ranks(r), testOf(r.Baseline)
	g.names.extend(r)
	return same
}

func (g *baselines) stats() RuleStats {
	return RuleStats{Rule: g.rule.ID, Keys: len(g.byKey), Bytes: g.bytes, Evicted: g.evicted, Late: g.late}
}
