package match

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// sequenceRule joins on actor and interface: step launch has several interfaces an event, seen has its error code for
// one, and told has none.
func sequenceRule() *rule.Rule {
	elements := rule.Key{Name: "response.ids[]", Field: event.Lookup("response"), Path: []string{"ids", "[]"}}
	step := func(name string, by ...rule.Key) *rule.Step {
		return &rule.Step{Name: name, Class: event.API, Outcome: "any", By: by, Capture: []rule.Key{key("event_name")}}
	}
	return &rule.Rule{
		ID: "chain", Hash: "hash of chain", Mode: rule.Live, GroupBy: []rule.Key{key("actor"), key("interface_id")},
		Severity: rule.Severities{Success: "high", Failure: "low", Unknown: "info"},
		Sequence: &rule.Sequence{Within: time.Hour, Ordered: true, Steps: []*rule.Step{
			step("launch", key("actor"), elements), step("seen", key("actor"), key("error_code")), step("told", key("actor"), rule.Key{}),
		}},
	}
}

// Each deleted makes it fail: the return of stepSignal for a missing value, seen in step, the step in folding's key, the
// comparison with last in Event.
func TestStepsGiveSignals(t *testing.T) {
	t.Parallel()
	rules := []*rule.Rule{sequenceRule()}
	m := newMatcher(rules, all(rules))
	e := newEvent(1, 15*second, 7, "A", event.Success)
	raw := `{"ids":["i-1","i-2","i-1","",null,{"a":1}]}`
	e.SetObject(event.Response, event.Object{Raw: raw, Value: fastjson.MustParse(raw)})
	other := newEvent(2, 15*second, 7, "B", event.Failure)
	other.SetText(event.ErrorCode, "i-2")
	signals := signalsOf(m, []*event.Event{e, other, other}, 1)[0]
	var got []string
	for _, s := range signals {
		got = append(got, fmt.Sprintf("%s %s %d %s %s %s", s.Step, strings.Join(s.Key, ","), s.Count, s.Severity, s.Samples[0].EventUID[:4], s.Samples[0].Fields["event_name"]))
		if s.Time != 15*second || s.First != s.Time || s.Last != s.Time || len(s.Samples) != 1 {
			t.Errorf("signal %+v", s)
		}
	}
	want := []string{
		`told eva, 1 high 0001 "A"`, `told eva, 1 low 0002 "B"`,
		`launch eva,i-1 1 high 0001 "A"`, `launch eva,i-2 1 high 0001 "A"`, `seen eva,i-2 1 low 0002 "B"`,
		`launch eva,{"a":1} 1 high 0001 "A"`,
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("signals (-want +got):\n%s", diff)
	}
	if n := m.Matches()["chain"]; n != 2 {
		t.Errorf("%d matches, want 2 events", n)
	}
}

// Deleting whole in Signals makes it fail: what joins would go to different shards.
func TestWholeRuleHasOneShard(t *testing.T) {
	t.Parallel()
	rules := []*rule.Rule{sequenceRule()}
	m := newMatcher(rules, all(rules))
	var events []*event.Event
	for n := range 40 {
		e := newEvent(n, second, 7, "A", event.Success)
		e.SetText(event.Actor, fmt.Sprint("actor ", n))
		events = append(events, e)
	}
	used := 0
	for n, list := range signalsOf(m, events, 4) {
		used += min(1, len(list))
		if len(list) > 0 && n != Shard("hash of chain", nil, 4) {
			t.Errorf("signals in shard %d", n)
		}
	}
	if used != 1 {
		t.Errorf("signals in %d shards", used)
	}
	rules[0].Sequence.Steps = rules[0].Sequence.Steps[:2]
	if rules[0].Whole() || !sequenceRule().Whole() {
		t.Error("Whole is not whether some step lacks a key")
	}
}

func TestElementsAreBounded(t *testing.T) {
	t.Parallel()
	rules := []*rule.Rule{sequenceRule()}
	var b strings.Builder
	for n := range MaxElements + 50 {
		fmt.Fprintf(&b, `,"i-%d"`, n)
	}
	e := newEvent(1, second, 7, "A", event.Success)
	raw := `{"ids":[` + b.String()[1:] + `]}`
	e.SetObject(event.Response, event.Object{Raw: raw, Value: fastjson.MustParse(raw)})
	got := signalsOf(newMatcher(rules, all(rules)), []*event.Event{e}, 1)[0]
	if len(got) != MaxElements+1 { // and told
		t.Errorf("%d signals, want %d", len(got), MaxElements+1)
	}
}
