package distinct

import (
	"slices"
	"testing"

	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/match"
)

// bucket returns the hashes that a signal of these values carries.
func bucket(values []int, count uint64) []uint64 {
	var hashes []uint64
	for _, v := range values {
		hashes = append(hashes, xxh3.Hash([]byte{byte(v), byte(v >> 8), byte(v >> 16)}))
	}
	slices.Sort(hashes)
	return match.MergeHashes(nil, slices.Compact(hashes), match.HashLimit(count))
}

// However the values lie in buckets, a window holds exactly when it has its count of them, and taking a bucket out undoes
// putting it in. Replacing `w.have[h]--` by a delete makes this fail.
func TestWindowIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.Uint64Range(1, 12).Draw(t, "count")
		buckets := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 15), 0, 30), 1, 6).Draw(t, "buckets")
		w := New(count)
		for from := range buckets {
			w.Reset()
			for _, b := range buckets {
				w.Add(0, 0, bucket(b, count))
			}
			for _, b := range buckets[:from] {
				w.Remove(0, 0, bucket(b, count))
			}
			all := slices.Concat(buckets[from:]...)
			slices.Sort(all)
			if got, want := w.Holds(), uint64(len(slices.Compact(all))) >= count; got != want {
				t.Fatalf("holds %v, want %v: %v of %v", got, want, count, buckets[from:])
			}
		}
	})
}

// Above match.MaxHashes the count is an estimate with a standard error of 3 %: it may not be off by 15.
func TestWindowEstimates(t *testing.T) {
	t.Parallel()
	const count = 20_000
	w := New(count)
	held := 0
	for v := 0; v < 2*count && held == 0; v += 50 {
		values := make([]int, 50)
		for i := range values {
			values[i] = v + i
		}
		b := bucket(values, count)
		w.Add(0, 0, b)
		w.Add(0, 0, b) // repeats are no values
		if w.Holds() {
			held = v + 50
		}
	}
	if held < count*85/100 || held > count*115/100 {
		t.Errorf("holds at %d different values, want about %d", held, count)
	}
}

// Up to match.MaxHashes values are told exactly, above them by an estimate.
func TestEstimateOfManyIsNear(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 17, match.MaxHashes - 1, match.MaxHashes, 5_000, 200_000} {
		values := make([]int, n)
		for i := range values {
			values[i] = i
		}
		got, most := int(Estimate(bucket(values, match.MaxHashes))), n/7 // an error of 3 %, five times
		if n < match.MaxHashes {
			most = 0
		}
		if got < n-most || got > n+most {
			t.Errorf("%d values are told to be %d", n, got)
		}
	}
}
