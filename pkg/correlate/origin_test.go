package correlate

import (
	"math"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Two partitions that were idle are sent history at once. The one that comes first does not take time past the other; what is
// gone for good does not keep it. Each of these, changed, makes it fail: the case for what is unknown in advance, its condition
// on patience, settling in reach, either min there, next.At or next.Watermark in advance, next in resume.
func TestWatermarkWaitsForWhoWasIdle(t *testing.T) {
	t.Parallel()
	const idle, unknown = math.MaxInt64, math.MinInt64
	type step struct{ partition, clock, says, want int64 } // the clock in tenths of a second
	for name, c := range map[string]struct {
		resumes *Progress
		steps   []step
	}{
		"from idle": {nil, []step{
			{0, 0, idle, unknown}, {1, 1, idle, unknown},
			{0, 20, 300, unknown}, {1, 24, 100, unknown}, // 300 was not the slowest
			{0, 31, 400, unknown}, {1, 32, 150, 100}, {1, 40, 380, 100}, {0, 43, idle, 100}, {1, 55, 500, 150}, {0, 66, idle, 150}, {1, 67, 600, 500},
		}},
		"unknown": {nil, []step{{0, 0, 0, unknown}, {1, 10, 100, unknown}, {0, 20, 100, unknown}, {0, 30, 110, unknown}, {1, 31, 110, 100}}},
		"falls":   {nil, []step{{0, 0, 300, unknown}, {0, 10, 100, 100}, {0, 20, 90, 100}, {0, 30, 200, 100}, {0, 40, 200, 200}}},
		"gone": {nil, []step{
			{1, 0, idle, unknown}, {0, 10, 100, unknown}, {0, 20, 110, unknown}, {0, 2990, 200, unknown}, {0, 3001, 300, 100}, {0, 3011, 310, 300},
		}},
		"to idle": {nil, []step{{0, 0, idle, unknown}, {1, 1, idle, unknown}, {0, 20, 300, unknown}, {0, 25, idle, unknown}, {1, 31, idle, unknown}, {0, 32, idle, 300}}},
		"put right": {nil, []step{ // partition 1 is a day ahead
			{1, 0, idle, unknown}, {0, 1, 100, unknown}, {1, 864_000, idle, 100}, {0, 20, 200, 100}, {1, 30, idle, 100}, {0, 31, 300, 100},
			{0, 45, 400, 100}, {1, 46, idle, 100}, {0, 60, 500, 100}, {1, 61, idle, 400},
		}},
		"resumed": {&Progress{Offset: 2, Watermark: 50, Clock: unknown, Alerts: unknown, Next: Mark{60, 0}}, []step{
			{0, 0, 100, unknown}, {0, 30, 200, 100}, {0, 40, 300, 60},
		}},
	} {
		g := newEngine(nil, Options{})
		if c.resumes != nil {
			g.Resume(*c.resumes)
		}
		var to [2]int64
		for i, s := range c.steps {
			p := s.partition
			f := &match.Frame{Origin: record.Position{Epoch: 1, Topic: "t", Partition: int(p), Offset: to[p]}, To: to[p] + 1, Watermark: s.says, Clock: 1<<60 + s.clock*second/10}
			to[p]++
			g.Apply(f, int64(i))
			if got := g.origins.watermark; got != s.want {
				t.Errorf("%s, step %d: time is %d, want %d", name, i, got, s.want)
			}
		}
	}
}

// talk is frames of some partitions, each with its own clock.
type talk struct {
	engine *Engine
	to     map[Origin]int64
	now    int64            // what time it is
	wrong  map[Origin]int64 // what a partition's clock adds
	alerts string           // topic of alerts
}

func newTalk() *talk {
	return &talk{engine: newEngine(nil, Options{}), to: map[Origin]int64{}, now: 1 << 60, wrong: map[Origin]int64{}, alerts: "alerts"}
}

// say sends a frame.
func (k *talk) say(at Origin, watermark int64) {
	f := &match.Frame{
		Origin: record.Position{Epoch: 1, Topic: at.Topic, Partition: at.Partition, Offset: k.to[at]}, To: k.to[at] + 1,
		Watermark: watermark, Clock: k.now + k.wrong[at], Alerts: at.Topic == k.alerts,
	}
	k.to[at]++
	k.engine.Apply(f, k.now)
}

// minutes lets these partitions speak once a minute, of what it is by the right clock, or of nothing.
func (k *talk) minutes(n int, idle bool, origins ...Origin) {
	for range n {
		k.now += minute
		for _, at := range origins {
			if idle {
				k.say(at, math.MaxInt64)
			} else {
				k.say(at, k.now)
			}
		}
	}
}

// A partition that is gone for good holds time for an hour, and no longer: neither that of logs, nor of rules over alerts, nor of
// silences while all others are idle; whatever clocks are wrong. While nobody speaks it is not gone, and when it speaks again it
// counts again. Each of these, deleted, makes it fail: the call of elapse, the condition on patience in it, each call of silent,
// o.heard in elapse's sum.
func TestTimeGoesOnWithoutWhoIsGone(t *testing.T) {
	t.Parallel()
	a, b, lost, alerts, lostAlerts := Origin{"t", 0}, Origin{"t", 1}, Origin{"t", 2}, Origin{"alerts", 0}, Origin{"alerts", 1}
	behind := func(t *testing.T, k *talk, minutes int64) {
		t.Helper()
		if got := (k.now - k.engine.origins.watermark) / minute; got < minutes || got > minutes+1 {
			t.Errorf("time is %d minutes behind, want %d or one more", got, minutes)
		}
	}
	for name, wrong := range map[string]map[Origin]int64{
		"right clocks": {}, "one is ahead": {a: 5 * hour}, "the lost one is ahead": {lost: 5 * hour}, "the lost one is behind": {lost: -5 * hour},
	} {
		t.Run("logs, "+name, func(t *testing.T) {
			t.Parallel()
			k := newTalk()
			k.wrong = wrong
			k.minutes(3, false, a, b, lost)
			k.minutes(59, false, a, b)
			behind(t, k, 59)
			s := k.engine.Stats()
			if s.Slowest == nil || s.Slowest.Origin != lost || s.Slowest.Silent != 59*time.Minute || len(s.Gone) != 0 {
				t.Errorf("after 59 minutes %+v holds time and %v are gone", s.Slowest, s.Gone)
			}
			k.now += 24 * hour // nobody reads
			k.say(a, k.now)
			if s := k.engine.Stats(); len(s.Gone) != 0 {
				t.Errorf("%v are gone while nobody spoke", s.Gone)
			}
			k.minutes(3, false, a, b)
			behind(t, k, 1)
			s = k.engine.Stats()
			if s.Slowest == nil || s.Slowest.Origin == lost || len(s.Gone) != 1 || s.Gone[0] != lost {
				t.Errorf("after an hour %+v holds time and %v are gone", s.Slowest, s.Gone)
			}
			k.say(lost, k.now)
			k.minutes(5, false, a, b)
			if behind(t, k, 5); len(k.engine.Stats().Gone) != 0 {
				t.Error("gone though it spoke")
			}
		})
	}
	t.Run("unknown", func(t *testing.T) {
		t.Parallel()
		k := newTalk()
		k.say(lost, 0)
		k.minutes(59, false, a, b)
		now, s := k.engine.origins.watermark, k.engine.Stats().Slowest
		if now != math.MinInt64 || s == nil || s.Origin != lost || s.Behind < 58*time.Minute {
			t.Errorf("time is %d, held by %+v", now, s)
		}
		k.minutes(4, false, a, b)
		behind(t, k, 1)
	})
	t.Run("all idle", func(t *testing.T) {
		t.Parallel()
		k := newTalk()
		k.minutes(3, false, a, b, lost)
		k.minutes(63, true, lost, a, b)
		before := k.engine.origins.clock
		k.minutes(63, true, a, b)
		if went := (k.engine.origins.clock - before) / minute; went < 2 || went > 5 {
			t.Errorf("while one of the idle was gone, the clock went on by %d minutes", went)
		}
		if k.engine.Stats().Slowest != nil {
			t.Error("somebody idle holds time")
		}
	})
	t.Run("alerts", func(t *testing.T) {
		t.Parallel()
		k := newTalk()
		for range 130 {
			if k.minutes(1, false, a); k.engine.origins.elapsed < hour {
				k.say(lostAlerts, math.MaxInt64)
			}
			k.say(alerts, math.MaxInt64)
		}
		if got := (k.now - k.engine.origins.alerts) / minute; got > 3 {
			t.Errorf("time of alerts is %d minutes behind", got)
		}
	})
}
