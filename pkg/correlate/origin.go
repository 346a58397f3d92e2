package correlate

import (
	"math"
	"time"

	"github.com/shrike-sec/shrike/pkg/match"
)

// origins keeps the high-water mark of each origin partition, and how far time has come over all of them.
type origins struct {
	byPartition map[partition]*origin
	// watermark is the smallest over the origins, heard a moment ago (reach), and never falls; MinInt64 until every origin has said
	// how far it is.
	watermark int64
	next      Mark // what the watermark will be
	// clock is what time it is while all origins are idle, less Lateness, and never falls; MinInt64 until then. See rest.
	clock  int64
	idle   Mark  // what time it is by rest, and by their clocks; At 0: they are not idle
	newest int64 // how far any of them has come; MinInt64: unknown
	// alerts is how far time has come for rules over alerts, and never falls; MinInt64: unknown. See hear.
	alerts int64
	now    int64 // the newest of the origins' clocks; 0: none told it. It falls when a clock that was ahead is put right
	spoken int64 // when the origin that has been silent for longest, though not for patience, was heard last; 0: unknown
	// slowest is where the slowest origin is now; MaxInt64: all are idle; MinInt64: not every origin has said how far it is.
	slowest int64
	behind  int64 // since when slowest has been more than ahead behind now; 0: it is not
	before  int64 // what the watermark was at the time heard
	heard   int64 // by the clock of the alerts' origins
	elapsed int64 // since the first frame: see elapse
}

// AlertDelay is how long an alert takes at most, by the clock, until it is here as an event: it goes through Kafka twice.
const AlertDelay = 10 * time.Second

// What is sent to several partitions at once comes at different times, and of those that were idle one may be days ahead before
// the other has said a word.
const (
	// settling is how much later than an origin has said something all of them must have spoken, by their clock, for nothing to be
	// on its way any more that was sent along with it.
	settling = int64(time.Second)
	// patience is how long an origin is waited for that says nothing at all: it may be gone.
	patience = int64(5 * time.Minute)
	// gone is for how long an origin that says nothing holds time, while others speak: what it brings after that is late.
	// Detect speaks of each of its partitions every few seconds; that another member of it takes one over, that it is
	// upgraded or that a broker of Kafka is replaced takes minutes. It is as far as anything may be behind without being
	// history (ahead). An origin for good, of a topic made anew with fewer partitions, would hold time until a restart.
	gone = int64(time.Hour)
)

type partition struct {
	topic string
	no    int
}

type origin struct {
	epoch     uint64 // generation of the topic: a higher one replaces the lower
	mark      int64  // offset up to which frames were applied
	watermark int64  // as in match.Frame
	clock     int64  // likewise
	alerts    bool   // likewise
	heard     int64  // what origins.elapsed was at its last frame
}

func newOrigins() origins {
	const unknown = math.MinInt64
	return origins{
		byPartition: map[partition]*origin{}, watermark: unknown, next: Mark{Watermark: unknown}, clock: unknown,
		newest: unknown, alerts: unknown, slowest: unknown, before: unknown,
	}
}

// accept reports whether f is new, and moves mark and watermark. An empty frame at the mark is a heartbeat: it is accepted,
// since it says how far time has come.
func (s *origins) accept(f *match.Frame) bool {
	at := partition{topic: f.Origin.Topic, no: f.Origin.Partition}
	o := s.byPartition[at]
	if o == nil || f.Origin.Epoch > o.epoch {
		o = &origin{epoch: f.Origin.Epoch, mark: math.MinInt64}
		s.byPartition[at] = o
	}
	heartbeat := len(f.Signals) == 0 && f.Origin.Offset == f.To && f.To == o.mark
	if f.Origin.Epoch < o.epoch || f.To <= o.mark && !heartbeat {
		return false
	}
	s.elapse(o, f.Clock)
	o.mark, o.watermark, o.clock, o.alerts = f.To, f.Watermark, f.Clock, f.Alerts
	if f.Watermark != 0 && f.Watermark != math.MaxInt64 {
		s.newest = max(s.newest, f.Watermark)
	}
	s.advance()
	if f.Alerts {
		s.hear()
	}
	return true
}

// elapse takes on the time in which frames came, by the steps of each origin's own clock: so it does not matter which clocks are
// wrong. As in rest, what nothing was heard in for longer than patience does not count, nor where a clock was put right.
func (s *origins) elapse(o *origin, clock int64) {
	if step := clock - o.clock; o.clock != 0 && step > 0 && step < patience {
		s.elapsed = max(s.elapsed, o.heard+step)
	}
	o.heard = s.elapsed
}

// silent reports whether the origin has said nothing for so long that it no longer counts, until it speaks again.
func (s *origins) silent(o *origin) bool { return s.elapsed-o.heard >= gone }

// resume puts time where it had been when what was replayed was left. The watermark that a replay met before may have been
// ahead of that: when it was heard no longer counts.
func (s *origins) resume(p Progress) {
	s.watermark, s.clock, s.alerts, s.before, s.next = p.Watermark, p.Clock, p.Alerts, math.MinInt64, p.Next
}

// hear says how far time has come for rules over alerts: as far as the watermark was AlertDelay ago, for what was alerted on
// up to that has come back by now. The watermark itself says nothing of alerts, which are of event times that the logs have
// passed: by moments, or where a backlog is worked off by hours. The clock is that of the slowest of the alerts' partitions.
func (s *origins) hear() {
	clock := int64(math.MaxInt64)
	for _, o := range s.byPartition {
		if o.alerts && !s.silent(o) {
			clock = min(clock, o.clock)
		}
	}
	delay := int64(AlertDelay)
	switch {
	case clock >= s.heard+delay:
		s.alerts = max(s.alerts, s.before)
	case clock >= s.heard-delay:
		return
	} // else it was put back: how long ago the watermark was heard is not known
	s.before, s.heard = s.watermark, clock
}

// advance recomputes the watermark. Origins that say they are idle hold nothing up, nor do those that are gone; when all are
// idle, time stands still, because what they send next will be of then, not of the end of time. The clock goes on.
func (s *origins) advance() {
	smallest, clock, now, unknown := int64(math.MaxInt64), int64(math.MaxInt64), int64(0), false
	for _, o := range s.byPartition {
		if s.silent(o) {
			continue
		}
		unknown = unknown || o.watermark == 0
		smallest, clock, now = min(smallest, o.watermark), min(clock, o.clock), max(now, o.clock)
	}
	s.now, s.spoken, s.slowest = now, now, smallest
	for _, o := range s.byPartition {
		if o.clock == 0 || o.clock > now-patience {
			s.spoken = min(s.spoken, o.clock)
		}
	}
	s.next.At = min(s.next.At, now) // where it is later, a clock was wrong
	if unknown {
		s.slowest = math.MinInt64
		return
	}
	s.lag()
	if smallest != math.MaxInt64 {
		s.reach(smallest)
		s.idle = Mark{}
		return
	}
	if s.spoken >= s.next.At+settling {
		s.watermark = max(s.watermark, s.next.Watermark)
	}
	if clock != 0 { // else of a version that told none
		s.rest(clock)
	}
}

// lag notes since when the slowest origin has been behind.
func (s *origins) lag() {
	switch {
	case s.slowest >= s.now-ahead:
		s.behind = 0
	case s.behind == 0 || s.behind > s.now:
		s.behind = s.now
	}
}

// rest takes time on while all origins are idle: from as far as any has come, at the pace of their clocks. That is not what
// their clocks say: where yesterday's logs are read and come in pieces, it is yesterday. Nor is it time in which nobody read, or by
// which a clock was put right: what nothing was heard in for longer than patience does not count.
func (s *origins) rest(clock int64) {
	if s.idle.At == 0 || s.idle.Watermark == math.MinInt64 {
		s.idle = Mark{Watermark: s.clock, At: clock}
		if s.newest != math.MinInt64 {
			s.idle.Watermark = s.newest - int64(Lateness)
		}
	}
	if step := clock - s.idle.At; step > 0 && step < patience && s.idle.Watermark != math.MinInt64 {
		s.idle.Watermark += step
	}
	s.idle.At = clock
	s.clock = max(s.clock, s.idle.Watermark)
}

// reach takes the watermark on to where the origins were a moment ago, and not back behind since.
func (s *origins) reach(smallest int64) {
	if s.spoken < s.next.At+settling && s.spoken != 0 {
		s.next.Watermark = min(s.next.Watermark, smallest)
		return
	}
	if s.spoken != 0 {
		smallest, s.next = min(s.next.Watermark, smallest), Mark{smallest, s.now}
	}
	s.watermark = max(s.watermark, smallest)
}
