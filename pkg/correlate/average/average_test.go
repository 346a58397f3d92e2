package average

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/rule"
)

// Whether a bucket fires is what the numbers themselves say. Each of these, changed, makes it fail: the case of t.Limit.Low,
// either comparison behind it, the Ceil in rank and what is taken off there, count < t.Count.
func TestPastIsTheDefinition(t *testing.T) {
	t.Parallel()
	fired, not := map[rule.Bound]int{}, map[rule.Bound]int{}
	rapid.Check(t, func(t *rapid.T) {
		test := Test{
			Quantile: rapid.SampledFrom([]float64{0, 0.05, 0.07, 0.5, 0.9, 0.95, 1}).Draw(t, "quantile"),
			Count:    uint64(rapid.IntRange(1, 4).Draw(t, "count")),
			Limit: rule.Limit{
				Bound: rapid.SampledFrom([]rule.Bound{rule.Over, rule.AtLeast, rule.Under, rule.AtMost}).Draw(t, "bound"),
				Value: float64(rapid.IntRange(1, 6).Draw(t, "limit")),
			},
		}
		n := rapid.SampledFrom([]int{1, 2, 3, 5, 20, 100}).Draw(t, "n")
		rank := (int(test.Quantile*1000+0.5)*n + 999) / 1000 // ⌈q·n⌉ in whole numbers
		numbers := rapid.SliceOfN(rapid.IntRange(0, 8), n, n).Draw(t, "numbers")
		if rapid.Bool().Draw(t, "close") { // as many of them below 4 as the rank is, or nearly
			below := rank + rapid.IntRange(-1, 1).Draw(t, "off")
			for i := range numbers {
				numbers[i] %= 4
				if i >= below {
					numbers[i] += 4
				}
			}
			test.Limit.Value = 4
		}
		sum, past := 0, 0
		for _, v := range numbers {
			sum += v
			if test.Limit.Past(float64(v)) {
				past++
			}
		}
		carried, value := float64(sum), float64(sum)/float64(n)
		if test.Quantile > 0 {
			slices.Sort(numbers)
			carried, value = float64(past), float64(numbers[rank-1])
		}
		want := test.Limit.Past(value) && uint64(n) >= test.Count
		got, fires := test.Past(uint64(n), carried)
		if fires != want || test.Quantile == 0 && fires && got != value {
			t.Fatalf("%v of %v past %v: got %v (%v), want %v (%v)", test.Quantile, numbers, test.Limit, fires, got, want, value)
		}
		if want {
			fired[test.Limit.Bound]++
		} else {
			not[test.Limit.Bound]++
		}
	})
	if len(fired) < 4 || len(not) < 4 {
		t.Errorf("fired by bound %v, not %v: too few to say something", fired, not)
	}
}

// Fractions that are no multiples of what numbers are rounded to are compared as they were written. Deleting the comparison with
// AverageGrain makes it fail.
func TestAMeanOfTenthsIsAtItsLimit(t *testing.T) {
	t.Parallel()
	rounded := func(v float64) float64 { return math.Round(v/rule.AverageGrain) * rule.AverageGrain }
	for tenths := 1; tenths < 10; tenths++ {
		v := float64(tenths) / 10
		for bound, want := range map[rule.Bound]bool{rule.Over: false, rule.AtLeast: true, rule.Under: false, rule.AtMost: true} {
			test := Test{Limit: rule.Limit{Bound: bound, Value: v}}
			if got, fires := test.Past(7, 7*rounded(v)); fires != want || fires && got != v {
				t.Errorf("the mean %v of seven times %v is %s %v: %v", got, v, bound, v, fires)
			}
			apart := Test{Limit: rule.Limit{Bound: bound, Value: v + 0.0001}}
			if _, fires := apart.Past(7, 7*rounded(v)); fires != apart.Limit.Past(v) {
				t.Errorf("%v against %v: %s is %v", v, v+0.0001, bound, fires)
			}
		}
	}
}

func TestNothingIsNoMean(t *testing.T) {
	t.Parallel()
	if _, fires := (&Test{Limit: rule.Limit{Bound: rule.Under, Value: 5}}).Past(0, 0); fires {
		t.Error("no number at all is below 5")
	}
}

// What is off by rounding alone is not a rank higher: in floating point 0.07·100 is above 7. Leaving it in rank makes it fail.
func TestRankIsWhatIsMeant(t *testing.T) {
	t.Parallel()
	for hundredth := 1; hundredth <= 100; hundredth++ {
		test := Test{Quantile: float64(hundredth) / 100}
		for n := 1; n <= 1000; n++ {
			if got, want := test.rank(float64(n)), (hundredth*n+99)/100; got != float64(want) {
				t.Fatalf("rank of the %v quantile of %d: got %v, want %d", test.Quantile, n, got, want)
			}
		}
	}
}
