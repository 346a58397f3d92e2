package simulate_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/simulate"
)

// TestAnySimulation: whatever is asked for, records come in order, within the time asked for, and every parser takes its
// own; the attacks are there whole.
func TestAnySimulation(t *testing.T) {
	t.Parallel()
	decoder := format.NewDecoder(builtin.Formats())
	rapid.Check(t, func(t *rapid.T) {
		o := simulate.Options{
			Seed:     rapid.Uint64().Draw(t, "seed"),
			Start:    time.Unix(rapid.Int64Range(1.6e9, 1.9e9).Draw(t, "start"), 0).UTC(),
			Duration: time.Duration(rapid.Int64Range(int64(time.Minute), int64(60*time.Hour)).Draw(t, "duration")),
			Records:  rapid.IntRange(1, 3000).Draw(t, "records"),
			History:  time.Duration(rapid.IntRange(0, 3).Draw(t, "history")) * 24 * time.Hour,
		}
		count := func(attacks []simulate.Attack) (n int) {
			o.Attacks = attacks
			g := simulate.New(o)
			last := o.Start.Add(-o.History)
			var l simulate.Log
			for g.Next(&l) {
				n++
				at := l.Time.Truncate(time.Second)
				if at.Before(last) || !l.Time.Before(o.Start.Add(o.Duration)) {
					t.Fatalf("record of %s after one of %s, in %s from %s", l.Time, last, o.Duration, o.Start)
				}
				last = at
				rec := record.Record{Raw: l.Raw, Format: l.Format, Layout: l.Layout}
				err := decoder.Decode(&rec, func(e *event.Event) {
					if got := e.Text(event.Format); got != l.Format {
						t.Fatalf("%s is read as %s: %s", l.Format, got, l.Raw)
					}
				})
				if err != nil {
					t.Fatalf("%v: %s", err, l.Raw)
				}
			}
			return n
		}
		if quiet, all := count(nil), count(simulate.Attacks()); all < quiet+3500 {
			t.Fatalf("%d records without attacks, %d with: they are not whole", quiet, all)
		}
	})
}
