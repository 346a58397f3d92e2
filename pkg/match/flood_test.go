package match

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// flooded has an array of n elements, and long values beside.
func flooded(no, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"note":%q,"items":[`, strings.Repeat("n", MaxSampleValue-2))
	for i := range n {
		fmt.Fprintf(&b, `{"id":"%d-%d"},`, no, i)
	}
	return strings.TrimSuffix(b.String(), ",") + "]}"
}

// An event with very many groups costs little more than it is long, and that the rest of it was left out is told. Each of these,
// deleted, makes it fail: the return of r.short in rendering.sample, the check of r.whole in it, m.cut[…]++ in foldElements and in
// stepElements.
func TestEventsWithVeryManyGroups(t *testing.T) {
	t.Parallel()
	by := []rule.Key{requestKey(t, "items[].id")}
	capture := append(by, requestKey(t, "note"))
	step := &rule.Step{Name: "step", Class: event.API, By: by, Capture: capture}
	rules := []*rule.Rule{
		{ID: "count", Hash: "h", Mode: rule.Live, GroupBy: by, Threshold: &rule.Threshold{Count: 5, Within: time.Hour}, Capture: capture},
		{ID: "row", Hash: "h", Mode: rule.Live, GroupBy: by, Sequence: &rule.Sequence{Within: time.Hour, Steps: []*rule.Step{step}}},
	}
	m := newMatcher(rules, func(_ *event.Event, dst []rule.Hit) []rule.Hit {
		return append(dst, rule.Hit{Rule: rules[0]}, rule.Hit{Rule: rules[1], Step: step})
	})
	m.Begin()
	for _, e := range requests(flooded(1, MaxElements+1), flooded(2, 3)) {
		m.Event(e)
	}
	signals := m.Signals(1)[0]
	if want := 2 * (MaxElements + 3); len(signals) != want {
		t.Fatalf("%d signals, want %d", len(signals), want)
	}
	if got := m.Cut(); got["count"] != 1 || got["row"] != 1 {
		t.Errorf("told that %v were cut", got)
	}
	size, renderings := 0, map[*byte]bool{}
	for i := range signals {
		note := signals[i].Samples[0].Fields["request.note"]
		size += len(note)
		renderings[&note[0]] = true
		if strings.HasPrefix(signals[i].Key[0], "2-") && len(note) <= shortValue {
			t.Errorf("%s of a small event is cut", signals[i].Key[0])
		}
	}
	if limit := 2 * (maxShown + (MaxElements+3)*(MaxSampleValue/16)); size > limit {
		t.Errorf("samples of %d bytes, want at most %d", size, limit)
	}
	if len(renderings) != 6 { // of two rules: the large event twice, the small one once
		t.Errorf("%d renderings", len(renderings))
	}
}
