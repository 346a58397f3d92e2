package correlate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// stepHit is an event that is one or several steps.
type stepHit struct {
	hit
	account string
	steps   []int
}

func (h stepHit) key(r *rule.Rule, step int) []string {
	key := []string{h.actor, h.account}
	for i := range key {
		if !r.Sequence.Steps[step].Gives(i) {
			key[i] = ""
		}
	}
	return key
}

func (h stepHit) signals(r *rule.Rule) []match.Signal {
	var out []match.Signal
	for _, step := range h.steps {
		out = append(out, match.Signal{
			Rule: r.ID, Hash: r.Hash, Key: h.key(r, step), Time: h.at, First: h.at, Last: h.at, Count: 1, Severity: h.severity,
			Step: r.Sequence.Steps[step].Name,
			Samples: []match.Sample{{EventUID: h.uid, Class: "api", EventTime: h.at, Fields: map[string]json.RawMessage{
				"actor": json.RawMessage(`"` + h.actor + `"`), "event_name": json.RawMessage(fmt.Sprintf(`"%d"`, h.hash)),
			}}},
		})
	}
	return out
}

// drawSequence draws a rule of two or three steps that must be, with unless steps here and there, and perhaps a step that
// does not give every key.
func drawSequence(t *rapid.T) *rule.Rule {
	q := &rule.Sequence{Ordered: rapid.Bool().Draw(t, "ordered"), Within: rapid.SampledFrom([]time.Duration{10 * time.Second, 25 * time.Second, time.Minute}).Draw(t, "within")}
	whole := rapid.IntRange(0, 3).Draw(t, "whole") == 0
	add := func(unless bool) {
		s := &rule.Step{Name: string(rune('a' + len(q.Steps))), Unless: unless, By: []rule.Key{key("actor"), key("account_id")}}
		if whole && len(q.Steps) > 0 {
			s.By[rapid.IntRange(0, 1).Draw(t, "lacks")] = rule.Key{}
		}
		q.Steps = append(q.Steps, s)
	}
	for range rapid.IntRange(1, 3).Draw(t, "steps") {
		add(false)
		if q.Ordered && rapid.IntRange(0, 2).Draw(t, "unless") == 0 {
			add(true)
		}
	}
	if len(q.Steps) < 2 {
		add(false)
	}
	return testRule("sequence", func(r *rule.Rule) {
		r.Class, r.Sequence, r.GroupBy = event.None, q, []rule.Key{key("actor"), key("account_id")}
		r.Title = rule.ParseTemplate("{count} {a.event_name} {b.event_name}")
		r.Dedup = rapid.SampledFrom([]time.Duration{0, time.Minute, 3 * time.Minute}).Draw(t, "dedup")
		r.Capture = []rule.Key{key("actor"), key("event_name")}
	})
}

func drawStepHits(t *rapid.T, r *rule.Rule) []stepHit {
	var hits []stepHit
	for n := range rapid.IntRange(1, 26).Draw(t, "hits") {
		h := stepHit{hit: hit{
			uid: fmt.Sprintf("%032x", n*7919%97), at: rapid.Int64Range(-8, 30).Draw(t, "at") * second * 5 / 2,
			actor:    rapid.SampledFrom([]string{"eva", "eva", "bob"}).Draw(t, "actor"),
			severity: rapid.SampledFrom([]string{"low", "medium", "high"}).Draw(t, "severity"),
			hash:     rapid.Uint64Range(1, 6).Draw(t, "hash"),
		}, account: rapid.SampledFrom([]string{"1", "1", "1", "2"}).Draw(t, "account")}
		for i, s := range r.Sequence.Steps {
			if rapid.IntRange(0, 9).Draw(t, "is step") < 4 && (!s.Unless || rapid.Bool().Draw(t, "rarely")) {
				h.steps = append(h.steps, i)
			}
		}
		hits = append(hits, h)
	}
	return hits
}

// stepEvent is one event as one step.
type stepEvent struct {
	stepHit
	step int
}

// oracle says by the definition which alerts the hits of one group must end in, trying every choice of events.
type oracle struct {
	r     *rule.Rule
	marks [][]stepEvent // by step
	need  []int
	w     int64
}

func newOracle(r *rule.Rule, hits []stepHit, key []string) *oracle {
	o := &oracle{r: r, marks: make([][]stepEvent, len(r.Sequence.Steps)), w: int64(r.Window())}
	for i, s := range r.Sequence.Steps {
		if !s.Unless {
			o.need = append(o.need, i)
		}
		for _, h := range hits {
			have := h.key(r, i)
			if slices.Contains(h.steps, i) && (have[0] == "" || have[0] == key[0]) && (have[1] == "" || have[1] == key[1]) {
				o.marks[i] = append(o.marks[i], stepEvent{h, i})
			}
		}
	}
	return o
}

// choices calls found with every choice of one event a step in (e−W, e] that has the order and ends at e.
func (o *oracle) choices(e int64, found func([]stepEvent)) {
	var choose func(chosen []stepEvent)
	choose = func(chosen []stepEvent) {
		if n := len(chosen); n == len(o.need) {
			last := slices.MaxFunc(chosen, func(a, b stepEvent) int { return cmp.Compare(a.at, b.at) })
			if o.r.Sequence.Ordered {
				last = chosen[n-1]
			}
			if last.at == e {
				found(chosen)
			}
			return
		}
		for _, m := range o.marks[o.need[len(chosen)]] {
			if m.at > e-o.w && m.at <= e && (!o.r.Sequence.Ordered || len(chosen) == 0 || m.at >= chosen[len(chosen)-1].at) {
				choose(append(slices.Clone(chosen), m))
			}
		}
	}
	choose(nil)
}

// good reports whether the choice has no event twice and nothing that unless forbids.
func (o *oracle) good(chosen []stepEvent, e int64) bool {
	for i, a := range chosen {
		for _, b := range chosen[:i] {
			if a.uid == b.uid {
				return false
			}
		}
	}
	for u, s := range o.r.Sequence.Steps {
		if !s.Unless {
			continue
		}
		from, to := e, e+o.w-1
		for i := 1; i < len(chosen); i++ {
			if chosen[i-1].step < u && u < chosen[i].step {
				from, to = chosen[i-1].at, chosen[i].at
			}
		}
		for _, m := range o.marks[u] {
			if m.at >= from && m.at <= to {
				return false
			}
		}
	}
	return true
}

func (o *oracle) alerts(key []string, out map[string]alert.Alert) {
	covered, fired := map[string]map[string]stepEvent{}, map[string]int64{}
	ends := map[int64]bool{}
	for _, i := range o.need {
		for _, m := range o.marks[i] {
			ends[m.at] = true
		}
	}
	for e := range ends {
		fires, part := false, map[string]stepEvent{}
		o.choices(e, func(chosen []stepEvent) {
			fires = fires || o.good(chosen, e)
			for _, m := range chosen {
				part[fmt.Sprint(m.step, m.uid)] = m
			}
		})
		if !fires {
			continue
		}
		if !o.r.Sequence.Ordered {
			for _, i := range o.need {
				for _, m := range o.marks[i] {
					if m.at > e-o.w && m.at <= e {
						part[fmt.Sprint(m.step, m.uid)] = m
					}
				}
			}
		}
		id := alert.NewID(o.r.Hash, o.r.ID, key, floorDiv(e, int64(o.r.Period())))
		if covered[id] == nil {
			covered[id], fired[id] = map[string]stepEvent{}, math.MaxInt64
		}
		if steps := o.r.Sequence.Steps; steps[len(steps)-1].Unless {
			e += o.w // when nothing came
		}
		fired[id] = min(fired[id], e)
		maps.Copy(covered[id], part)
	}
	for id, part := range covered {
		a := o.expected(id, key, part)
		a.Reached = whenReached(fired[id], a, func(found func(at int64, severity string)) {
			for _, m := range part {
				found(m.at, m.severity)
			}
		})
		out[id] = a
	}
}

func (o *oracle) expected(id string, key []string, part map[string]stepEvent) alert.Alert {
	var all []stepEvent
	for _, m := range part {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b stepEvent) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.uid, b.uid), cmp.Compare(a.step, b.step))
	})
	a := alert.Alert{
		ID: id, Group: map[string]string{"actor": key[0], "account_id": key[1]}, Severity: "info",
		FirstEventTime: utc(all[0].at), LastEventTime: utc(all[len(all)-1].at), Events: []alert.Sample{},
	}
	first := map[int]string{0: "?", 1: "?"}
	lists := map[int][]stepEvent{} // what each step can show
	count := map[string]bool{}
	for _, m := range all {
		if first[m.step] == "?" {
			first[m.step] = fmt.Sprint(m.hash)
		}
		if rule.SeverityRank(m.severity) > rule.SeverityRank(a.Severity) {
			a.Severity = m.severity
		}
		if len(lists[m.step]) < match.MaxSamples {
			lists[m.step] = append(lists[m.step], m)
		}
		count[m.uid] = true
	}
	a.Count = uint64(len(count))
	left, share, shown := match.MaxSamples, match.MaxSamples/len(o.need), map[string]bool{}
	for _, i := range o.need {
		lists[i] = slices.DeleteFunc(lists[i], func(m stepEvent) bool { return shown[m.uid] })
		for _, m := range lists[i] {
			shown[m.uid] = true
		}
		left -= min(share, len(lists[i]))
	}
	for _, i := range o.need {
		more := min(left, max(0, len(lists[i])-share))
		left -= more
		for _, m := range lists[i][:min(share, len(lists[i]))+more] {
			s := alert.Sample{EventUID: m.uid, Class: "api", EventTime: utc(m.at), Step: o.r.Sequence.Steps[i].Name}
			s.Fields = map[string]json.RawMessage{"actor": json.RawMessage(`"` + m.actor + `"`), "event_name": json.RawMessage(fmt.Sprintf(`"%d"`, m.hash))}
			a.Events = append(a.Events, s)
		}
	}
	slices.SortFunc(a.Events, func(a, b alert.Sample) int {
		return cmp.Or(a.EventTime.Compare(b.EventTime), cmp.Compare(a.EventUID, b.EventUID))
	})
	a.Title = fmt.Sprintf("%d %s %s", a.Count, first[0], first[1])
	return a
}

func wantSequence(r *rule.Rule, hits []stepHit) map[string]alert.Alert {
	out := map[string]alert.Alert{}
	done := map[string]bool{}
	for _, h := range hits {
		for _, i := range h.steps {
			key := h.key(r, i)
			if slices.Contains(key, "") || done[fmt.Sprint(key)] {
				continue
			}
			done[fmt.Sprint(key)] = true
			newOracle(r, hits, key).alerts(key, out)
		}
	}
	return out
}

func stepFrames(t *rapid.T, r *rule.Rule, hits []stepHit) []*match.Frame {
	var out []*match.Frame
	for start := 0; start < len(hits); {
		end := start + rapid.IntRange(1, len(hits)-start).Draw(t, "cut")
		f := &match.Frame{Origin: record.Position{Epoch: 1, Topic: "records.api", Offset: int64(start)}, To: int64(end)}
		for _, h := range hits[start:end] {
			f.Signals = append(f.Signals, h.signals(r)...)
		}
		out = append(out, f)
		start = end
	}
	return out
}

// Whatever the order of arrival and the cut into frames, sequences end in the alerts of the definition. Each of these,
// deleted or changed, makes it fail: + g.length in flush, p.distinct in advance and in complete, the max in best, blocked in
// advance, forbidden, the inNext bit in count, either loop of Cover, the CompactFunc in settle, fits in roomSignal (both).
func TestSequencesAreThoseOfTheDefinition(t *testing.T) {
	t.Parallel()
	fired, unless, whole := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := drawSequence(t)
		hits := drawStepHits(t, r)
		g := newEngine([]*rule.Rule{r}, Options{KeepAll: rapid.Bool().Draw(t, "keep")})
		got := map[string]alert.Alert{}
		take := func(out Result) {
			seen := map[string]bool{}
			for _, a := range out.Alerts {
				old, known := got[a.ID]
				switch {
				case seen[a.ID]:
					t.Fatalf("alert %s twice in one frame", a.ID)
				case known && (old.Revision >= a.Revision || old.Count > a.Count):
					t.Fatalf("alert went back: %+v, then %+v", old, a)
				case known && gocmp.Equal(plainAlert(old), plainAlert(a)):
					t.Fatalf("alert sent again unchanged: %+v", a)
				}
				seen[a.ID], got[a.ID] = true, a
			}
		}
		order := rapid.Permutation(hits).Draw(t, "order")
		order = append(order, rapid.SliceOfN(rapid.SampledFrom(hits), 0, 5).Draw(t, "delivered again")...)
		for i, f := range stepFrames(t, r, order) {
			take(g.Apply(f, int64(i)))
			if again := g.Apply(f, int64(i)+1000); !again.Dropped || len(again.Alerts) > 0 {
				t.Fatalf("replayed frame: dropped %v, %d alerts", again.Dropped, len(again.Alerts))
			}
		}
		take(g.Finish())
		for id, a := range got {
			got[id] = plainAlert(a)
		}
		want := wantSequence(r, hits)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("alerts of %d steps within %s dedup %s ordered %v (-want +got):\n%s", len(r.Sequence.Steps), r.Window(), r.Dedup, r.Sequence.Ordered, diff)
		}
		fired += len(got)
		if slices.ContainsFunc(r.Sequence.Steps, func(s *rule.Step) bool { return s.Unless }) {
			unless += len(got)
		}
		if r.Whole() {
			whole += len(got)
		}
	})
	if fired == 0 || unless == 0 || whole == 0 {
		t.Errorf("%d alerts, %d of rules with unless, %d of rules in one shard: the test sees too little", fired, unless, whole)
	}
}
