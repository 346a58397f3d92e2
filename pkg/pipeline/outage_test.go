package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/bus"
)

// A window that was open when the shard stopped is open when it starts again, though it was away for longer than any window:
// events that came meanwhile belong to it. Where time was unknown at the stop, too. Reading from the longest window before now,
// as resume once did, makes it fail.
func TestCorrelateStopsForLongerThanItsWindows(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"time known": true, "time unknown": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := rules(t)
			w, o := newWay(t, 1), origin{set: set}
			then := time.Now().Add(-48 * time.Hour)
			send := func(at time.Time) {
				f := o.frame(o.signal("often", "eva", at))
				if known {
					f.Watermark = at.UnixNano()
				}
				messages := w.parts(maxFrame, f)
				messages[0].Time = at
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
