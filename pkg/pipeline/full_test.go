package pipeline

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/match"
)

// What a rule forgets is told, and told again while there is more, but not every second. Deleting either comparison in due
// makes it fail.
func TestForgottenGroupsAreTold(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	f := forgotten{}
	var got []uint64
	for _, evicted := range []uint64{0, 3, 3, 9, 9, 20, 20, 20, 20, 20, 20, 20, 21} { // a minute apart
		for _, r := range f.due(&correlate.Stats{Rules: []correlate.RuleStats{{Rule: "a", Evicted: evicted}, {Rule: "b"}}}, at) {
			if r.Rule != "a" {
				t.Errorf("told of %s", r.Rule)
			}
			got = append(got, r.Evicted)
		}
		at = at.Add(time.Minute)
	}
	if diff := cmp.Diff([]uint64{3, 20, 21}, got); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// Whoever fills a rule's state, so that it forgets, is heard of. Deleting the call of tellFull makes it fail.
func TestAFullStateIsAnAlert(t *testing.T) {
	t.Parallel()
	set := rules(t)
	w, o := newWay(t, 1), origin{set: set}
	options := w.correlate(set, &notebook{})
	stop := w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
	var flood []match.Signal
	for n := range options.MaxKeys + 7 {
		flood = append(flood, o.signal("often", fmt.Sprint("eva-", n), time.Now()))
	}
	w.signals(maxFrame, o.frame(flood...))
	all := w.alerted(StateFull, "often (shard 0)")
	stop()
	if a := all[len(all)-1]; a.Count != 7 || !strings.Contains(a.Title, "often") {
		t.Errorf("told %q of %d groups", a.Title, a.Count)
	}
}
