package correlate

import (
	"cmp"
	"encoding/json"
	"fmt"
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

const second = int64(time.Second)

func key(name string) rule.Key { return rule.Key{Name: name, Field: event.Lookup(name)} }

// testRule returns a rule by actor; set makes its kind.
func testRule(id string, set func(*rule.Rule)) *rule.Rule {
	r := &rule.Rule{
		ID: id, Hash: "hash of " + id, Version: "version", Mode: rule.Live, Class: event.API, Outcome: "any",
		Title: rule.ParseTemplate("{count} by {actor}"), GroupBy: []rule.Key{key("actor")},
		Capture:  []rule.Key{key("actor"), key("event_name")},
		Severity: rule.Severities{Success: "low", Failure: "medium", Unknown: "high"},
	}
	set(r)
	return r
}

// hit is a match, reduced to what kinds look at.
type hit struct {
	uid      string
	at       int64
	actor    string
	severity string
	hash     uint64
	sum      float64
}

func (h hit) signal(r *rule.Rule) match.Signal {
	at := h.at
	if b := int64(match.Bucket(r)); b > 0 {
		at = floorDiv(at, b) * b
	}
	s := match.Signal{
		Rule: r.ID, Hash: r.Hash, Key: []string{h.actor}, Time: at, First: h.at, Last: h.at, Count: 1, Severity: h.severity,
		Samples: []match.Sample{{EventUID: h.uid, NativeID: "native " + h.uid, Class: "api", EventTime: h.at, Fields: fields(h)}},
	}
	if r.Distinct != nil {
		s.Hashes = []uint64{h.hash}
	}
	if r.Sum != nil || r.Baseline != nil && r.Baseline.Of.Field != nil {
		s.Sum = h.sum
	}
	if r.Average != nil {
		s.Sum = carried(r.Average, h.sum)
	}
	return s
}

// drawHits spreads n hits so that groups fire here and there, across windows and periods, also before 1970.
func drawHits(t *rapid.T) []hit {
	var hits []hit
	for n := range rapid.IntRange(1, 90).Draw(t, "hits") {
		hits = append(hits, hit{
			uid: fmt.Sprintf("%032x", n*7919%97), at: rapid.Int64Range(-40, 120).Draw(t, "at") * second * 5 / 2,
			actor:    rapid.SampledFrom([]string{"eva", "bob"}).Draw(t, "actor"),
			severity: rapid.SampledFrom([]string{"low", "medium", "high"}).Draw(t, "severity"),
			hash:     rapid.Uint64Range(1, 6).Draw(t, "hash"), sum: float64(rapid.IntRange(0, 5).Draw(t, "sum")),
		})
	}
	return hits
}

func drawRule(t *rapid.T) *rule.Rule {
	within := rapid.SampledFrom([]time.Duration{10 * time.Second, 25 * time.Second, time.Minute}).Draw(t, "within")
	kind := rapid.SampledFrom([]string{"threshold", "distinct", "sum", "match"}).Draw(t, "kind")
	return testRule(kind, func(r *rule.Rule) {
		r.Dedup = rapid.SampledFrom([]time.Duration{0, 15 * time.Second, 50 * time.Second, 3 * time.Minute}).Draw(t, "dedup")
		switch kind {
		case "threshold":
			r.Threshold = &rule.Threshold{Count: 4, Within: within}
		case "distinct":
			r.Title = rule.ParseTemplate("{value} by {actor}")
			r.Distinct = &rule.Distinct{Of: key("event_name"), Count: 4, Within: within}
		case "sum":
			r.Title = rule.ParseTemplate("{value} by {actor}")
			r.Sum = &rule.Sum{Of: key("bytes_out"), Total: 12, Within: within}
		case "match":
			r.Dedup = max(r.Dedup, 5*time.Second)
		}
	})
}

// want says by the definition, without any of the engine's means, which alerts hits must end in.
func want(r *rule.Rule, hits []hit) map[string]alert.Alert {
	bucket, w, d := int64(match.Bucket(r)), int64(r.Window()), int64(r.Period())
	quantised := func(h hit) int64 { return floorDiv(h.at, bucket) * bucket }
	covered := map[string]map[int]hit{}
	group := map[string][]string{}
	fired := map[string]int64{}
	for _, end := range hits {
		e := quantised(end)
		var in []int
		values, count, sum := map[uint64]bool{}, uint64(0), 0.0
		for i, h := range hits {
			if h.actor == end.actor && quantised(h) > e-w && quantised(h) <= e || h == end && w == 0 {
				in = append(in, i)
				values[h.hash], count, sum = true, count+1, sum+h.sum
			}
		}
		if r.Threshold != nil && count < r.Threshold.Count || r.Distinct != nil && uint64(len(values)) < r.Distinct.Count ||
			r.Sum != nil && sum < r.Sum.Total {
			continue
		}
		id := alert.NewID(r.Hash, r.ID, []string{end.actor}, floorDiv(e, d))
		if covered[id] == nil {
			covered[id], group[id], fired[id] = map[int]hit{}, []string{end.actor}, e
		}
		fired[id] = min(fired[id], e)
		for _, i := range in {
			covered[id][i] = hits[i]
		}
	}
	out := map[string]alert.Alert{}
	for id, set := range covered {
		a := expected(id, group[id][0], set)
		values, sum := map[uint64]bool{}, 0.0
		for _, h := range set {
			values[h.hash], sum = true, sum+h.sum
		}
		switch {
		case r.Distinct != nil:
			a.Title = fmt.Sprintf("%d by %s", len(values), group[id][0])
		case r.Sum != nil:
			a.Title = fmt.Sprintf("%g B by %s", sum, group[id][0])
		}
		a.Reached = whenReached(fired[id], a, func(found func(at int64, severity string)) {
			for _, h := range set {
				found(quantised(h), h.severity)
			}
		})
		out[id] = a
	}
	return out
}

// whenReached says by the definition when an alert reached each severity up to its own: fired is its first end, and each
// calls found with each event that takes part.
func whenReached(fired int64, a alert.Alert, each func(found func(at int64, severity string))) []alert.Reached {
	var out []alert.Reached
	for _, word := range []string{"low", "medium", "high"} {
		rank := rule.SeverityRank(word)
		if rank > rule.SeverityRank(a.Severity) {
			break
		}
		since := int64(math.MaxInt64)
		each(func(at int64, severity string) {
			if rule.SeverityRank(severity) >= rank {
				since = min(since, at)
			}
		})
		out = append(out, alert.Reached{Severity: word, EventTime: utc(max(fired, since, a.FirstEventTime.UnixNano()))})
	}
	return out
}

func expected(id, actor string, set map[int]hit) alert.Alert {
	var list []hit
	for _, h := range set {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b hit) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.uid, b.uid)) })
	a := alert.Alert{
		ID: id, Count: uint64(len(list)), Group: map[string]string{"actor": actor}, Severity: "info",
		FirstEventTime: utc(list[0].at), LastEventTime: utc(list[len(list)-1].at),
		Title: fmt.Sprintf("%d by %s", len(list), actor), Events: []alert.Sample{},
	}
	for i, h := range list {
		if i < match.MaxSamples {
			a.Events = append(a.Events, alert.Sample{EventUID: h.uid, NativeID: "native " + h.uid, Class: "api", EventTime: utc(h.at), Fields: fields(h)})
		}
		if rule.SeverityRank(h.severity) > rule.SeverityRank(a.Severity) {
			a.Severity = h.severity
		}
	}
	return a
}

// plainAlert reduces an engine's alert to what expected fills in.
func plainAlert(a alert.Alert) alert.Alert {
	reached := slices.Clone(a.Reached)
	for i := range reached {
		reached[i].Revision = 0 // which frames there were is not in the definition
	}
	return alert.Alert{ID: a.ID, Count: a.Count, Group: a.Group, Severity: a.Severity, FirstEventTime: a.FirstEventTime, Reached: reached,
		LastEventTime: a.LastEventTime, Title: a.Title, Events: append([]alert.Sample{}, a.Events...)}
}

// checkRevisions holds that a severity keeps the revision that first told of it, and that a new one has this one's.
func checkRevisions(t *rapid.T, old, a alert.Alert) {
	for i, l := range a.Reached {
		want := a.Revision
		if i < len(old.Reached) {
			want = old.Reached[i].Revision
		}
		if l.Revision != want {
			t.Fatalf("%s was told by revision %d, want %d: %+v, then %+v", l.Severity, l.Revision, want, old.Reached, a.Reached)
		}
	}
	if n := len(a.Reached); n == 0 || a.Reached[n-1].Severity != a.Severity {
		t.Fatalf("an alert of severity %s has reached %+v", a.Severity, a.Reached)
	}
}

// fields are what a sample of h shows: a key's value, which the engine keeps only once, and one beside it.
func fields(h hit) map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"actor": json.RawMessage(`"` + h.actor + `"`), "event_name": json.RawMessage(fmt.Sprintf(`"%d"`, h.hash)),
	}
}

// frames cuts hits, in their order, into frames; each is combined as detect does it, or left as it is.
func frames(t *rapid.T, r *rule.Rule, hits []hit) []*match.Frame {
	var out []*match.Frame
	for start := 0; start < len(hits); {
		end := start + rapid.IntRange(1, len(hits)-start).Draw(t, "cut")
		f := &match.Frame{Origin: record.Position{Epoch: 1, Topic: "records.api", Offset: int64(start)}, To: int64(end)}
		if rapid.Bool().Draw(t, "combined") {
			f.Signals = combine(r, hits[start:end])
		} else {
			for _, h := range hits[start:end] {
				f.Signals = append(f.Signals, h.signal(r))
			}
		}
		out = append(out, f)
		start = end
	}
	return out
}

// combine folds hits as the matcher does, over its exported means.
func combine(r *rule.Rule, hits []hit) []match.Signal {
	byKey := map[string]*match.Signal{}
	var order []string
	for _, h := range hits {
		s := h.signal(r)
		at := fmt.Sprint(s.Key, s.Time)
		have := byKey[at]
		if have == nil {
			byKey[at] = &s
			order = append(order, at)
			continue
		}
		have.Count, have.Sum = have.Count+1, have.Sum+s.Sum
		have.First, have.Last = min(have.First, s.First), max(have.Last, s.Last)
		have.Hashes = match.MergeHashes(have.Hashes, s.Hashes, match.MaxHashes)
		if rule.SeverityRank(s.Severity) > rule.SeverityRank(have.Severity) {
			have.Severity = s.Severity
		}
		have.Samples = append(have.Samples, s.Samples...)
		slices.SortFunc(have.Samples, func(a, b match.Sample) int {
			return cmp.Or(cmp.Compare(a.EventTime, b.EventTime), cmp.Compare(a.EventUID, b.EventUID))
		})
		have.Samples = have.Samples[:min(len(have.Samples), match.MaxSamples)]
	}
	var out []match.Signal
	for _, at := range order {
		out = append(out, *byKey[at])
	}
	slices.SortFunc(out, func(a, b match.Signal) int { return match.Compare(&a, &b) })
	return out
}

// The heart of it: whatever the order of arrival and the cut into frames, the last version of each alert is the one that
// the definition gives. Each of these, deleted, makes it fail: either grow in groups.signal, quiet++ in evaluate, the
// hi+g.length there, the inNext bit in count, reaches in strip, the sort in join, p.add in point.join, either min of fired, the
// a.fold in groups.grow, p.sum in reach.fold, the min in reached.note, l.since in reached.tell.
func TestAlertsAreThoseOfTheDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawRule(t)
		hits := drawHits(t)
		g := newEngine([]*rule.Rule{r}, Options{KeepAll: rapid.Bool().Draw(t, "keep")})
		got := map[string]alert.Alert{}
		for i, f := range frames(t, r, rapid.Permutation(hits).Draw(t, "order")) {
			seen := map[string]bool{}
			for _, a := range g.Apply(f, int64(i)).Alerts {
				if seen[a.ID] {
					t.Fatalf("alert %s twice in one frame", a.ID)
				}
				if old, ok := got[a.ID]; ok && (old.Revision >= a.Revision || old.Count > a.Count) {
					t.Fatalf("alert went back: %+v, then %+v", old, a)
				}
				if old, ok := got[a.ID]; ok && gocmp.Equal(plainAlert(old), plainAlert(a)) {
					t.Fatalf("alert sent again unchanged: %+v", a)
				}
				checkRevisions(t, got[a.ID], a)
				seen[a.ID], got[a.ID] = true, a
			}
			if again := g.Apply(f, int64(i)+1000); !again.Dropped || len(again.Alerts) > 0 {
				t.Fatalf("replayed frame: dropped %v, %d alerts", again.Dropped, len(again.Alerts))
			}
		}
		for id, a := range got {
			got[id] = plainAlert(a)
		}
		if diff := gocmp.Diff(want(r, hits), got); diff != "" {
			t.Fatalf("alerts of %s within %s dedup %s (-want +got):\n%s", r.ID, r.Window(), r.Dedup, diff)
		}
	})
}
