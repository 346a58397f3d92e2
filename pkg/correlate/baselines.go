package correlate

import (
	"math"

	"github.com/shrike-sec/shrike/pkg/correlate/baseline"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// baselines correlates the rules of kind baseline: a bucket is evaluated once the memory has been recalled, and then part of the
// past.
type baselines struct {
	bucketed
	test     baseline.Test
	expired  int64 // number of the first bucket of the past that was not dropped
	recalled bool
	learned  bool
}

// recorded is a bucket that was closed and written before a crash, and not committed: what is replayed closes it again. It is
// no part of the past before that, or buckets before it would be held against less of their own.
type recorded struct {
	bucket int64
	value  float64
}

func newBaselines(r *rule.Rule, o Options) *baselines {
	return &baselines{bucketed: newBucketed(r, o), test: testOf(r.Baseline), expired: math.MinInt64}
}

func testOf(b *rule.Baseline) baseline.Test {
	return baseline.Test{
		Deviations: b.Above.Deviations, Quantile: b.Above.Quantile, Times: b.Above.Times, AtLeast: b.AtLeast,
		Keep: int64(b.Past / b.Bucket), Learn: int64((b.Learning + b.Bucket - 1) / b.Bucket),
	}
}

// expire drops groups of which nothing is left to be held against.
func (g *baselines) expire(before int64) {
	oldest := floorDiv(before, g.width) - g.test.Keep
	if !eighth(oldest, g.expired, max(8, g.test.Keep)) {
		return
	}
	g.expired = oldest
	for _, k := range g.byKey {
		if newest, ok := k.past.Newest(); len(k.cells)+len(k.ahead) == 0 && (!ok || newest < oldest) {
			g.remove(k)
		}
	}
}

// adopt: with another dedup time, open alerts would be of other periods; of another past, the memory may know more than is here.
func (g *baselines) adopt(r *rule.Rule) bool {
	same := int64(r.Period()) == g.period && r.Baseline.Past == g.rule.Baseline.Past
	g.rule, g.ranks, g.test = r, ranks(r), testOf(r.Baseline)
	g.names.extend(r)
	return same
}
