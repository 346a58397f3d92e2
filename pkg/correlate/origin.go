package correlate

import (
	"math"
	"time"

	"github.com/shrike-sec/shrike/pkg/match"
)

// origins keeps the high-water mark of each origin partition, and how far time has come over all of them.
type origins struct {
	byPartition map[partition]*origin
	// watermark is the smallest over the origins and never falls; MinInt64 until every origin has said how far it is.
	watermark int64
	// clock is the smallest over the origins while all are idle, less Lateness, and never falls; MinInt64 until then.
	clock int64
	// alerts is how far time has come for rules over alerts, and never falls; MinInt64: unknown. See hear.
	alerts int64
	now    int64 // the newest clock of any frame; 0: none told it
	spoken int64 // when the origin that has been silent for longest was heard last; 0: unknown
	idle   bool  // all origins are
	before int64 // what the watermark was at the time heard
	heard  int64 // by the clock of the alerts' origins
}

// AlertDelay is how long an alert takes at most, by the clock, until it is here as an event: it goes through Kafka twice.
const AlertDelay = 10 * time.Second

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
}

func newOrigins() origins {
	return origins{byPartition: map[partition]*origin{}, watermark: math.MinInt64, clock: math.MinInt64, alerts: math.MinInt64, before: math.MinInt64}
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
	o.mark, o.watermark, o.clock, o.alerts = f.To, f.Watermark, f.Clock, f.Alerts
	s.now = max(s.now, f.Clock)
	s.advance()
	if f.Alerts {
		s.hear()
	}
	return true
}

// resume puts time where it had been when what was replayed was left. The watermark that a replay met before may have been
// ahead of that: when it was heard no longer counts.
func (s *origins) resume(p Progress) {
	s.watermark, s.clock, s.alerts, s.before = p.Watermark, p.Clock, p.Alerts, math.MinInt64
}

// hear says how far time has come for rules over alerts: as far as the watermark was AlertDelay ago, for what was alerted on
// up to that has come back by now. The watermark itself says nothing of alerts, which are of event times that the logs have
// passed: by moments, or where a backlog is worked off by hours. The clock is that of the slowest of the alerts' partitions.
func (s *origins) hear() {
	clock := int64(math.MaxInt64)
	for _, o := range s.byPartition {
		if o.alerts {
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

// advance recomputes the watermark. Origins that say they are idle hold nothing up; when all are idle, time stands still,
// because what they send next will be of then, not of the end of time. Their clock goes on.
func (s *origins) advance() {
	smallest, clock, unknown := int64(math.MaxInt64), int64(math.MaxInt64), false
	for _, o := range s.byPartition {
		unknown = unknown || o.watermark == 0
		smallest, clock = min(smallest, o.watermark), min(clock, o.clock)
	}
	s.spoken, s.idle = clock, smallest == math.MaxInt64
	switch {
	case unknown:
	case !s.idle:
		s.watermark = max(s.watermark, smallest)
	case clock != 0: // else of a version that told none
		s.clock = max(s.clock, clock-int64(Lateness))
	}
}
