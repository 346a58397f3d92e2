package match

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fastjson"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

const second = int64(time.Second)

func key(name string) rule.Key { return rule.Key{Name: name, Field: event.Lookup(name)} }

func testRules() []*rule.Rule {
	rules := []*rule.Rule{
		{ID: "count", GroupBy: []rule.Key{key("src_ip")}, Threshold: &rule.Threshold{Count: 3, Within: time.Hour}},
		{ID: "distinct", GroupBy: []rule.Key{key("src_ip")}, Distinct: &rule.Distinct{Of: key("event_name"), Count: 3, Within: time.Minute}},
		{ID: "each"},
		{ID: "first", GroupBy: []rule.Key{key("actor")}, FirstSeen: &rule.FirstSeen{Value: []rule.Key{key("src_country")}}},
		{ID: "sum", GroupBy: []rule.Key{key("actor")}, Sum: &rule.Sum{Of: key("bytes_out"), Total: 10, Within: time.Minute}},
		{ID: "try", Mode: rule.DryRun},
	}
	for _, r := range rules {
		r.Hash = "hash of " + r.ID
		r.Severity = rule.Severities{Success: "high", Failure: "low", Unknown: "info"}
		r.Capture = append(slices.Clone(r.GroupBy), key("event_name"))
		if r.Mode == "" {
			r.Mode = rule.Live
		}
	}
	return rules
}

// all is a condition that always holds.
func all(rules []*rule.Rule) func(*event.Event, []rule.Hit) []rule.Hit {
	var hits []rule.Hit
	for _, r := range rules {
		if r.Sequence == nil {
			hits = append(hits, rule.Hit{Rule: r})
			continue
		}
		for _, s := range r.Sequence.Steps {
			hits = append(hits, rule.Hit{Rule: r, Step: s})
		}
	}
	return func(_ *event.Event, dst []rule.Hit) []rule.Hit { return append(dst, hits...) }
}

func newEvent(n int, at int64, ip byte, name, outcome string) *event.Event {
	e := new(event.Event)
	e.Reset(event.API, nil)
	e.UID = event.UID{byte(n >> 8), byte(n)}
	e.SetUnixNano(event.EventTime, at)
	e.SetAddr(event.SrcIP, netip.AddrFrom4([4]byte{198, 51, 100, ip}))
	e.SetText(event.EventName, name)
	e.SetText(event.Outcome, outcome)
	e.SetText(event.Actor, "eva")
	e.SetText(event.SrcCountry, "DE")
	return e
}

func signalsOf(m *Matcher, events []*event.Event, shards int) [][]Signal {
	m.Begin()
	for _, e := range events {
		m.Event(e)
	}
	return m.Signals(shards)
}

func TestMatcherCombines(t *testing.T) {
	t.Parallel()
	rules := testRules()
	m := newMatcher(rules, all(rules))
	events := []*event.Event{
		newEvent(1, 15*second+5, 7, "A", event.Failure),
		newEvent(2, 14*second, 7, "B", event.Success),
		newEvent(3, 27*second, 7, "A", event.Failure),
		newEvent(3, 27*second, 7, "A", event.Failure), // delivered twice
	}
	got := map[string][]Signal{}
	for _, s := range signalsOf(m, events, 1)[0] {
		got[s.Rule] = append(got[s.Rule], s)
	}
	counts := map[string]int{}
	for id, list := range got {
		counts[id] = len(list)
	}
	// count: buckets of 3600/256 = 14 s, two of them; each and the kinds of one-second buckets: one a second.
	if diff := cmp.Diff(map[string]int{"count": 1, "distinct": 3, "each": 3, "first": 3, "sum": 3}, counts); diff != "" {
		t.Fatalf("signals by rule (-want +got):\n%s", diff)
	}
	c := got["count"][0]
	if c.Time != 14*second || c.Count != 3 || c.First != 14*second || c.Last != 27*second || c.Severity != "high" {
		t.Errorf("combined signal: %+v", c)
	}
	var names []string
	for _, s := range c.Samples {
		names = append(names, string(s.Fields["event_name"]))
	}
	if diff := cmp.Diff([]string{`"B"`, `"A"`, `"A"`}, names); diff != "" {
		t.Errorf("samples by time (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]uint64{"count": 3, "distinct": 3, "each": 3, "first": 3, "sum": 3, "try": 3}, m.Matches()); diff != "" {
		t.Errorf("matches (-want +got):\n%s", diff)
	}
}

// Deleting the sort in Signals, or Begin's clear of seen, makes this fail.
func TestMatcherIsStateless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		rules := testRules()
		used := newMatcher(rules, all(rules))
		signalsOf(used, drawEvents(t), 2)
		got := signalsOf(used, events, 2)
		want := signalsOf(newMatcher(rules, all(rules)), events, 2)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("same events, other signals (-want +got):\n%s", diff)
		}
		shuffled := rapid.Permutation(events).Draw(t, "order")
		if diff := cmp.Diff(want, signalsOf(used, shuffled, 2)); diff != "" {
			t.Fatalf("other order, other signals (-want +got):\n%s", diff)
		}
	})
}

func drawEvents(t *rapid.T) []*event.Event {
	var events []*event.Event
	for n := range rapid.IntRange(0, 60).Draw(t, "events") {
		at := rapid.Int64Range(0, 40).Draw(t, "time") * second / 2
		ip := byte(rapid.IntRange(0, 1).Draw(t, "ip"))
		e := newEvent(n, at, ip, fmt.Sprint("E", rapid.IntRange(0, 5).Draw(t, "name")), event.Success)
		e.SetInt(event.BytesOut, rapid.Int64Range(0, 1<<40).Draw(t, "bytes"))
		events = append(events, e)
	}
	return events
}

func TestSignalsGoToTheirShard(t *testing.T) {
	t.Parallel()
	rules := testRules()
	var events []*event.Event
	for n := range 50 {
		events = append(events, newEvent(n, second, byte(n), "A", event.Success))
	}
	used := 0
	for n, list := range signalsOf(newMatcher(rules, all(rules)), events, 4) {
		used += min(1, len(list))
		for _, s := range list {
			if want := Shard(s.Hash, s.Key, 4); want != n {
				t.Fatalf("signal of %s %v in shard %d, want %d", s.Rule, s.Key, n, want)
			}
		}
	}
	if used < 2 {
		t.Errorf("all signals in %d shard", used)
	}
}

// Deleting bounded's repair of UTF-8 makes this fail: the frame would carry another key than the shard was chosen by.
func TestKeysSurviveTheWay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw := string(rapid.SliceOfN(rapid.Byte(), 0, 700).Draw(t, "value"))
		e := newEvent(1, second, 1, raw, event.Success)
		r := &rule.Rule{ID: "r", Hash: "h", GroupBy: []rule.Key{key("event_name")}, Capture: []rule.Key{key("event_name")}, Dedup: time.Hour, Mode: rule.Live}
		m := newMatcher([]*rule.Rule{r}, all([]*rule.Rule{r}))
		sent := signalsOf(m, []*event.Event{e}, 1)[0]
		msgs, err := Encode(&Frame{To: 1, Signals: sent}, 900_000)
		if err != nil {
			t.Fatal(err)
		}
		var a Assembler
		f, err := a.Add(msgs[0])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sent, f.Signals); diff != "" {
			t.Fatalf("after the way (-sent +got):\n%s", diff)
		}
		if n := len(sent[0].Key[0]); n > MaxKeyValue {
			t.Fatalf("key of %d bytes", n)
		}
	})
}

// Objects come from parsers that read texts in place, and their writer quotes as Go does. Deleting the json.Valid in
// sampleValue makes this fail.
func TestSamplesAreJSON(t *testing.T) {
	t.Parallel()
	raw := "{\"a\":\"bell \\u0007 \\udb40\\udc01 \\\"\",\"b\":[{\"c\":\"\\u0001\"},{\"c\":2}]}"
	v := fastjson.MustParse(raw)
	v.GetStringBytes("a") // reading it is what makes its writer quote it anew
	v.GetArray("b")
	e := newEvent(1, 0, 1, "A", "")
	e.SetObject(event.Request, event.Object{Raw: raw, Value: v})
	for _, path := range [][]string{{"a"}, {"b", "[]", "c"}, {"b"}, nil} {
		k := rule.Key{Name: "request." + strings.Join(path, "."), Field: event.Lookup("request"), Path: path}
		v.GetStringBytes("b", "0", "c")
		if got := sampleValue(k, e, MaxSampleValue); !json.Valid(got) || len(got) == 0 {
			t.Errorf("%v: not JSON: %s", path, got)
		}
	}
	long := strings.Repeat("é", MaxSampleValue)
	e.SetText(event.EventName, long)
	if got := sampleValue(key("event_name"), e, MaxSampleValue); !json.Valid(got) || len(got) > MaxSampleValue {
		t.Errorf("a long value gives %d bytes", len(got))
	}
}

func TestAmountIsExact(t *testing.T) {
	t.Parallel()
	k := key("request_ms")
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Float64Range(-5, 1e6), 1, 50).Draw(t, "values")
		sum := func(list []float64) float64 {
			total := 0.0
			for _, v := range list {
				e := newEvent(1, 0, 0, "", "")
				e.SetFloat(event.RequestMS, v)
				total += amount(k, e)
			}
			return total
		}
		if a, b := sum(values), sum(rapid.Permutation(values).Draw(t, "order")); a != b {
			t.Fatalf("sum depends on order: %v, %v", a, b)
		}
	})
}

// Deleting the sort in MergeHashes makes this fail.
func TestSmallestHashesSurviveMerging(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 6).Draw(t, "limit")
		var merged, every []uint64
		for _, list := range rapid.SliceOfN(rapid.SliceOfN(rapid.Uint64Range(0, 20), 0, 12), 0, 6).Draw(t, "lists") {
			var h hashSet
			for _, v := range list {
				h.add(v, limit)
			}
			merged = MergeHashes(merged, h.sorted(limit), limit)
			every = append(every, list...)
		}
		slices.Sort(every)
		every = slices.Compact(every)
		if want := every[:min(limit, len(every))]; !slices.Equal(want, merged) {
			t.Fatalf("got %v, want %v", merged, want)
		}
	})
}

func BenchmarkMatcher(b *testing.B) {
	rules := testRules()
	m := newMatcher(rules, all(rules))
	var events []*event.Event
	for n := range 10_000 {
		e := newEvent(n, int64(n)*second/200, byte(n*n), fmt.Sprint("E", n%60), event.Success)
		e.SetInt(event.BytesOut, int64(n))
		events = append(events, e)
	}
	b.ReportAllocs()
	for b.Loop() {
		signalsOf(m, events, 4)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/event")
}

// BenchmarkMatcherFlood is matches that fold into signals that there are already: what a flood costs.
func BenchmarkMatcherFlood(b *testing.B) {
	rules := testRules()[:2]
	m := newMatcher(rules, all(rules))
	var events []*event.Event
	for n := range 10_000 {
		events = append(events, newEvent(n, second, byte(n%8), fmt.Sprint("E", n%60), event.Success))
	}
	b.ReportAllocs()
	for b.Loop() {
		signalsOf(m, events, 4)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)*len(rules)), "ns/match")
}
