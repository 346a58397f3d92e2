package correlate

import (
	"cmp"
	"math"
	"slices"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/correlate/baseline"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// decide closes the buckets that the watermark is past, and evaluates what is closed, the oldest first.
func (g *baselines) decide(t times, out *Result, offset int64) {
	g.closed = max(g.closed, g.closedAt(t))
	for _, l := range g.layers {
		if l.bucket < g.closed && l.closed < 0 {
			l.closed = offset
		}
	}
	for g.recalled && len(g.layers) > 0 && g.layers[0].closed >= 0 {
		g.close(g.layers[0], out)
		g.layers = slices.Delete(g.layers, 0, 1)
	}
}

// closedAt returns the first bucket that is open at a time.
func (g *baselines) closedAt(t times) int64 {
	switch {
	case t.over:
		return math.MaxInt64
	case t.watermark == math.MinInt64:
		return math.MinInt64
	}
	return floorDiv(t.watermark-g.grace, g.width)
}

// close evaluates a bucket of every group that has a match in it.
func (g *baselines) close(l *layer, out *Result) {
	slices.SortFunc(l.groups, func(a, b *series) int { return cmp.Compare(a.key, b.key) })
	for _, k := range l.groups {
		if k.place == nil {
			continue
		}
		c, ok := k.take(l.bucket)
		switch {
		case !ok:
		case l.bucket < g.settled:
			g.recollect(k, &c)
		default:
			g.evaluate(k, &c, l.closed, out)
		}
		g.resize(k)
	}
}

// evaluate holds a bucket against the past that it then is part of.
func (g *baselines) evaluate(k *series, c *cell, offset int64, out *Result) {
	value := float64(c.count)
	if g.rule.Baseline.Of.Field != nil {
		value = c.sum
	}
	recorded, known := g.recorded(k, c.bucket)
	if known {
		value = recorded
	}
	usual, fired := g.test.Above(&k.past, c.bucket, value)
	g.learned = g.learned || g.test.Learned(&k.past, c.bucket)
	k.past.Put(c.bucket, value, int(g.test.Keep))
	if !known {
		out.Buckets = append(out.Buckets, Bucket{
			RuleHash: g.rule.Hash, Key: memoKey(unpackKey(k.key)), Time: c.bucket * g.width, Value: value, Count: c.count,
			FirstTime: c.first, LastTime: c.last, Severity: severity(c.severity),
			Fired: fired, Usual: usual.Value, Deviation: usual.Deviation, Offset: offset,
		})
	}
	if fired {
		g.grow(k, &excess{tally: c.tally, period: floorDiv(c.bucket*g.width, g.period), value: value, usual: usual}, c.bucket, offset)
		out.Alerts = append(out.Alerts, g.render(k, offset))
	}
}

// recorded returns what the memory says that a bucket came to; ok is false when it does not know. Rows of buckets before it,
// which nothing that was replayed has closed, are past by now.
func (g *baselines) recorded(k *series, bucket int64) (value float64, ok bool) {
	for len(k.ahead) > 0 && k.ahead[0].bucket <= bucket {
		next := k.ahead[0]
		if k.ahead = k.ahead[1:]; len(k.ahead) == 0 {
			k.ahead = nil
		}
		if next.bucket == bucket {
			return next.value, true
		}
		k.past.Put(next.bucket, next.value, int(g.test.Keep))
	}
	return k.past.At(bucket)
}

// grow adds a bucket that fired, and was closed at a signals offset, to the alert of its period.
func (g *baselines) grow(k *series, e *excess, bucket, offset int64) {
	end := (bucket + 1) * g.width
	if k.open == nil || k.open.period < e.period {
		e.reached.fired = end
		k.open = e
	} else {
		k.open.add(&e.tally)
		k.open.recalled = append(k.open.recalled, e.recalled...)
		if e.value > k.open.value {
			k.open.value, k.open.usual = e.value, e.usual
		}
	}
	k.open.reached.note(g.ranks, e.severity, end)
	k.open.reached.tell(0, offset+1)
}

// remember takes a row of the memory in. Rows of one group come in the order of time, and may come again. k is the group of the
// row before, nil for the first, where that was of the same key; remember returns the row's own.
func (g *baselines) remember(b *Bucket, k *series) *series {
	if k == nil {
		key, err := readKey(b.Key)
		if err != nil {
			return nil // at worst the group learns again
		}
		k = g.series(packKey(nil, key))
	}
	bucket := floorDiv(b.Time, g.width)
	if n := len(k.ahead); !g.resumed || bucket < g.settled {
		k.past.Put(bucket, b.Value, int(g.test.Keep))
	} else if n == 0 || bucket > k.ahead[n-1].bucket {
		k.ahead = append(k.ahead, recorded{bucket, b.Value})
	}
	again := k.open != nil && bucket <= k.open.recalled[len(k.open.recalled)-1]
	if b.Fired && bucket < g.settled && !again {
		g.grow(k, &excess{
			tally:  tally{count: b.Count, first: b.FirstTime, last: b.LastTime, severity: int8(rule.SeverityRank(b.Severity))},
			period: floorDiv(b.Time, g.period), recalled: []int64{bucket}, value: b.Value,
			usual: baseline.Usual{Value: b.Usual, Deviation: b.Deviation},
		}, bucket, b.Offset)
	}
	g.resize(k)
	return k
}

// recollect adds to an open alert the samples of a bucket that was evaluated before the restart: all else of it the memory
// had.
func (g *baselines) recollect(k *series, c *cell) {
	if k.open != nil && slices.Contains(k.open.recalled, c.bucket) {
		k.open.samples = k.open.samples.merge(c.samples)
	}
}

// resume says up to when buckets were evaluated before the restart.
func (g *baselines) resume(t times) { g.resumed, g.settled = true, g.closedAt(t) }

// needs returns the first offset that the state rests on.
func (g *baselines) needs() (offset int64, ok bool) {
	offset = math.MaxInt64
	for _, l := range g.layers {
		offset = min(offset, l.from)
	}
	return offset, len(g.layers) > 0
}

// held returns the offset of the first frame that closed what still waits for the memory.
func (g *baselines) held() (offset int64, ok bool) {
	if g.recalled {
		return 0, false
	}
	for _, l := range g.layers {
		if l.closed >= 0 && l.bucket >= g.settled {
			return l.closed, true
		}
	}
	return 0, false
}

func (g *baselines) render(k *series, offset int64) alert.Alert {
	a, key := k.open, unpackKey(k.key)
	v := view{
		rule: g.rule, names: g.names, key: key, id: key, period: a.period, tally: &a.tally,
		start: a.period * g.period, end: (a.period + 1) * g.period, reached: &a.reached,
		said: map[string]said{"value": g.amount(a.value), "usual": g.usual(a)},
	}
	return v.alert(offset)
}

// usual says what the highest value was held against: a mean and its deviation, or a quantile.
func (g *baselines) usual(a *excess) said {
	s := g.amount(a.usual.Value)
	if g.test.Quantile == 0 {
		s.words += " ± " + g.amount(a.usual.Deviation).words
	}
	return s
}

// amount is a value of the baseline.
func (g *baselines) amount(v float64) said { return amount(g.rule.Baseline.Of, v) }
