package correlate

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// drawMixed draws one rule of each way to keep state, and frames of their signals with time going on.
func drawMixed(t *rapid.T) ([]*rule.Rule, []*match.Frame) {
	windowed, sequence, novel := drawRule(t), drawSequence(t), novelRule(20*time.Second, rapid.SampledFrom([]time.Duration{0, time.Minute}).Draw(t, "forget"))
	each := testRule("each", func(*rule.Rule) {})
	usual, silent := drawBaseline(t), absenceRule(0)
	silent.Absence.For = time.Minute
	rules := []*rule.Rule{silent, usual, each, novel, sequence, windowed}
	slices.SortFunc(rules, func(a, b *rule.Rule) int { return strings.Compare(a.ID, b.ID) })
	hits, stepHits := drawHits(t), drawStepHits(t, sequence)
	var frames []*match.Frame
	watermark := int64(-200) * second
	for n := 0; len(hits)+len(stepHits) > 0; n++ {
		var signals []match.Signal
		for range min(len(hits), rapid.IntRange(0, 5).Draw(t, "hits of frame")) {
			s := hits[0].signal(novel)
			s.Value = fmt.Sprint(hits[0].hash)
			signals = append(signals, hits[0].signal(silent), hits[0].signal(usual), hits[0].signal(each), s, hits[0].signal(windowed))
			hits = hits[1:]
		}
		for range min(len(stepHits), 1) {
			signals = append(signals, stepHits[0].signals(sequence)...)
			stepHits = stepHits[1:]
		}
		watermark += rapid.Int64Range(0, 60).Draw(t, "time goes on") * second
		frames = append(frames, frame(0, int64(n), int64(n+1), watermark, signals...))
	}
	return rules, frames
}

// copies are the rules as another load of the same files gives them.
func copies(rules []*rule.Rule) []*rule.Rule {
	var out []*rule.Rule
	for _, r := range rules {
		c := *r
		out = append(out, &c)
	}
	return out
}

// A reload of the same rules changes nothing, wherever it comes. Making every rule a fresh one in reload makes this fail.
func TestReloadOfTheSameRulesChangesNothing(t *testing.T) {
	t.Parallel()
	fired := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		rules, frames := drawMixed(t)
		plain, reloaded := newEngine(rules, Options{}), newEngine(rules, Options{})
		recallAt := rapid.IntRange(0, len(frames)).Draw(t, "memory comes before frame")
		for n, f := range frames {
			if n == recallAt {
				same(t, "recall", plain.Recall(nil), reloaded.Recall(nil))
			}
			if rapid.Bool().Draw(t, "reload") {
				got := reloaded.reload(copies(rules))
				if len(got.Kept) != len(rules) || len(got.Fresh)+len(got.Gone)+got.Skipped != 0 {
					t.Fatalf("reload of the same rules: %+v", got)
				}
			}
			res := plain.Apply(f, int64(n))
			same(t, fmt.Sprint("frame ", n), res, reloaded.Apply(f, int64(n)))
			for _, a := range res.Alerts {
				fired[a.RuleID]++
			}
			same(t, fmt.Sprint("state after frame ", n), plain.Stats(), reloaded.Stats())
		}
		same(t, "finish", plain.Finish(), reloaded.Finish())
	})
	for _, kind := range []string{"absence", "baseline", "each", "novel", "sequence", "threshold", "distinct", "sum", "match"} {
		if fired[kind] == 0 {
			t.Errorf("no rule of kind %s fired", kind)
		}
	}
}

// same fails where two values differ. To say how they differ takes long, so that is only done then.
func same(t *rapid.T, what string, want, got any) {
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("%s (-want +got):\n%s", what, gocmp.Diff(want, got))
	}
}

// With one rule changed, all others go on as if nothing had been, and the changed one as one that begins there. Deleting
// the comparison of hashes in reload, or the call of begin, makes this fail.
func TestReloadOfOneRuleLeavesTheOthers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules, frames := drawMixed(t)
		at := rapid.IntRange(0, len(frames)).Draw(t, "reload before frame")
		i := rapid.IntRange(0, len(rules)-1).Draw(t, "changed")
		after := copies(rules)
		after[i].Hash = "another"
		plain, reloaded, begins := newEngine(rules, Options{}), newEngine(rules, Options{}), newEngine(after, Options{})
		for _, g := range []*Engine{plain, reloaded, begins} {
			g.Recall(nil)
		}
		for n, f := range frames {
			if n == at {
				if got := reloaded.reload(after); len(got.Fresh) != 1 || got.Fresh[0] != after[i].ID || len(got.Kept) != len(rules)-1 {
					t.Fatalf("reload: %+v", got)
				}
				reloaded.Recall(nil)
			}
			later := *f
			later.Signals = slices.Clone(f.Signals)
			for k := range later.Signals {
				if s := &later.Signals[k]; s.Rule == after[i].ID {
					s.Hash = "another"
				}
			}
			all := plain.Apply(f, int64(n))
			before, now := f, f
			if n >= at {
				before, now = &later, &later
			}
			got := reloaded.Apply(before, int64(n))
			expect := without(all.Alerts, after[i].ID)
			same(t, fmt.Sprint("alerts of the other rules in frame ", n), expect, without(got.Alerts, after[i].ID))
			if n < at {
				now = frame(0, int64(n), int64(n+1), f.Watermark)
			}
			expect = only(begins.Apply(now, int64(n)).Alerts, after[i].ID)
			same(t, fmt.Sprint("alerts of the changed rule in frame ", n), expect, onlyIf(n >= at, got.Alerts, after[i].ID))
		}
	})
}

func without(alerts []alert.Alert, id string) []alert.Alert {
	var out []alert.Alert
	for _, a := range alerts {
		if a.RuleID != id {
			out = append(out, a)
		}
	}
	return out
}

func only(alerts []alert.Alert, id string) []alert.Alert {
	var out []alert.Alert
	for _, a := range alerts {
		if a.RuleID == id {
			out = append(out, a)
		}
	}
	return out
}

func onlyIf(now bool, alerts []alert.Alert, id string) []alert.Alert {
	if !now {
		return nil
	}
	return only(alerts, id)
}

// New words and fields are in the next alert, whose state is that of before; another dedup time begins anew, and a rule that
// is taken out loses what it had.
func TestReloadTakesWords(t *testing.T) {
	t.Parallel()
	old := counting(3, time.Minute, 0)
	old.Capture = old.Capture[:1]
	g := newEngine([]*rule.Rule{old}, Options{})
	apply := func(n int, r *rule.Rule) []alert.Alert {
		return g.Apply(frame(0, int64(n), int64(n+1), 0, hitAt(r, n, "eva", int64(n)*second)), int64(n)).Alerts
	}
	apply(0, old)
	apply(1, old)
	texts := *old
	texts.Title, texts.Version, texts.Tags = rule.ParseTemplate("new {event_name}"), "two", []string{"t"}
	texts.Capture = []rule.Key{key("event_name"), key("actor")} // the order of before is no matter
	if got := g.reload([]*rule.Rule{&texts}); len(got.Kept) != 1 {
		t.Fatalf("reload of words: %+v", got)
	}
	got := apply(2, &texts)
	if len(got) != 1 || got[0].Count != 3 || got[0].RuleVersion != "two" || len(got[0].Tags) != 1 || got[0].Group["actor"] != "eva" {
		t.Fatalf("after new words: %+v, want one alert of 3 in them", got)
	}
	last := got[0].Events[2].Fields
	if len(got[0].Events[0].Fields) != 1 || len(last) != 2 || string(last["actor"]) != `"eva"` {
		t.Errorf("fields are %v and %v, want those captured at the time", got[0].Events[0].Fields, last)
	}
	dedup := texts
	dedup.Dedup = time.Hour
	if got := g.reload([]*rule.Rule{&dedup}); len(got.Fresh) != 1 || g.Stats().Rules[0].Keys != 0 {
		t.Errorf("another dedup time: %+v", got)
	}
	trial := dedup
	trial.Mode = rule.DryRun
	if got := g.reload([]*rule.Rule{&trial}); len(got.Gone) != 1 || len(g.Stats().Rules) != 0 {
		t.Errorf("dry_run: %+v", got)
	}
	if res := g.Apply(frame(0, 9, 10, 0, hitAt(&trial, 9, "eva", 0)), 9); res.Skipped != 1 {
		t.Errorf("signal of a rule that went to dry_run: %+v, want it skipped", res)
	}
}

// A first_seen rule that a reload brings waits for its own memory, the others do not wait with it; what was held for a rule
// that is gone is dropped and counted.
func TestReloadWaitsForNewMemory(t *testing.T) {
	t.Parallel()
	known, added := novelRule(0, 0), novelRule(0, 0)
	added.ID, added.Hash = "added", "hash of added"
	g := newEngine([]*rule.Rule{known}, Options{})
	g.Recall(nil)
	g.reload([]*rule.Rule{added, known})
	if got := g.Waiting(); len(got) != 1 || got[0] != added {
		t.Fatalf("waiting: %v, want the added rule", got)
	}
	res := g.Apply(novelFrame(known, 0, novel(added, "eva", "DE", second), novel(known, "eva", "DE", second)), 5)
	if len(res.Alerts) != 1 || res.Alerts[0].RuleID != "novel" || g.Stats().Held != 1 {
		t.Errorf("before the memory: %+v and %d held, want an alert of the rule that has its own", res, g.Stats().Held)
	}
	third := novelRule(0, 0)
	third.ID, third.Hash = "third", "hash of third"
	g.reload([]*rule.Rule{added, known, third})
	g.Apply(novelFrame(known, 1, novel(third, "eva", "DE", second)), 6)
	g.RememberValues([]Memo{{RuleHash: added.Hash, Key: `["eva"]`, Value: "FR", Offset: 1}})
	res = g.RecallRules([]string{added.Hash})
	if len(res.Alerts) != 1 || res.Alerts[0].RuleID != "added" || res.Alerts[0].Revision != 6 {
		t.Errorf("after the memory: %+v", res)
	}
	if from, held := g.Held(); !held || from != 6 || len(g.Waiting()) != 1 {
		t.Errorf("held from %d, %v and %d rules wait; want the third, whose memory nobody asked", from, held, len(g.Waiting()))
	}
	if got := g.reload([]*rule.Rule{known}); got.Skipped != 1 || len(got.Gone) != 2 || g.Stats().Held != 0 {
		t.Errorf("reload without it: %+v", got)
	}
}
