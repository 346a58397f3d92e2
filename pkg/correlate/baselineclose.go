package correlate

import (
	"slices"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/correlate/baseline"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// decide closes the buckets that the watermark is past, and evaluates what is closed, the oldest first.
func (g *baselines) decide(t times, out *Result, offset int64) {
	g.shut(t, offset)
	evaluate := func(k *series, c *cell, closed int64) {
		if c.bucket < g.settled {
			g.recollect(k, c)
		} else {
			g.evaluate(k, c, closed, out)
		}
	}
	for g.recalled && g.next(evaluate) {
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
			FirstTime: c.first, LastTime: c.last, Severity: rule.SeverityWord(c.severity),
			Fired: fired, Usual: usual.Value, Deviation: usual.Deviation, Offset: offset,
		})
	}
	if fired {
		g.fire(k, c, value, usual, offset)
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

// remember takes a row of the memory in. Rows of one group come in the order of time, and may come again. k is the group of the
// row before, nil for the first, where that was of the same key; remember returns the row's own.
func (g *baselines) remember(b *Bucket, k *series) *series {
	if k == nil {
		key, err := readKey(b.Key)
		if err != nil {
			return nil // at worst the group learns again
		}
		k = g.series(key)
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
	v := g.view(k, map[string]said{"value": g.amount(k.open.value), "usual": g.usual(k.open)})
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
