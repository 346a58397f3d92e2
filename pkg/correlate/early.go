package correlate

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
	"time"
	"unsafe"

	"github.com/shrike-sec/shrike/pkg/match"
)

// Bounds of what is done about partitions that come at different speed.
const (
	// ahead is how far an event may be ahead of the slowest origin, and behind now, to be taken as it comes.
	ahead = int64(time.Hour)
	// maxEarly is how many signals of a rule wait; beyond that, and beyond maxBytes, the earliest is taken, in order or not.
	maxEarly = 20_000
)

// early puts the signals of a rule into the order of their times, as far as that needs no waiting for what is happening now.
// Of a finite input all wait for its end. Whatever waits must not be committed (Engine.Held).
//
// What waits is taken in the order of time, but for two: what happens now passes by history that waits, and so does what has
// waited for long enough. Where history comes without end, there always is some that waits.
type early struct {
	finite   bool
	maxBytes int64
	queue    queue[*waiting]
	fresh    []*waiting // in the queue since the last ripe
	came     []*waiting // in the order of arrival: what waits, and some that was taken
	bytes    int64      // estimated, of the queue
	now      int64      // of the last begin
	seq      uint64
}

// waiting is a signal that was not taken yet.
type waiting struct {
	signal match.Signal
	time   int64 // of its first event
	offset int64
	seq    uint64 // order of arrival
	since  int64  // what time it was then
	bytes  int64
	index  int // in the queue; -1 once it was taken
}

// before orders by time, of one time by what came first.
func (w *waiting) before(o *waiting) bool {
	return cmp.Or(cmp.Compare(w.time, o.time), cmp.Compare(w.seq, o.seq)) < 0
}

func (w *waiting) place() *int { return &w.index }

func (e *early) add(s *match.Signal, offset int64) {
	w := &waiting{signal: *s, time: s.Time, offset: offset, seq: e.seq, bytes: signalBytes(s)}
	if s.First != 0 {
		w.time = s.First
	}
	e.seq++
	e.bytes += w.bytes
	heap.Push(&e.queue, w)
	e.fresh = append(e.fresh, w)
}

// begin says what time it is, before ripe. Where a clock that was ahead is right again, nothing has come later than now.
func (e *early) begin(t times) {
	for _, w := range e.fresh {
		w.since = t.now
	}
	if t.now < e.now {
		for _, w := range e.queue {
			w.since = min(w.since, t.now)
		}
	}
	e.now = t.now
}

// ripe takes out a signal that need not wait any longer; nil when there is none.
func (e *early) ripe(t times) *waiting {
	if len(e.queue) > 0 && (len(e.queue) > maxEarly || e.bytes > e.maxBytes || !e.waits(e.queue[0], t)) {
		return e.take(0)
	}
	for ; len(e.came) > 0; e.came = e.came[1:] {
		w := e.came[0]
		if w.index >= 0 && (e.finite || t.now < w.since+patience) {
			break
		}
		if w.index >= 0 {
			return e.take(w.index)
		}
	}
	for ; len(e.fresh) > 0; e.fresh = e.fresh[1:] {
		w := e.fresh[0]
		if w.index >= 0 && !e.waits(w, t) {
			return e.take(w.index)
		}
		if w.index >= 0 {
			e.came = append(e.came, w)
		}
	}
	if len(e.came) > 2*len(e.queue) {
		e.came = slices.DeleteFunc(e.came, func(w *waiting) bool { return w.index < 0 })
	}
	return nil
}

func (e *early) take(i int) *waiting {
	w, _ := heap.Remove(&e.queue, i).(*waiting)
	e.bytes -= w.bytes
	return w
}

// waits reports whether something earlier than w may be on its way. An origin that has been behind for long is not waited for by
// what happens now: some logs always come hours late.
func (e *early) waits(w *waiting, t times) bool {
	at := min(w.time, t.now) // a wrong clock's tomorrow never comes
	live := at >= t.now-ahead
	switch {
	case t.over:
		return false
	case e.finite:
		return true
	case t.now >= w.since+patience:
		return false
	case t.slowest != math.MinInt64 && at-ahead > t.slowest:
		return !live || t.now < t.behind+patience
	case live:
		return false
	}
	return t.spoken < w.since+settling
}

// What a signal that waits costs beside its texts: itself and its places in queue and came, and each sample and field.
const (
	waitingBytes = int64(unsafe.Sizeof(waiting{})) + 16
	sampleBytes  = int64(unsafe.Sizeof(match.Sample{})) + 48 // and its map
	fieldBytes   = 64
)

func signalBytes(s *match.Signal) int64 {
	n := waitingBytes + int64(len(s.Rule)+len(s.Hash)+len(s.Value))
	for _, k := range s.Key {
		n += 16 + int64(len(k))
	}
	for i := range s.Samples {
		n += sampleBytes + int64(len(s.Samples[i].EventUID)+len(s.Samples[i].NativeID))
		for name, text := range s.Samples[i].Fields {
			n += fieldBytes + int64(len(name)+len(text))
		}
	}
	return n
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
