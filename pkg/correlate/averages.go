package correlate

import (
	"math"

	"github.com/shrike-sec/shrike/pkg/correlate/average"
	"github.com/shrike-sec/shrike/pkg/correlate/baseline"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// averages correlates the rules of kind average. What a bucket comes to rises and falls with each signal, so it is decided when
// the bucket is closed. There is no memory: after a restart the buckets of alerts that may still grow are added up anew, with
// what came late for them; the end of the replay closes them, whose revision was told before.
type averages struct {
	bucketed
	test    average.Test
	expired int64 // event time up to which groups were dropped; MinInt64: none was
}

func newAverages(r *rule.Rule, o Options) *averages {
	g := &averages{bucketed: newBucketed(r, o), test: averageOf(r.Average), expired: math.MinInt64}
	g.lowest = r.Average.Limit.Low()
	return g
}

func averageOf(a *rule.Average) average.Test {
	return average.Test{Quantile: a.Quantile, Limit: a.Limit, Count: a.Count}
}

// decide closes the buckets that the watermark is past, and evaluates them, the oldest first.
func (g *averages) decide(t times, out *Result, offset int64) {
	g.shut(t, offset)
	more := true
	for more {
		more = g.next(func(k *series, c *cell, closed int64) {
			value, fires := g.test.Past(c.count, c.sum)
			if !fires {
				return
			}
			g.fire(k, c, value, baseline.Usual{}, closed)
			v := g.view(k, g.said(k.open))
			out.Alerts = append(out.Alerts, v.alert(closed))
		})
	}
}

// said is what the title may name: of a mean, how far out it was.
func (g *averages) said(a *excess) map[string]said {
	if g.test.Quantile > 0 {
		return nil
	}
	return map[string]said{"value": amount(g.rule.Average.Of, a.value)}
}

// expire drops groups without open buckets whose alert cannot grow any more.
func (g *averages) expire(before int64) {
	if !eighth(before, g.expired, g.width+g.period+int64(Lateness)) {
		return
	}
	g.expired = before
	for _, k := range g.byKey {
		if len(k.cells) == 0 && (k.open == nil || (k.open.period+1)*g.period <= before) {
			g.remove(k)
		}
	}
}

// adopt: with another dedup time, open alerts would be of other periods.
func (g *averages) adopt(r *rule.Rule) bool {
	g.rule, g.ranks = r, ranks(r)
	g.names.extend(r)
	return int64(r.Period()) == g.period
}
