package correlate

import (
	"cmp"
	"container/heap"
	"math"
	"time"

	"github.com/shrike-sec/shrike/pkg/match"
)

// Bounds of what is done about partitions that come at different speed.
const (
	// ahead is how far an event may be ahead of the slowest origin, and behind now, to be taken as it comes.
	ahead = int64(time.Hour)
	// maxEarly is how many signals of a rule wait; beyond that the earliest is taken, in order or not.
	maxEarly = 20_000
)

// early puts the signals of a rule into the order of their times, as far as that needs no waiting for what is happening now.
// Of a finite input all wait for its end. Whatever waits must not be committed (Engine.Held).
type early struct {
	finite bool
	queue  earlyQueue
	fresh  []*waiting // in the queue since the last ripe
	seq    uint64
}

// waiting is a signal that was not taken yet.
type waiting struct {
	signal match.Signal
	time   int64 // of its first event
	offset int64
	seq    uint64 // order of arrival
	since  int64  // what time it was then
}

func (e *early) add(s *match.Signal, offset int64) {
	w := &waiting{signal: *s, time: s.Time, offset: offset, seq: e.seq}
	if s.First != 0 {
		w.time = s.First
	}
	e.seq++
	heap.Push(&e.queue, w)
	e.fresh = append(e.fresh, w)
}

// ripe takes out the earliest signal if it need not wait any longer; nil when there is none.
func (e *early) ripe(t times) *waiting {
	for _, w := range e.fresh {
		w.since = t.now
	}
	e.fresh = e.fresh[:0]
	if len(e.queue) == 0 || len(e.queue) <= maxEarly && e.waits(e.queue[0], t) {
		return nil
	}
	w, _ := heap.Pop(&e.queue).(*waiting)
	return w
}

// waits reports whether something earlier than w may be on its way.
func (e *early) waits(w *waiting, t times) bool {
	at := min(w.time, t.now) // a wrong clock's tomorrow never comes
	switch {
	case t.over:
		return false
	case e.finite:
		return true
	case t.now >= w.since+patience:
		return false
	case t.slowest != math.MinInt64 && at-ahead > t.slowest:
		return true
	case at >= t.now-ahead:
		return false
	}
	return t.spoken < w.since+settling
}

// from returns the time of the earliest that waits, at most t.
func (e *early) from(t int64) int64 {
	if len(e.queue) > 0 {
		t = min(t, e.queue[0].time)
	}
	return t
}

// oldest returns the smallest offset of what waits.
func (e *early) oldest() (offset int64, ok bool) {
	offset = math.MaxInt64
	for _, w := range e.queue {
		offset = min(offset, w.offset)
	}
	return offset, len(e.queue) > 0
}

// earlyQueue is a heap.Interface: the earliest comes first, of one time the one that came first.
type earlyQueue []*waiting

func (q earlyQueue) Len() int { return len(q) }

func (q earlyQueue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].time, q[j].time), cmp.Compare(q[i].seq, q[j].seq)) < 0
}

func (q earlyQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is for package heap, which passes what add gave it.
func (q *earlyQueue) Push(w any) {
	e, _ := w.(*waiting)
	*q = append(*q, e)
}

// Pop is for package heap.
func (q *earlyQueue) Pop() any {
	last := len(*q) - 1
	w := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return w
}
