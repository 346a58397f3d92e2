package baseline

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever comes in whatever order, Above says what the definition says. Each of these, changed, makes it fail: the loop over
// NaN in before, float64(zeros) in spread, -zeros in quantile, p.first += in Put, the test for NaN there.
func TestAboveIsTheDefinition(t *testing.T) {
	t.Parallel()
	above, below := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.IntRange(2, 12).Draw(t, "keep")
		test := Test{Keep: int64(keep), Learn: int64(rapid.IntRange(1, keep).Draw(t, "learn")), AtLeast: 2}
		if rapid.Bool().Draw(t, "deviations") {
			test.Deviations = rapid.SampledFrom([]float64{0.5, 1, 2}).Draw(t, "n")
		} else {
			test.Quantile = rapid.SampledFrom([]float64{0.1, 0.5, 0.9, 1}).Draw(t, "q")
			test.Times = rapid.SampledFrom([]float64{1, 1.5, 3}).Draw(t, "times")
		}
		var p Past
		seen := map[int64]float64{}
		bucket := int64(-20)
		for range rapid.IntRange(0, 30).Draw(t, "puts") {
			bucket += rapid.SampledFrom([]int64{1, 1, 1, 2, 5, 15}).Draw(t, "step")
			v := float64(rapid.IntRange(0, 9).Draw(t, "value"))
			p.Put(bucket, v, keep)
			p.Put(bucket, 99, keep) // is closed
			seen[bucket] = v
		}
		b, value := bucket+rapid.Int64Range(1, 4).Draw(t, "after"), float64(rapid.IntRange(0, 20).Draw(t, "value"))
		usual, got := test.Above(&p, b, value)
		wantUsual, want := define(seen, b, value, &test)
		if math.Abs(value-wantUsual.Value-test.Deviations*wantUsual.Deviation) < 1e-9 && test.Quantile == 0 {
			t.Skip("as good as equal: rounding decides")
		}
		if got != want || got && math.Abs(usual.Value-wantUsual.Value)+math.Abs(usual.Deviation-wantUsual.Deviation) > 1e-9 {
			t.Fatalf("bucket %d with %v: got %v, %v; want %v, %v", b, value, usual, got, wantUsual, want)
		}
		if got {
			above++
		} else {
			below++
		}
		if v, ok := p.At(bucket); len(seen) > 0 && (!ok || v != seen[bucket]) {
			t.Fatalf("bucket %d has %v, %v; want %v", bucket, v, ok, seen[bucket])
		}
	})
	if above < 5 || below < 5 {
		t.Errorf("%d values above, %d not: too few to say something", above, below)
	}
}

func define(seen map[int64]float64, b int64, value float64, t *Test) (Usual, bool) {
	var past []float64
	for i := b - t.Keep; i < b; i++ {
		if v, ok := seen[i]; ok || len(past) > 0 {
			past = append(past, v)
		}
	}
	n := float64(len(past))
	if n == 0 || int64(n) < t.Learn || value < t.AtLeast {
		return Usual{}, false
	}
	if t.Quantile > 0 {
		for _, x := range slices.Sorted(slices.Values(past)) {
			atMost := 0.0
			for _, v := range past {
				if v <= x {
					atMost++
				}
			}
			if atMost >= t.Quantile*n {
				return Usual{Value: x}, value > x*t.Times
			}
		}
	}
	sum, squares := 0.0, 0.0
	for _, v := range past {
		sum += v
	}
	for _, v := range past {
		squares += (v - sum/n) * (v - sum/n)
	}
	u := Usual{Value: sum / n, Deviation: math.Sqrt(squares / n)}
	return u, value > u.Value+t.Deviations*u.Deviation
}

// Rows of long memory may come in any order, and older ones after newer ones.
func TestPastTakesAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const keep = 6
		var p Past
		seen := map[int64]float64{}
		newest := int64(math.MinInt64)
		for range rapid.IntRange(1, 20).Draw(t, "puts") {
			b, v := rapid.Int64Range(-15, 15).Draw(t, "bucket"), float64(rapid.IntRange(0, 9).Draw(t, "value"))
			newest = max(newest, b)
			if have, ok := p.At(b); ok {
				v = have
			}
			if b > newest-keep {
				seen[b] = v
			}
			p.Put(b, v, keep)
		}
		for b := int64(-30); b < 30; b++ {
			want, ok := seen[b]
			ok = ok && b > newest-keep
			if !ok {
				want = 0
			}
			if v, has := p.At(b); has != ok || v != want {
				t.Fatalf("bucket %d: got %v, %v; want %v, %v", b, v, has, want, ok)
			}
		}
		if b, _ := p.Newest(); b != newest {
			t.Fatalf("newest is %d, want %d", b, newest)
		}
	})
}
