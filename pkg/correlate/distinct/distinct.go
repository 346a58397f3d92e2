// Package distinct is the kind distinct: a window fires where its matches have at least so many different values.
//
// Signals carry the k smallest 64-bit hashes of their values (match.HashLimit). Up to match.MaxHashes different values the
// answer is exact. Above, the number of different values is estimated as (k−1)·2^64 / (k-th smallest hash of the window),
// with a standard error of 1/sqrt(k), 3 %. Both are functions of the set of values alone, so neither the cut into signals
// nor their order matters, and both only grow. correlate moves the window over a group's signals and calls Add, Remove
// and Holds.
package distinct

import (
	"math"

	"github.com/shrike-sec/shrike/pkg/match"
)

// Window holds how often each hash is in the window.
type Window struct {
	need  int    // different hashes below limit that make the window fire
	limit uint64 // larger hashes do not count
	have  map[uint64]int32
}

// New returns a window that fires at count different values.
func New(count uint64) *Window {
	w := &Window{need: match.HashLimit(count), limit: math.MaxUint64, have: map[uint64]int32{}}
	if count > match.MaxHashes {
		// The estimate reaches count exactly when the k-th smallest hash is at or below this limit, which is when at
		// least k hashes are: counting those needs no sorting.
		w.limit = uint64(float64(match.MaxHashes-1) / float64(count) * math.MaxUint64)
	}
	return w
}

// Reset empties the window. A map that has been large stays slow to clear: it is left behind.
func (w *Window) Reset() {
	if len(w.have) > 4096 {
		w.have = map[uint64]int32{}
		return
	}
	clear(w.have)
}

// Add takes a signal in.
func (w *Window) Add(_ uint64, _ float64, hashes []uint64) {
	for _, h := range hashes {
		if h > w.limit {
			return
		}
		w.have[h]++
	}
}

// Remove takes a signal out.
func (w *Window) Remove(_ uint64, _ float64, hashes []uint64) {
	for _, h := range hashes {
		if h > w.limit {
			return
		}
		if w.have[h]--; w.have[h] == 0 {
			delete(w.have, h)
		}
	}
}

// Holds reports whether the window has its count of different values.
func (w *Window) Holds() bool { return len(w.have) >= w.need }

// Estimate returns how many different values there are of which these are the smallest hashes, sorted and unique: their number
// below match.MaxHashes, else an estimate.
func Estimate(hashes []uint64) uint64 {
	k := len(hashes)
	if k < match.MaxHashes || hashes[k-1] == 0 {
		return uint64(k)
	}
	return max(uint64(k), uint64(math.Round(float64(k-1)/(float64(hashes[k-1])/math.MaxUint64))))
}
