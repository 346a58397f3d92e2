package simulate_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/detections"
	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/simulate"
)

// history is longer than any rule of ours learns.
const history = 21 * 24 * time.Hour

// detect takes a simulation through parsers, rules and correlation, and returns the alerts by rule.
func detect(t *testing.T, set *rule.Set, o simulate.Options) map[string][]alert.Alert {
	t.Helper()
	decoder, matcher := format.NewDecoder(builtin.Formats()), match.New(set)
	engine := correlate.New(set, correlate.Options{})
	latest := map[string]alert.Alert{}
	var n, from, now, back int64
	var keep func(r correlate.Result)
	keep = func(r correlate.Result) { // alerts come back, as they do to detect
		matcher.Begin()
		for _, a := range r.Alerts {
			latest[a.ID] = a
			matcher.Alert(&a)
		}
		if signals := matcher.Signals(1)[0]; len(signals) > 0 {
			f := match.Frame{
				Schema: 1, Origin: record.Position{Epoch: 1, Topic: "alerts", Offset: back}, Alerts: true, To: back + 1, RuleSet: set.Hash(), Parts: 1,
				Watermark: math.MaxInt64, Signals: slices.Clone(signals),
			}
			back++
			keep(engine.Apply(&f, n))
		}
		matcher.Begin()
	}
	keep(engine.Recall(nil))
	flush := func() {
		f := match.Frame{
			Schema: 1, Origin: record.Position{Epoch: 1, Topic: "test", Offset: from}, To: n + 1, RuleSet: set.Hash(), Parts: 1,
			Watermark: now, Signals: matcher.Signals(1)[0],
		}
		keep(engine.Apply(&f, n))
		from = n + 1
	}
	g := simulate.New(o)
	var l simulate.Log
	matcher.Begin()
	for g.Next(&l) {
		n++
		rec := record.Record{Raw: l.Raw, Format: l.Format, Layout: l.Layout, Origin: record.Origin{Source: "test", Offset: n}, Received: l.Time}
		err := decoder.Decode(&rec, func(e *event.Event) {
			if got := e.Text(event.Format); got != l.Format {
				t.Fatalf("%s is read as %s: %s", l.Format, got, l.Raw)
			}
			if at, _ := e.Time(event.EventTime); at.Truncate(time.Second) != l.Time.Truncate(time.Second) {
				t.Fatalf("event time %s, want %s: %s", at, l.Time, l.Raw)
			}
			matcher.Event(e)
		})
		if err != nil {
			t.Fatalf("%v: %s", err, l.Raw)
		}
		if now = l.Time.UnixNano(); n%1000 == 0 {
			flush()
		}
	}
	flush()
	keep(engine.Finish())
	unlearned := slices.DeleteFunc(engine.Unlearned(), func(id string) bool {
		return set.Rule(id).Baseline != nil // they learn from weeks of whole traffic, of which history plays a part
	})
	if len(unlearned) > 0 {
		t.Errorf("rules that have not learned: %v", unlearned)
	}
	by := map[string][]alert.Alert{}
	for _, a := range latest {
		by[a.RuleID] = append(by[a.RuleID], a)
	}
	return by
}

func ids(alerts map[string][]alert.Alert) []string { return slices.Sorted(maps.Keys(alerts)) }

func titles(alerts map[string][]alert.Alert) (lines []string) {
	for _, id := range ids(alerts) {
		for _, a := range alerts[id] {
			lines = append(lines, fmt.Sprintf("%s (%s, %d): %s", id, a.Severity, a.Count, a.Title))
		}
	}
	return lines
}

func expected(attacks ...simulate.Attack) []string {
	var all []string
	for _, a := range attacks {
		all = append(all, simulate.Expected(a)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestAlertsAreTheAttacks: a day without attacks raises nothing, with attacks exactly what each must raise.
func TestAlertsAreTheAttacks(t *testing.T) {
	t.Parallel()
	set, err := rule.LoadFS(detections.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(5) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			// Days of the week and times of the day differ with the seed.
			o := simulate.Options{Seed: seed, Start: time.Date(2026, 3, 2+int(seed), 3*int(seed), 0, 0, 0, time.UTC), Records: 25_000, History: history}
			if got := detect(t, set, o); len(got) > 0 {
				t.Errorf("without attacks: %q", titles(got))
			}
			for _, a := range simulate.Attacks() {
				o.Attacks, o.Records = []simulate.Attack{a}, 6_000
				if got := detect(t, set, o); !cmp.Equal(ids(got), expected(a)) {
					t.Errorf("%s (-want +got):\n%s%q", a, cmp.Diff(expected(a), ids(got)), titles(got))
				}
			}
			o.Attacks = simulate.Attacks()
			if got := detect(t, set, o); !cmp.Equal(ids(got), expected(o.Attacks...)) {
				t.Errorf("all attacks (-want +got):\n%s%q", cmp.Diff(expected(o.Attacks...), ids(got)), titles(got))
			}
		})
	}
}
