package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/shrike-sec/shrike/pkg/bus"
)

// A window that was open when the shard stopped is open when it starts again, though it was away for longer than any window:
// events that came meanwhile belong to it. Where time was unknown at the stop, too, and where detect's clock was hours behind.
// Reading from the longest window before now makes it fail, or leaving Next out of resume.
func TestCorrelateStopsForLongerThanItsWindows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		known  bool
		behind time.Duration
	}{"time known": {true, 0}, "time unknown": {false, 0}, "a clock behind": {true, 6 * time.Hour}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := rules(t)
			w, o := newWay(t, 1), origin{set: set}
			then := time.Now().Add(-48 * time.Hour)
			send := func(at time.Time) {
				f := o.frame(o.signal("often", "eva", at))
				if c.known {
					f.Watermark = at.UnixNano()
				}
				clock := at.Add(-c.behind)
				f.Clock = clock.UnixNano()
				messages := w.parts(maxFrame, f)
				messages[0].Time = clock
				w.send(messages...)
			}
			send(then)
			send(then.Add(time.Minute))
			options := w.correlate(set, &notebook{})
			stop := w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
			w.commit("correlate", bus.Signals, 2)
			stop()
			send(then.Add(2 * time.Minute))
			options = w.correlate(set, &notebook{})
			w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
			w.alerted("often", "eva")
		})
	}
}

// Who starts a rule that looks further back than Kafka keeps signals is told, at the start and when a reload brings it. A
// silence's dedup time is only a name. Deleting either call of forgetful makes it fail, or the case of absences in reach.
func TestCorrelateWarnsOfRulesThatOutlastTheirSignals(t *testing.T) {
	t.Parallel()
	set := rulesWith(t, map[string]string{
		"slow":   ruleText("slow", "threshold: { count: 3, within: 2d }"),
		"weekly": ruleText("weekly", "threshold: { count: 3, within: 1h }\ndedup: 7d"),
		"silent": ruleText("silent", "absence: { for: 12h, forget: 14d }\ndedup: 7d"),
	})
	files := &shelf{}
	files.set.Store(some(set, "slow", "silent", "once"))
	w, o := newWay(t, 1), origin{set: files.set.Load()}
	core, logs := observer.New(zapcore.WarnLevel)
	options := w.correlate(files.set.Load(), &notebook{})
	options.Rules, options.Log, options.Kept = files.holder(t), zap.New(core), 3*24*time.Hour
	w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
	w.signals(maxFrame, o.frame(o.signal("once", "before", time.Now())))
	w.alerted("once", "before")
	warned := func(want ...string) {
		t.Helper()
		got := map[string]bool{}
		for _, l := range logs.FilterFieldKey("kept").All() {
			got[fmt.Sprint(l.ContextMap()["rule"])] = true
		}
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("warned of (-want +got):\n%s", diff)
		}
	}
	warned("slow")
	files.set.Store(set)
	o.set = set
	w.signals(maxFrame, o.frame(o.signal("once", "after", time.Now())))
	w.alerted("once", "after")
	warned("slow", "weekly")
}
