// Package average is the kind average: whether the mean, or a quantile, of a bucket's numbers is past a limit.
//
// A bucket knows how many numbers there were and their sum or, for a quantile, how many of them are past the limit: the
// quantile q of n numbers, by nearest rank the r-th smallest with r = ⌈q·n⌉, is past an upper limit where fewer than r of them
// are not, and past a lower one where at least r of them are. correlate adds up and asks Test when the bucket is over; this
// package knows nothing of signals, groups and time.
package average

import (
	"math"

	"github.com/shrike-sec/shrike/pkg/rule"
)

// Test is when a bucket fires.
type Test struct {
	Quantile float64 // from above 0 to 1; 0: the mean
	Limit    rule.Limit
	Count    uint64 // how many numbers there must be, 1 at least
}

// Past reports whether a bucket of count numbers fires; sum is what they add up to, or for a quantile how many are past the
// limit. value is their mean, and without meaning for a quantile.
func (t *Test) Past(count uint64, sum float64) (value float64, fires bool) {
	n := float64(count)
	switch {
	case count < t.Count || count == 0:
		return 0, false
	case t.Quantile == 0:
		value = sum / n
		if math.Abs(value-t.Limit.Value) <= rule.AverageGrain/2 { // 0.3 is no multiple of the grain, and the mean of nothing but 0.3 is 0.3
			value = t.Limit.Value
		}
		return value, t.Limit.Past(value)
	case t.Limit.Low():
		return 0, sum >= t.rank(n)
	}
	return 0, n-sum < t.rank(n)
}

// rank is the place of the quantile among n numbers, from 1. What is off by rounding alone (0.07·100 is above 7) is not above.
func (t *Test) rank(n float64) float64 {
	return max(1, min(math.Ceil(t.Quantile*n-1e-9*n), n))
}
