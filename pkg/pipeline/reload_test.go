package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/ruleset"
)

// shelf stands for the files of rules.
type shelf struct{ set atomic.Pointer[rule.Set] }

// holder returns one that reads the shelf when it is told to.
func (s *shelf) holder(t *testing.T) *ruleset.Holder {
	t.Helper()
	h, err := ruleset.New(ruleset.Options{Load: func() (*rule.Set, error) { return s.set.Load(), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// some are rules of the set.
func some(set *rule.Set, ids ...string) *rule.Set {
	return set.Filter(func(r *rule.Rule) bool { return slices.Contains(ids, r.ID) })
}

// measured returns the value of a metric without labels.
func measured(t *testing.T, reg prometheus.Registerer, name string) float64 {
	t.Helper()
	families, err := reg.(*prometheus.Registry).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// counts gives the last count of each alert by rule and entity.
func counts(all []alert.Alert) map[string]uint64 {
	got := map[string]uint64{}
	for _, a := range latest(all) {
		got[a.RuleID+" "+a.Entity.ID] = a.Count
	}
	return got
}

// A threshold that is half way goes on counting when a reload adds another rule, and the added rule fires. Deleting the call
// of follow in apply, or the one in do, makes this fail.
func TestReloadKeepsCountingAndAddsRules(t *testing.T) {
	t.Parallel()
	w, files := newWay(t, 1), &shelf{}
	files.set.Store(some(rules(t), "often"))
	holder := files.holder(t)
	d, c := w.detect(files.set.Load(), 1), w.correlate(files.set.Load(), &notebook{})
	d.Rules, c.Rules = holder, holder
	w.run(func(ctx context.Context) error { return Detect(ctx, d) })
	w.run(func(ctx context.Context) error { return Correlate(ctx, c) })
	eva := func(name string, n int) call { return call{name: name, actor: "eva", id: fmt.Sprint(name, n)} }
	w.calls(eva("Often", 1), eva("Often", 2), eva("Once", 1))
	w.commit("detect", "records.api", 3)

	files.set.Store(some(rules(t), "often", "once"))
	holder.Refresh()
	w.calls(eva("Once", 2), eva("Often", 3))
	got := map[string]uint64{}
	w.alerts(func(all []alert.Alert) bool { got = counts(all); return len(got) == 2 })
	if diff := cmp.Diff(map[string]uint64{"often eva": 3, "once eva": 1}, got); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}

	files.set.Store(some(rules(t), "once"))
	holder.Refresh()
	w.calls(eva("Often", 4), eva("Once", 3))
	w.alerts(func(all []alert.Alert) bool { got = counts(all); return got["once eva"] == 2 })
	if got["often eva"] != 3 {
		t.Errorf("a rule that is gone counted on: %v", got)
	}
}

// A shard that meets a frame of rules that it does not know has the files read before it applies it: nothing is lost when
// detect was told first. When the files are not there yet, what it cannot evaluate is counted, and when they come it goes on.
// Of a rule that has changed, signals by its old form that come after the first of the new are counted too.
func TestShardFollowsTheFrames(t *testing.T) {
	t.Parallel()
	w, files := newWay(t, 1), &shelf{}
	all := rules(t)
	files.set.Store(some(all, "often"))
	holder := files.holder(t)
	o := w.correlate(files.set.Load(), &notebook{})
	o.Rules = holder
	skipped := func() float64 { return measured(t, o.Metrics, "shrike_skipped_signals_total") }
	w.run(func(ctx context.Context) error { return Correlate(ctx, o) })
	now := time.Now()
	from := &origin{set: some(all, "often")}
	w.signals(maxFrame, from.frame(from.signal("often", "eva", now), from.signal("often", "eva", now.Add(time.Second))))

	files.set.Store(some(all, "often", "once")) // and nobody tells the holder
	from.set = some(all, "often", "once")
	w.signals(maxFrame, from.frame(from.signal("once", "eva", now), from.signal("often", "eva", now.Add(2*time.Second))))
	var got map[string]uint64
	w.alerts(func(all []alert.Alert) bool { got = counts(all); return len(got) == 2 })
	if diff := cmp.Diff(map[string]uint64{"often eva": 3, "once eva": 1}, got); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	if n := skipped(); n != 0 {
		t.Errorf("%v signals skipped", n)
	}

	from.set = all // detect has these files, this process has not
	w.signals(maxFrame, from.frame(from.region("eva", "eu-west-1", now), from.signal("once", "bob", now)))
	w.alerts(func(all []alert.Alert) bool { got = counts(all); return got["once bob"] == 1 })
	if n := skipped(); n != 1 {
		t.Errorf("%v signals skipped, want the one of the rule that is not here", n)
	}
	files.set.Store(all)
	holder.Refresh()
	from.set = all
	w.signals(maxFrame, from.frame(from.region("eva", "eu-west-1", now.Add(-time.Hour))), from.frame(from.region("eva", "us-east-1", now)))
	w.alerts(func(all []alert.Alert) bool { got = counts(all); return got["new eva"] == 1 })

	old := from.signal("often", "eva", now)
	old.Hash = "an older form"
	late := from.frame(old, from.signal("once", "zoe", now))
	late.RuleSet = some(all, "often").Hash()
	w.signals(maxFrame, late)
	w.alerts(func(all []alert.Alert) bool { got = counts(all); return got["once zoe"] == 1 })
	if n := skipped(); n != 2 || got["often eva"] != 3 {
		t.Errorf("%v signals skipped, want 2; alerts %v", n, got)
	}
}

// A first_seen rule that a reload brings asks for its own memory and does not tell of what that knows. Deleting the call of
// recall in reload makes this fail.
func TestReloadRecallsMemory(t *testing.T) {
	t.Parallel()
	w, files := newWay(t, 1), &shelf{}
	all := rules(t)
	files.set.Store(some(all, "once"))
	long := time.Now().Add(-24 * time.Hour).UnixNano()
	o := w.correlate(files.set.Load(), &notebook{memos: []correlate.Memo{
		{RuleHash: all.Rule("new").Hash, Key: `["eva"]`, Value: "eu-west-1", Offset: 0, FirstTime: long, LastTime: long},
	}})
	o.Rules = files.holder(t)
	w.run(func(ctx context.Context) error { return Correlate(ctx, o) })
	from := &origin{set: some(all, "once")}
	w.signals(maxFrame, from.frame(from.signal("once", "bob", time.Now())))
	w.alerted("once", "bob")

	files.set.Store(all)
	from.set = all
	w.signals(maxFrame, from.frame(from.region("eva", "eu-west-1", time.Now())), from.frame(from.region("eva", "us-east-1", time.Now())))
	sent := w.alerted("new", "eva")
	if a := sent[len(sent)-1]; len(sent) != 2 || a.Revision != 3 {
		t.Errorf("got %d alerts, the last of offset %d; want that of the region that the memory does not know, offset 2", len(sent), a.Revision-1)
	}
}

// A range that is tried again is tried by the rules of before, for some shards may have its frame; the next one is done by
// those in force. Deleting `|| w.set != nil && r.Replay` makes this fail.
func TestDetectTriesAgainByTheSameRules(t *testing.T) {
	t.Parallel()
	w, files := newWay(t, 1), &shelf{}
	before, after := some(rules(t), "once"), some(rules(t), "once", "often")
	files.set.Store(before)
	o := w.detect(files.set.Load(), 1)
	o.Rules = files.holder(t)
	d := newDetector(o)
	do := func(from int64, replay bool) {
		t.Helper()
		r := &Range{Epoch: 1, Topic: "records.api", From: from, To: from + 1, Replay: replay}
		m := call{name: "Often", actor: "eva", id: fmt.Sprint(from)}.message()
		m.Offset = from
		r.Messages = append(r.Messages, m)
		d.watchers.of(r).sent[0] = time.Time{} // a heartbeat is due
		if err := d.do(w.ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	do(0, false)
	files.set.Store(after)
	o.Rules.Refresh()
	do(0, true)
	do(1, false)
	var got []string
	w.frames(0, func(all []*match.Frame) bool {
		got = nil
		for _, f := range all {
			got = append(got, fmt.Sprintf("%s %d", f.RuleSet, len(f.Signals)))
		}
		return len(all) == 3
	})
	want := []string{before.Hash() + " 0", before.Hash() + " 0", after.Hash() + " 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rule sets and signals of frames (-want +got):\n%s", diff)
	}
}

// A list that is edited changes what matches, from the next range on: the whole way from the file to the alert.
func TestEditedListChangesMembership(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	list := func(values string) {
		t.Helper()
		name := filepath.Join(dir, "lists", "trusted.yml")
		text := "id: trusted\ntitle: Who may\nvalues: [" + values + "]\n"
		if err := errors.Join(os.WriteFile(name+"~", []byte(text), 0o600), os.Rename(name+"~", name)); err != nil {
			t.Fatal(err)
		}
	}
	text := ruleText("once", "dedup: 1h")
	text = strings.Replace(text, `"Once"`, `"Once" and not inList(actor, "trusted")`, 1)
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "lists"), 0o700), os.WriteFile(filepath.Join(dir, "once.yml"), []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	list("eva, bob")
	w := newWay(t, 1)
	holder, err := ruleset.New(ruleset.Options{Load: func() (*rule.Set, error) { return rule.Load(dir) }, Paths: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	d, c := w.detect(holder.Set(), 1), w.correlate(holder.Set(), &notebook{})
	d.Rules, c.Rules = holder, holder
	w.run(holder.Run)
	w.run(func(ctx context.Context) error { return Detect(ctx, d) })
	w.run(func(ctx context.Context) error { return Correlate(ctx, c) })
	w.calls(call{name: "Once", actor: "bob", id: "e-1"}, call{name: "Once", actor: "eva", id: "e-2"})
	w.commit("detect", "records.api", 2)

	before := holder.Set()
	list("eva")
	for holder.Set() == before {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-w.ctx.Done():
			t.Fatal("the list was not read again")
		}
	}
	w.calls(call{name: "Once", actor: "eva", id: "e-3"}, call{name: "Once", actor: "bob", id: "e-4"})
	sent := w.alerted("once", "bob")
	if len(sent) != 1 || sent[0].Count != 1 {
		t.Errorf("%d alerts, count %d; want one of what bob did after he left the list", len(sent), sent[0].Count)
	}
}
