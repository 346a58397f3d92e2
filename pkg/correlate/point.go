package correlate

import (
	"cmp"
	"slices"
	"sort"
	"unsafe"

	"github.com/shrike-sec/shrike/pkg/match"
)

// point is the signals of one time bucket.
type point struct {
	tally
	reach
	time  int64
	state uint8
}

// reach is how far the kinds sum and distinct have come. Adding is commutative and associative.
type reach struct {
	sum    float64   // kind sum
	hashes *[]uint64 // kind distinct; a pointer, since the other kinds have far more points and none
}

// fold adds what a signal says beside its tally.
func (p *reach) fold(sum float64, hashes []uint64, limit int) {
	p.sum += sum
	if limit == 0 {
		return
	}
	if p.hashes == nil {
		p.hashes = new([]uint64)
	}
	*p.hashes = match.MergeHashes(*p.hashes, hashes, limit)
}

// join adds another point of the same time, which nothing is known of yet.
func (p *point) join(o *point, limit int) {
	p.add(&o.tally)
	p.fold(o.sum, o.values(), limit)
}

func (p *reach) values() []uint64 {
	if p.hashes == nil {
		return nil
	}
	return *p.hashes
}

// bytes is what the hashes cost.
func (p *reach) bytes() int64 {
	if p.hashes == nil {
		return 0
	}
	return int64(unsafe.Sizeof(*p.hashes)) + int64(8*cap(*p.hashes))
}

// What is known of a point. None is ever taken back.
const (
	fires     uint8 = 1 << iota // the window that ends here holds
	inOwn                       // counted in the alert of its own period
	inNext                      // counted in the alert of the next period: with D >= W, no window reaches further
	unsampled                   // every alert that can show its samples has them: they were dropped
)

// point finds or makes the point at t. What does not come last waits at the end of the list until settle: input in any
// order would else move the list once for each point.
func (k *group) point(t int64) *point {
	n := len(k.points)
	if n > 0 && k.points[n-1].time == t {
		return &k.points[n-1]
	}
	inOrder := int(k.sorted) == n && (n == 0 || k.points[n-1].time < t)
	if !inOrder {
		if i := k.search(t); i < int(k.sorted) && k.points[i].time == t {
			return &k.points[i]
		}
	}
	k.points = append(k.points, point{time: t})
	if inOrder {
		k.sorted++
	}
	return &k.points[n]
}

// settle puts the points in their places, and together where several came for one time.
func (k *group) settle(limit int) {
	n := int(k.sorted)
	if n == len(k.points) {
		return
	}
	fresh := slices.Clone(k.points[n:])
	slices.SortFunc(fresh, func(a, b point) int { return cmp.Compare(a.time, b.time) })
	last := 0
	for i := 1; i < len(fresh); i++ {
		if fresh[i].time == fresh[last].time {
			fresh[last].join(&fresh[i], limit)
			continue
		}
		last++
		fresh[last] = fresh[i]
	}
	clear(k.points[n+last+1:])
	k.points = k.points[:n+last+1]
	for from, at := n-1, n+last; last >= 0; at-- {
		if from >= 0 && k.points[from].time > fresh[last].time {
			k.points[at] = k.points[from]
			from--
		} else {
			k.points[at] = fresh[last]
			last--
		}
	}
	k.sorted = int32(len(k.points))
}

// search returns the index of the first point in place that is at or after t.
func (k *group) search(t int64) int {
	return sort.Search(int(k.sorted), func(i int) bool { return k.points[i].time >= t })
}
