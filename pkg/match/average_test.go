package match

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

func requestKey(t *testing.T, path string) rule.Key {
	t.Helper()
	k, err := rule.ParseKey("request."+path, event.API)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// requests are events whose request is JSON, a second apart.
func requests(texts ...string) []*event.Event {
	var events []*event.Event
	for n, raw := range texts {
		e := newEvent(n+1, second, 1, "Put", event.Success)
		e.SetObject(event.Request, event.Object{Raw: raw, Value: fastjson.MustParse(raw)})
		events = append(events, e)
	}
	return events
}

func sumsOf(rules []*rule.Rule, events []*event.Event) map[string]string {
	got := map[string]string{}
	for _, s := range signalsOf(newMatcher(rules, all(rules)), events, 1)[0] {
		got[fmt.Sprint(s.Rule, s.Key)] = fmt.Sprintf("%g of %d", s.Sum, s.Count)
	}
	return got
}

// A match without the number is none, a negative number is one, and of a quantile it counts what is past the limit. Each of
// these, deleted, makes it fail: the returns for !ok in fold and in foldElements, f.Sum += number in either, the case of
// Limit.Past in averaged.
func TestSignalsOfAnAverage(t *testing.T) {
	t.Parallel()
	mean := func(id string, quantile float64, by ...rule.Key) *rule.Rule {
		return &rule.Rule{ID: id, Hash: "h", Mode: rule.Live, GroupBy: by, Average: &rule.Average{
			Of: requestKey(t, "size"), Quantile: quantile, Limit: rule.Limit{Bound: rule.Over, Value: 2}, Bucket: time.Hour, Count: 1,
		}}
	}
	rules := []*rule.Rule{mean("mean", 0), mean("quantile", 0.5), mean("each", 0, requestKey(t, "ids[]"))}
	events := requests(
		`{"size":1,"ids":["a","a","b"]}`, `{"size":"4.5","ids":["a"]}`, `{"size":-2,"ids":["b"]}`, `{"ids":["a","b"]}`, `{"size":"big","ids":["a"]}`,
	)
	want := map[string]string{"mean[]": "3.5 of 3", "quantile[]": "1 of 3", "each[a]": "5.5 of 2", "each[b]": "-1 of 2"}
	if diff := cmp.Diff(want, sumsOf(rules, events)); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
}

// What is the event's own is added up once, however many elements of a group it has. Deleting first in foldElements makes it
// fail.
func TestTheEventsNumberIsAddedUpOnce(t *testing.T) {
	t.Parallel()
	by := []rule.Key{requestKey(t, "items[].id")}
	rules := []*rule.Rule{
		{ID: "own", Hash: "h", Mode: rule.Live, GroupBy: by, Sum: &rule.Sum{Of: requestKey(t, "size"), Within: time.Hour}},
		{ID: "elements", Hash: "h", Mode: rule.Live, GroupBy: by, Sum: &rule.Sum{Of: requestKey(t, "items[].size"), Within: time.Hour}},
	}
	events := requests(`{"size":100,"items":[{"id":"a","size":1},{"id":"a","size":2},{"id":"b","size":4}]}`, `{"size":1000,"items":[{"id":"a"}]}`)
	want := map[string]string{"own[a]": "1100 of 2", "own[b]": "100 of 1", "elements[a]": "3 of 2", "elements[b]": "4 of 1"}
	if diff := cmp.Diff(want, sumsOf(rules, events)); diff != "" {
		t.Errorf("sums (-want +got):\n%s", diff)
	}
}

// Numbers of any size make a signal that JSON can carry. Leaving the bounds out of grained makes it fail.
func TestNumbersOfAnySize(t *testing.T) {
	t.Parallel()
	rules := []*rule.Rule{
		{ID: "sum", Hash: "h", Mode: rule.Live, Sum: &rule.Sum{Of: requestKey(t, "size"), Within: time.Hour}},
		{ID: "average", Hash: "h", Mode: rule.Live, Average: &rule.Average{Of: requestKey(t, "size"), Bucket: time.Hour, Count: 1}},
	}
	events := requests(`{"size":1e307}`, `{"size":"1e308"}`, `{"size":1e308}`, `{"size":"Inf"}`, `{"size":"NaN"}`, `{"size":1e999}`, `{"size":-1e308}`)
	for _, s := range signalsOf(newMatcher(rules, all(rules)), events, 1)[0] {
		if _, err := json.Marshal(s); err != nil || s.Sum <= 0 {
			t.Errorf("signal of %s with sum %g: %v", s.Rule, s.Sum, err)
		}
	}
}
