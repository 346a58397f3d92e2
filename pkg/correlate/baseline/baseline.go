// Package baseline is the kind baseline: whether a bucket's value is above what the group's own earlier buckets say.
//
// The past of bucket b is the run of buckets that begins with the first one of [b−keep, b) that had a match and ends before
// b; buckets without a match count as 0 in it. Over its n values:
//
//   - the mean is their sum through n, the deviation that of the population: the root of the mean square of the distances
//     from the mean. A past of equal values has deviation 0, and then everything above the mean is above it: that is what
//     the least value is for.
//   - the quantile q is the smallest value that at least q·n of them do not exceed: definition 1 of Hyndman and Fan,
//     "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996), also called nearest rank. It is always
//     a value that was there, and 1 is the largest.
//
// A past keeps values as float32, which halves its memory: they are off by a ten-millionth at most. correlate puts values
// in when a bucket is closed, or from long memory, and asks Test before it puts in the bucket's own.
package baseline

import (
	"math"
	"slices"
)

// Past is what a group's buckets came to. The zero value is empty.
type Past struct {
	first  int64     // number of values[0]
	values []float32 // NaN where the bucket had no match
}

var none = float32(math.NaN())

// Put keeps the value of a bucket, which had a match, and drops what is keep buckets or more before the newest. What is
// there stays: a bucket is closed once.
func (p *Past) Put(bucket int64, value float64, keep int) {
	switch n := int64(len(p.values)); {
	case n == 0:
		p.first, p.values = bucket, append(p.values, none)
	case bucket >= p.first+n+int64(keep): // all of it is too old
		p.first, p.values = bucket, append(p.values[:0], none)
	case bucket <= p.first+n-1-int64(keep): // it is too old itself
		return
	case bucket < p.first:
		p.values = slices.Insert(p.values, 0, slices.Repeat([]float32{none}, int(p.first-bucket))...)
		p.first = bucket
	default:
		for ; bucket >= p.first+n; n++ {
			p.values = append(p.values, none)
		}
	}
	if at := &p.values[bucket-p.first]; *at != *at {
		*at = float32(value)
	}
	if over := len(p.values) - keep; over > 0 {
		p.values = slices.Delete(p.values, 0, over)
		p.first += int64(over)
	}
}

// At returns the value of a bucket, and whether it had a match.
func (p *Past) At(bucket int64) (value float64, ok bool) {
	if bucket < p.first || bucket >= p.first+int64(len(p.values)) {
		return 0, false
	}
	v := p.values[bucket-p.first]
	return number(v), v == v
}

// Newest returns the number of the newest bucket with a match; ok is false when there is none.
func (p *Past) Newest() (bucket int64, ok bool) {
	return p.first + int64(len(p.values)) - 1, len(p.values) > 0
}

// Bytes is the memory that the values take.
func (p *Past) Bytes() int64 { return 4 * int64(cap(p.values)) }

// Test is when a value is above a past. Exactly one of Deviations and Quantile is set, as in rule.Above.
type Test struct {
	Deviations, Quantile, Times float64
	AtLeast                     float64
	Keep                        int64 // buckets of the past
	Learn                       int64 // how many of them there must be
}

// Usual is what a value was held against.
type Usual struct {
	Value     float64 // mean, or quantile
	Deviation float64 // 0 with a quantile
}

// Above reports whether the value of a bucket is above its past, and then what is usual there.
func (t *Test) Above(p *Past, bucket int64, value float64) (Usual, bool) {
	if value < t.AtLeast {
		return Usual{}, false
	}
	values, zeros := p.before(bucket, t.Keep)
	n := int64(len(values)) + zeros
	if n == 0 || n < t.Learn {
		return Usual{}, false
	}
	if t.Quantile > 0 {
		u := Usual{Value: quantile(values, zeros, t.Quantile)}
		return u, value > u.Value*t.Times
	}
	u := spread(values, zeros)
	return u, value > u.Value+t.Deviations*u.Deviation
}

// Learned reports whether a bucket has as much of a past as there must be.
func (t *Test) Learned(p *Past, bucket int64) bool {
	values, zeros := p.before(bucket, t.Keep)
	n := int64(len(values)) + zeros
	return n > 0 && n >= t.Learn
}

// before returns the past of a bucket: values (NaN is 0), and how many zeros follow them.
func (p *Past) before(bucket, keep int64) (values []float32, zeros int64) {
	from, to := max(bucket-keep, p.first), min(bucket, p.first+int64(len(p.values)))
	for from < to && p.values[from-p.first] != p.values[from-p.first] {
		from++
	}
	if from >= to {
		return nil, 0
	}
	return p.values[from-p.first : to-p.first], bucket - to
}

func number(v float32) float64 {
	if v != v {
		return 0
	}
	return float64(v)
}

// spread takes mean and deviation in two passes, in the order of time: the same values give the same bits.
func spread(values []float32, zeros int64) Usual {
	sum, n := 0.0, float64(len(values))+float64(zeros)
	for _, v := range values {
		sum += number(v)
	}
	mean := sum / n
	squares := float64(zeros) * mean * mean
	for _, v := range values {
		d := number(v) - mean
		squares += d * d
	}
	return Usual{Value: mean, Deviation: math.Sqrt(squares / n)}
}

// quantile sorts a copy: groups that come here have reached the least value, which few do.
func quantile(values []float32, zeros int64, q float64) float64 {
	n := int64(len(values)) + zeros
	rank := max(1, int64(math.Ceil(q*float64(n)))) // from 1
	if rank <= zeros {
		return 0
	}
	sorted := make([]float64, len(values))
	for i, v := range values {
		sorted[i] = number(v)
	}
	slices.Sort(sorted)
	return sorted[min(rank, n)-zeros-1]
}
