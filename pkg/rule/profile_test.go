package rule

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
)

// ticking is a clock of which each reading takes a millisecond.
func ticking() func() time.Duration {
	var now time.Duration
	return func() time.Duration { now += time.Millisecond; return now }
}

// Measuring changes nothing about what matches, and counts: with each event looked at, exactly what a set without index says
// of the rules that the index lets through. (Deleting `dst = append(dst, t.hit(e))` in profile.go makes it fail.)
func TestProfilerMatchesAsItsSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var rules []*Rule
		for i := range rapid.IntRange(1, 8).Draw(t, "rules") {
			rules = append(rules, &Rule{ID: fmt.Sprintf("r%02d", i), Class: event.API, Mode: Live, Outcome: oneOf(t, "any", "success"),
				cond: mustCompile(t, genIndexable(t)+genCondition(t, 1, "")+")")})
		}
		set := NewSet(rules)
		every := rapid.IntRange(1, 3).Draw(t, "every")
		p := NewProfiler(set, ProfileOptions{Now: ticking(), Every: every})
		matches := map[string]uint64{}
		events := 3 * every
		for range events {
			e := genEvent(t)
			want, got := set.Hits(e, nil), p.Hits(e, nil)
			if !slices.Equal(want, got) {
				t.Fatalf("%s: measured %v, else %v", e.AppendJSON(nil), got, want)
			}
			for _, h := range want {
				matches[h.Rule.ID]++
			}
		}
		p.Take(func(c Cost) {
			by, most := set.IndexedBy(c.Rule)[0], uint64(events*len(c.Rule.targets()[0].sides()))
			if every == 1 && c.Matches != matches[c.Rule.ID] || c.Matches > c.Evaluations || c.Evaluations > most || by == "" && c.Evaluations != uint64(events) {
				t.Fatalf("%s (by %q): %+v of %d matches, %d events", c.Rule.ID, by, c, matches[c.Rule.ID], events)
			}
			delete(matches, c.Rule.ID)
		})
		if every == 1 && len(matches) > 0 {
			t.Fatalf("matches of rules without cost: %v", matches)
		}
		p.Take(func(c Cost) { t.Fatalf("taken twice: %+v", c) })
	})
}

// What reading the clock takes is no rule's cost, and one event stands for all that are not looked at.
func TestProfilerMeasures(t *testing.T) {
	t.Parallel()
	var now time.Duration
	slow := &Rule{ID: "slow", Class: event.API, Outcome: "any", Mode: Live, cond: mustCompile(t, `event_name in ["PutBucketPolicy", "x"]`)}
	holds := slow.cond.holds
	slow.cond.native = false // so that it is evaluated by holds
	slow.cond.holds = func(s scope) bool { now += 7 * time.Microsecond; return holds(s) }
	idle := &Rule{ID: "idle", Class: event.API, Outcome: "any", Mode: Live, cond: mustCompile(t, `event_name == "y"`)}
	all := &Rule{ID: "all", Class: event.API, Outcome: "any", Mode: Live, cond: mustCompile(t, `raw contains "y"`)}
	set := NewSet([]*Rule{slow, idle, all})
	p := NewProfiler(set, ProfileOptions{Now: func() time.Duration { now += time.Microsecond; return now }, Every: 5, Repeat: 3})
	for range 20 {
		p.Hits(sampleEvent(), nil)
	}
	var got []string
	p.Take(func(c Cost) { got = append(got, fmt.Sprintln(c.Rule.ID, c.Evaluations, c.Matches, c.Time)) })
	if want := fmt.Sprint([]string{"all 20 0 0s\n", "slow 20 20 140µs\n"}); fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if got, want := fmt.Sprint(set.IndexedBy(slow), set.IndexedBy(idle), set.IndexedBy(all)), "[event_name (2)] [event_name (1)] []"; got != want {
		t.Errorf("indexed by %s, want %s", got, want)
	}
}
