package correlate

import (
	"cmp"
	"container/heap"
	"math"
	"time"
	"unsafe"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/correlate/absence"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// absences correlates the rules of kind absence. Time is the watermark or, where all origins are idle, a clock, less what
// logs may be late. A silence that is decided stays so; an event that comes when its own silence would have been decided is
// late, and the group is not seen by it.
type absences struct {
	rule    *rule.Rule
	names   *names
	silence int64 // For
	forget  int64
	period  int64
	grace   int64 // how much later than the watermark says a silence is decided
	now     int64 // silences that are over before it are decided
	settled int64 // likewise those that were decided before the restart

	state[*presence] // in the order of from
	due              queue[*presence]
	late             uint64
}

// presence is the state of one group key.
type presence struct {
	entry[*presence]
	absence.Presence
	at    int64 // when the queue brings it up
	from  int64 // signals offset that its state rests on, or less
	index int   // in the queue, -1 when it is not there
}

// before orders by what is due first, of one time by key.
func (k *presence) before(o *presence) bool {
	return cmp.Or(cmp.Compare(k.at, o.at), cmp.Compare(k.key, o.key)) < 0
}

func (k *presence) place() *int { return &k.index }

func newAbsences(r *rule.Rule, o Options) *absences {
	a := r.Absence
	return &absences{
		rule: r, names: newNames(r), silence: int64(a.For), forget: int64(a.Forget), period: int64(r.Period()), grace: grace(a.For),
		now: math.MinInt64, settled: math.MinInt64, state: newState[*presence](o),
	}
}

// grace is how far behind the watermark what waits for it still takes events in: logs come in files that overlap. It is a
// quarter of the stretch that the rule looks at, Lateness at most.
func grace(window time.Duration) int64 { return int64(min(Lateness, window/4)) }

func (g *absences) signal(s *match.Signal, offset int64) {
	t := newTally(s, g.names)
	if t.last+g.silence < g.now {
		g.late += s.Count
		return
	}
	span := absence.Span{First: t.first, Last: t.last, Offset: offset, Mark: absence.Mark{Bucket: s.Time, Severity: t.severity, Offset: offset}}
	if t.samples != "" {
		first := t.samples.unpack(nil)[0]
		span.Mark.Sample, span.Mark.Time, span.Mark.ID = string(t.samples), first.time, first.id
	}
	k, packed := g.find(s.Key)
	if k == nil {
		k = &presence{index: -1}
		g.keep(k, packed)
	}
	k.See(span, g.silence)
	if k.Offset() == offset {
		k.from = offset
		g.renew(k)
	}
	if end, _ := k.End(); k.index < 0 || end+g.silence < k.at {
		g.schedule(k, end+g.silence)
	}
	g.resize(k)
}

// schedule puts a group into the queue, or moves it forward. One whose silence moves on stays where it is until it comes up:
// so a busy group costs nothing here.
func (g *absences) schedule(k *presence, at int64) {
	k.at = at
	if k.index < 0 {
		heap.Push(&g.due, k)
		return
	}
	heap.Fix(&g.due, k.index)
}

func (g *absences) flush(*Result, int64) { g.bound(g.remove) }

func (g *absences) remove(k *presence) {
	heap.Remove(&g.due, k.index)
	g.state.remove(k)
}

// decide tells the silences that are over by now, the first to be over first.
func (g *absences) decide(t times, out *Result, offset int64) {
	g.now = max(g.now, g.at(t))
	for len(g.due) > 0 && g.due[0].at < g.now {
		k := g.due[0]
		if end, _ := k.End(); end+g.silence >= g.now {
			k.at = end + g.silence
			heap.Fix(&g.due, 0)
			continue
		}
		s := k.Decide()
		if s.Last+g.silence >= g.settled && g.now-s.Last < g.forget {
			out.Alerts = append(out.Alerts, g.render(k, &s, offset))
		}
		if _, more := k.End(); more {
			g.resize(k)
			continue // and find it a later place
		}
		g.remove(k)
	}
}

// at says what time it is: nothing before it comes any more. The end of a finite input is behind its last event, and not
// behind what may follow.
func (g *absences) at(t times) int64 {
	switch {
	case t.over:
		return t.clock + 1
	case t.watermark == math.MinInt64:
		return t.clock
	}
	return max(t.clock, t.watermark-g.grace)
}

// resume says up to when silences were decided before the restart.
func (g *absences) resume(t times) { g.settled = g.at(t) }

// needs returns the first offset that the state rests on.
func (g *absences) needs() (offset int64, ok bool) {
	if g.head == nil {
		return 0, false
	}
	return g.head.from, true
}

func (g *absences) render(k *presence, s *absence.Span, offset int64) alert.Alert {
	key := unpackKey(k.key)
	over := reached{fired: s.Last + g.silence}
	over.note(ranks(g.rule), s.Mark.Severity, over.fired)
	v := view{
		rule: g.rule, names: g.names, key: key, id: key, period: floorDiv(s.Last, g.period), start: s.Last, end: over.fired, reached: &over,
		tally: &tally{count: 1, first: s.Last, last: s.Last, samples: evidence(s.Mark.Sample), severity: s.Mark.Severity},
	}
	return v.alert(offset)
}

func (g *absences) expire(int64) {} // a group goes when its silence is decided

// What a group costs beside its spans: itself, and its places in map and queue.
const presenceBytes = int64(unsafe.Sizeof(presence{})) + 112

func (k *presence) bytes() int64 { return presenceBytes + int64(len(k.key)) + k.Bytes() }

// adopt: with another dedup time, a silence would be of another period.
func (g *absences) adopt(r *rule.Rule) bool {
	same := int64(r.Period()) == g.period
	g.rule, g.forget = r, int64(r.Absence.Forget)
	g.names.extend(r)
	return same
}

func (g *absences) stats() RuleStats {
	s := g.state.stats(g.rule.ID)
	s.Late = g.late
	return s
}
