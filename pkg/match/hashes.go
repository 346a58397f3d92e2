package match

import (
	"slices"

	"github.com/shrike-sec/shrike/pkg/rule"
)

// MaxHashes is k, the most hashes that a signal of kind distinct carries. Up to k different values are counted exactly;
// above, the count is estimated from the k-th smallest hash, with a standard error of about 1/sqrt(k), 3 %.
const MaxHashes = 1024

// HashLimit returns how many of the smallest hashes of each bucket decide whether a window has count different values:
// count itself, since a union has count members exactly when the union of its parts' count smallest has; MaxHashes at most.
func HashLimit(count uint64) int { return int(min(count, MaxHashes)) }

// KeptHashes returns how many of the smallest hashes of each bucket the matches of r keep: those that decide, or where an alert
// tells how many different values it has ({value}), as many as there may be. 0: r is not of kind distinct.
func KeptHashes(r *rule.Rule) int {
	switch {
	case r.Distinct == nil:
		return 0
	case r.Tells("value"):
		return MaxHashes
	}
	return HashLimit(r.Distinct.Count)
}

// MergeHashes returns the limit smallest of both lists, which are sorted and unique. It may reuse a; b is not kept.
func MergeHashes(a, b []uint64, limit int) []uint64 {
	if len(b) == 0 || len(a) >= limit && b[0] >= a[len(a)-1] {
		return a
	}
	a = append(a, b...)
	slices.Sort(a)
	a = slices.Compact(a)
	return a[:min(len(a), limit)]
}

// hashSet keeps the smallest hashes of many. The zero value is empty.
type hashSet struct{ list []uint64 } // sorted and unique up to the last clean-up

func (h *hashSet) add(v uint64, limit int) {
	h.list = append(h.list, v)
	if len(h.list) >= 4*limit+64 { // sorting seldom keeps adding at constant cost
		h.list = h.sorted(limit)
	}
}

func (h *hashSet) sorted(limit int) []uint64 {
	slices.Sort(h.list)
	h.list = slices.Compact(h.list)
	h.list = h.list[:min(len(h.list), limit)]
	return h.list
}
