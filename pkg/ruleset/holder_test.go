package ruleset

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/shrike-sec/shrike/pkg/rule"
)

const ruleText = `id: %s
title: "{actor} did it"
severity: high
class: api
outcome: any
when: |
  event_name == "%s" and not inList(actor, "trusted")
group_by: [actor]
dedup: 1h
attack: [T1580]
false_positives: [A test.]
runbook: Look.
tests:
  - { name: some, logs: [{ raw: "{}" }], alerts: [{ severity: high }] }
  - { name: none, logs: [{ raw: "{}" }], alerts: [] }
`

func ruleFile(id, call string) string { return fmt.Sprintf(ruleText, id, call) }

func listFile(values string) string {
	return "id: trusted\ntitle: Who may\nvalues: [" + values + "]\n"
}

func exceptionFile(actor string) string {
	return "id: may\nrule: one\nwhen: |\n  actor == \"" + actor + "\"\nreason: A test.\nowner: eva\nexpires: 2100-01-01\n"
}

// put replaces a file as many editors do: another file gets its name.
func put(t *testing.T, name, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name+"~", []byte(text), 0o644), os.Rename(name+"~", name)); err != nil {
		t.Fatal(err)
	}
}

// held is a holder of a folder's rules that watches it.
type held struct {
	*Holder
	t       *testing.T
	dir     string
	hangup  chan os.Signal
	logs    *observer.ObservedLogs
	metrics *prometheus.Registry
	stop    func()
}

// hold starts one for the folder rules in dir.
func hold(t *testing.T, dir string, paths ...string) *held {
	t.Helper()
	core, logs := observer.New(zap.InfoLevel)
	h := &held{t: t, dir: dir, hangup: make(chan os.Signal, 1), logs: logs, metrics: prometheus.NewRegistry()}
	for i := range paths {
		paths[i] = filepath.Join(dir, paths[i])
	}
	var err error
	h.Holder, err = New(Options{
		Load:  func() (*rule.Set, error) { return rule.Load(paths...) },
		Paths: paths, Hangup: h.hangup, Log: zap.New(core), Metrics: h.metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if err := h.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	h.stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	t.Cleanup(h.stop)
	h.until("the first look", func() bool { return h.reloads("unchanged")+h.reloads("changed")+h.reloads("broken") > 0 })
	return h
}

func (h *held) reloads(outcome string) int {
	return int(testutil.ToFloat64(h.Holder.metrics.reloads.WithLabelValues(outcome)))
}

// until waits for a condition, which a change of the files is to bring about.
func (h *held) until(what string, holds func() bool) {
	h.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			h.t.Fatalf("%s did not come; status %+v, log %v", what, h.Status(), h.logs.All())
		}
	}
}

// after changes something and waits for other rules to be in force.
func (h *held) after(what string, change func()) *rule.Set {
	h.t.Helper()
	before := h.Set().Hash()
	change()
	h.until(what, func() bool { return h.Set().Hash() != before })
	return h.Set()
}

// Every way in which a rule, a list or an exception changes is seen. Deleting the call of watch in look, or of name in
// resolve, makes this fail.
func TestChangesAreSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	put(t, in("rules/pack/one.yml"), ruleFile("one", "A"))
	put(t, in("rules/lists/trusted.yml"), listFile("eva"))
	h := hold(t, dir, "rules")

	h.after("a file renamed to it", func() { put(t, in("rules/pack/one.yml"), ruleFile("one", "B")) })
	h.after("a file written in place", func() {
		if err := os.WriteFile(in("rules/pack/one.yml"), []byte(ruleFile("one", "C")), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	h.after("a list", func() { put(t, in("rules/lists/trusted.yml"), listFile("eva, bob")) })
	if set := h.after("a rule in a new folder", func() { put(t, in("rules/new/deep/two.yml"), ruleFile("two", "A")) }); len(set.Rules()) != 2 {
		t.Errorf("%d rules", len(set.Rules()))
	}
	h.after("a change in the new folder", func() { put(t, in("rules/new/deep/two.yml"), ruleFile("two", "B")) })
	if set := h.after("an exception in a folder that was not there", func() { put(t, in("rules/exceptions/may.yml"), exceptionFile("eva")) }); len(set.Exceptions()) != 1 {
		t.Errorf("%d exceptions", len(set.Exceptions()))
	}
	h.after("a change of the exception", func() { put(t, in("rules/exceptions/may.yml"), exceptionFile("bob")) })
	h.after("a file removed", func() {
		if err := os.Remove(in("rules/new/deep/two.yml")); err != nil {
			t.Fatal(err)
		}
	})
	h.after("the folder replaced", func() {
		put(t, in("other/pack/one.yml"), ruleFile("one", "D"))
		put(t, in("other/lists/trusted.yml"), listFile("eva"))
		if err := errors.Join(os.Rename(in("rules"), in("old")), os.Rename(in("other"), in("rules"))); err != nil {
			t.Fatal(err)
		}
	})
	if set := h.after("a change in the folder that replaced it", func() { put(t, in("rules/pack/one.yml"), ruleFile("one", "E")) }); !strings.Contains(set.Rule("one").When, `"E"`) {
		t.Errorf("in force: %s", set.Rule("one").When)
	}
	h.after("exceptions beside the folder", func() { put(t, in("exceptions/may.yml"), exceptionFile("eva")) })
	h.after("a change of them", func() { put(t, in("exceptions/may.yml"), exceptionFile("bob")) })
	if got := h.reloads("broken"); got > 1 { // the moment between the two renames
		t.Errorf("%d reloads failed", got)
	}
}

// Kubernetes and Docker change a volume by turning a link: every file is a link through it.
func TestVolumesAreSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	link := func(to, name string) {
		t.Helper()
		if err := errors.Join(os.Symlink(to, in(name)+"_tmp"), os.Rename(in(name)+"_tmp", in(name))); err != nil {
			t.Fatal(err)
		}
	}
	volume := func(version, call, values string) {
		put(t, in("volume/.."+version+"/one.yml"), ruleFile("one", call))
		put(t, in("volume/.."+version+"/lists/trusted.yml"), listFile(values))
	}
	volume("1", "A", "eva")
	link("..1", "volume/..data")
	link("..data/one.yml", "volume/one.yml")
	link("..data/lists", "volume/lists")
	link("volume", "rules")
	h := hold(t, dir, "rules")

	h.after("the link turned", func() {
		volume("2", "B", "eva")
		link("..2", "volume/..data")
		if err := os.RemoveAll(in("volume/..1")); err != nil {
			t.Fatal(err)
		}
	})
	if set := h.after("the link turned again", func() { volume("3", "B", "bob"); link("..3", "volume/..data") }); len(set.Rules()) != 1 {
		t.Errorf("%d rules", len(set.Rules()))
	}
	h.after("the link to the folder turned", func() {
		put(t, in("release/one.yml"), ruleFile("one", "C"))
		put(t, in("release/lists/trusted.yml"), listFile("eva"))
		link("release", "rules")
	})
	h.after("a change behind the link", func() { put(t, in("release/one.yml"), ruleFile("one", "D")) })
}

// Rules that do not load leave the old ones in force, and say so once with all that is wrong; when they are mended, that is
// over. Deleting `return old` behind fail makes this fail.
func TestBrokenRulesReplaceNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, list := filepath.Join(dir, "rules/one.yml"), filepath.Join(dir, "rules/lists/trusted.yml")
	put(t, one, ruleFile("one", "A"))
	put(t, list, listFile("eva"))
	h := hold(t, dir, "rules")
	before := h.Set()

	put(t, one, strings.Replace(strings.Replace(ruleFile("one", "A"), "high", "hihg", 1), "actor,", "actr,", 1))
	h.until("the failure", func() bool { return h.Status().Err != nil })
	s := h.Status()
	if h.Set() != before || s.Hash != before.Hash() || s.Failed.Before(s.Loaded) || testutil.ToFloat64(h.Holder.metrics.broken) != 1 {
		t.Errorf("after a broken rule: status %+v", s)
	}
	if set := h.Refresh(); set != before {
		t.Error("asked, the holder gives other rules")
	}
	logged := h.logs.FilterMessageSnippet("stay in force").All()
	if len(logged) != 1 {
		t.Fatalf("logged %d times", len(logged))
	}
	if got := fmt.Sprint(logged[0].ContextMap()["problems"]); !strings.Contains(got, `one.yml:3:11: severity must be one of`) || !strings.Contains(got, `one.yml:7:36: unknown field "actr" (did you mean "actor"?)`) {
		t.Errorf("problems: %s", got)
	}
	put(t, one, ruleFile("one", "A"))
	h.until("the end of the failure", func() bool { return h.Status().Err == nil })
	if h.Set() != before || testutil.ToFloat64(h.Holder.metrics.broken) != 0 || h.logs.FilterMessageSnippet("load again").Len() != 1 {
		t.Errorf("after it was mended: %+v", h.Status())
	}
	h.after("other rules", func() { put(t, one, ruleFile("one", "B")) })
	if s := h.Status(); s.Rules != 1 || s.Hash == before.Hash() || !s.Failed.IsZero() {
		t.Errorf("status %+v", s)
	}
}

// A folder that has become empty is no set of rules: deleting the test for no rules in Refresh makes this fail.
func TestNoRulesReplaceNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "rules/one.yml"), ruleFile("one", "A"))
	put(t, filepath.Join(dir, "rules/lists/trusted.yml"), listFile("eva"))
	h := hold(t, dir, "rules")
	before := h.Set()
	if err := os.Remove(filepath.Join(dir, "rules/one.yml")); err != nil {
		t.Fatal(err)
	}
	h.until("the failure", func() bool { return h.Status().Err != nil })
	if h.Set() != before || !strings.Contains(h.Status().Err.Error(), "there are no rules any more in "+filepath.Join(dir, "rules")) {
		t.Errorf("status %+v", h.Status())
	}
	put(t, filepath.Join(dir, "rules/two.yml"), ruleFile("two", "A"))
	h.until("other rules", func() bool { return h.Set().Rule("two") != nil && h.Status().Err == nil })
}

// A hangup reads the files, also those that nobody watches, and answers in the log where nothing has changed, or still does not load.
func TestHangup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one := filepath.Join(dir, "rules/one.yml")
	put(t, one, ruleFile("one", "A"))
	put(t, filepath.Join(dir, "rules/lists/trusted.yml"), listFile("eva"))
	h := hold(t, dir, "rules")
	h.hangup <- os.Interrupt
	h.until("an answer", func() bool { return h.logs.FilterMessageSnippet("as they were").Len() == 1 })
	put(t, one, "id: one")
	h.until("the mistake", func() bool { return h.logs.FilterMessageSnippet("not reloaded").Len() == 1 })
	h.hangup <- os.Interrupt
	h.until("an answer", func() bool { return h.logs.FilterMessageSnippet("still do not load").Len() == 1 })
	put(t, one, ruleFile("one", "A"))

	blind, hangup := h.o, make(chan os.Signal)
	blind.Paths, blind.Metrics, blind.Hangup = nil, nil, hangup
	b, err := New(blind)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { _ = b.Run(ctx) })
	defer done.Wait()
	defer cancel()
	hangup <- os.Interrupt // taken: the first look is over
	put(t, one, ruleFile("one", "B"))
	hangup <- os.Interrupt
	h.until("the rules", func() bool { return strings.Contains(b.Set().Rule("one").When, `"B"`) })
}
