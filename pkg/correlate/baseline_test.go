package correlate

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

const minute = 60 * second

func drawBaseline(t *rapid.T) *rule.Rule {
	return testRule("baseline", func(r *rule.Rule) {
		l := &rule.Baseline{
			Bucket: time.Minute, Past: time.Duration(rapid.IntRange(3, 8).Draw(t, "past")) * time.Minute, Learning: 2 * time.Minute,
			AtLeast: 2, Above: rule.Above{Deviations: 1.25},
		}
		if rapid.Bool().Draw(t, "sums") {
			l.Of = key("bytes_out")
		}
		if rapid.Bool().Draw(t, "quantile") {
			l.Above = rule.Above{Quantile: 0.75, Times: 1.5}
		}
		r.Dedup = time.Duration(rapid.SampledFrom([]int{0, 1, 4}).Draw(t, "dedup")) * time.Minute
		r.Baseline = l
		r.Title = rule.ParseTemplate("{count} by {actor}, {value} beside {usual}")
	})
}

// drawBusy spreads hits of two actors over half an hour, more in some minutes.
func drawBusy(t *rapid.T) []hit {
	var hits []hit
	at := 100 * minute
	for n := range rapid.IntRange(1, 80).Draw(t, "hits") {
		at += rapid.SampledFrom([]int64{1, 5, 5, 20, 20, 90, 300}).Draw(t, "step") * second
		hits = append(hits, hit{
			uid: fmt.Sprintf("%032x", n*7919%97), at: at, actor: rapid.SampledFrom([]string{"eva", "eva", "bob"}).Draw(t, "actor"),
			severity: rapid.SampledFrom([]string{"low", "high"}).Draw(t, "severity"), sum: float64(rapid.IntRange(0, 4).Draw(t, "sum")),
		})
	}
	return hits
}

// heldAgainst is a bucket that fired, by the definition.
type heldAgainst struct {
	value float64
	words string
	hits  []hit
}

// wantBuckets says by the definition which buckets of a group fire, and what each came to.
func wantBuckets(r *rule.Rule, actor string, hits []hit) (values map[int64]float64, fired map[int64]heldAgainst) {
	l, width := r.Baseline, int64(r.Baseline.Bucket)
	amount := func(v float64) string { return amount(l.Of, v).words }
	values, fired = map[int64]float64{}, map[int64]heldAgainst{}
	in := map[int64][]hit{}
	for _, h := range hits {
		if b := floorDiv(h.at, width); h.actor == actor {
			in[b] = append(in[b], h)
			if l.Of.Field != nil {
				values[b] += h.sum
			} else {
				values[b]++
			}
		}
	}
	for b, value := range values {
		var past []float64
		for i := b - int64(l.Past/l.Bucket); i < b; i++ {
			if v, ok := values[i]; ok || len(past) > 0 {
				past = append(past, v)
			}
		}
		if len(past) < int(l.Learning/l.Bucket) || value < l.AtLeast {
			continue
		}
		n, mean, squares := float64(len(past)), 0.0, 0.0
		for _, v := range past {
			mean += v / n
		}
		for _, v := range past {
			squares += (v - mean) * (v - mean) / n
		}
		limit, words := mean+l.Above.Deviations*math.Sqrt(squares), amount(mean)+" ± "+amount(math.Sqrt(squares))
		if l.Above.Quantile > 0 {
			slices.Sort(past)
			q := past[int(math.Ceil(l.Above.Quantile*n))-1]
			limit, words = q*l.Above.Times, amount(q)
		}
		if value > limit {
			fired[b] = heldAgainst{value, amount(value) + " beside " + words, in[b]}
		}
	}
	return values, fired
}

// wantBaseline says by the definition which alerts hits must end in.
func wantBaseline(r *rule.Rule, hits []hit) map[string]alert.Alert {
	out := map[string]alert.Alert{}
	for _, actor := range []string{"eva", "bob"} {
		_, fired := wantBuckets(r, actor, hits)
		periods := map[int64][]int64{}
		for b := range fired {
			p := floorDiv(b*int64(r.Baseline.Bucket), int64(r.Period()))
			periods[p] = append(periods[p], b)
		}
		for p, buckets := range periods {
			slices.Sort(buckets)
			covered, highest, words := map[int]hit{}, -1.0, ""
			var shown []alert.Sample
			reached := map[int8]int64{}
			for _, b := range buckets {
				f := fired[b]
				some := map[int]hit{}
				for i, h := range f.hits {
					some[i] = h
					covered[len(covered)] = h
					for _, rank := range ranks(r) {
						if _, ok := reached[rank]; !ok && rank <= int8(rule.SeverityRank(h.severity)) {
							reached[rank] = (b + 1) * minute
						}
					}
				}
				if f.value > highest {
					highest, words = f.value, f.words
				}
				first := expected("", actor, some).Events // four of each bucket
				shown = append(shown, first[:min(4, len(first))]...)
			}
			a := expected(alert.NewID(r.Hash, r.ID, []string{actor}, p), actor, covered)
			a.Title += ", " + words
			for _, rank := range ranks(r) {
				if at, ok := reached[rank]; ok {
					a.Reached = append(a.Reached, alert.Reached{Severity: rule.SeverityWord(rank), EventTime: utc(at)})
				}
			}
			a.Events = shown[:min(match.MaxSamples, len(shown))]
			out[a.ID] = a
		}
	}
	return out
}

func baselineFrames(t *rapid.T, r *rule.Rule, hits []hit, slack int64) []*match.Frame {
	all := frames(t, r, hits)
	for i, f := range all {
		next := hits[len(hits)-1].at
		if f.To < int64(len(hits)) {
			next = hits[f.To].at
		}
		f.Watermark = max(1, next-slack)
		for j := range f.Signals {
			s := &all[i].Signals[j]
			s.Samples = s.Samples[:min(len(s.Samples), match.SampleLimit(r))]
		}
	}
	return all
}

// The last version of each alert is the one that the definition gives, whatever the cut into frames and, where nothing is
// decided before the end, whatever the order. Each of these, changed, makes it fail: c.sum += in signal, the head of samples
// there, past.Put in evaluate, k.open.period < in grow, the value compared there.
func TestBaselinesAreThoseOfTheDefinition(t *testing.T) {
	t.Parallel()
	fired := 0
	rapid.Check(t, func(t *rapid.T) {
		r, hits := drawBaseline(t), drawBusy(t)
		g := newEngine([]*rule.Rule{r}, Options{KeepAll: true})
		g.Recall(nil)
		stream := baselineFrames(t, r, hits, 0)
		if rapid.Bool().Draw(t, "shuffled") {
			stream = frames(t, r, rapid.Permutation(hits).Draw(t, "order"))
			for _, f := range stream {
				for j := range f.Signals {
					f.Signals[j].Samples = f.Signals[j].Samples[:min(len(f.Signals[j].Samples), match.SampleLimit(r))]
				}
			}
		}
		got := map[string]alert.Alert{}
		var rows []Bucket
		keep := func(res Result) {
			for _, a := range res.Alerts {
				got[a.ID] = plainAlert(a)
			}
			rows = append(rows, res.Buckets...)
		}
		for i, f := range stream {
			keep(g.Apply(f, int64(i)))
		}
		keep(g.Finish())
		if diff := gocmp.Diff(wantBaseline(r, hits), got); diff != "" {
			t.Fatalf("alerts of past %s, dedup %s (-want +got):\n%s", r.Baseline.Past, r.Dedup, diff)
		}
		fired += len(got)
		checkRows(t, r, hits, rows)
		if late := g.Stats().Rules[0].Late; late != 0 {
			t.Fatalf("%d are late", late)
		}
	})
	if fired < 20 {
		t.Errorf("only %d alerts in all", fired)
	}
}

// checkRows holds the rows of the memory against the definition: each bucket once.
func checkRows(t *rapid.T, r *rule.Rule, hits []hit, rows []Bucket) {
	got, want := map[string]float64{}, map[string]float64{}
	for _, b := range rows {
		name := fmt.Sprint(b.Key, b.Time/minute, b.Fired)
		if _, again := got[name]; again {
			t.Fatalf("bucket %s was written twice", name)
		}
		got[name] = b.Value
	}
	for _, actor := range []string{"eva", "bob"} {
		values, fired := wantBuckets(r, actor, hits)
		for b, v := range values {
			_, f := fired[b]
			want[fmt.Sprint(memoKey([]string{actor}), b, f)] = v
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("rows (-want +got):\n%s", diff)
	}
}

// A shard that dies and is replayed from where its progress says ends with the same alerts and the same rows as one that
// never died, events that come late included; what was committed before is not decided again. Each of these, changed, makes it
// fail: p.From = in Progress, l.bucket < g.settled in close, the merge in recollect, if !known in evaluate.
func TestBaselinesGoOnAfterACrash(t *testing.T) {
	t.Parallel()
	late, both := uint64(0), 0
	rapid.Check(t, func(t *rapid.T) {
		r, hits := drawBaseline(t), drawBusy(t)
		for i := range hits { // some come late, some by much
			hits[i].at -= rapid.SampledFrom([]int64{0, 0, 0, 0, 10, 80, 200}).Draw(t, "delay") * second
		}
		stream := baselineFrames(t, r, hits, 15*second)
		whole := newEngine([]*rule.Rule{r}, Options{})
		whole.Recall(nil)
		crash := rapid.IntRange(1, len(stream)).Draw(t, "crash")
		commit := rapid.IntRange(0, crash).Draw(t, "commit")
		early := rapid.IntRange(0, 3).Draw(t, "early") // replayed though not needed
		var want [][]alert.Alert
		var wantRows, written []Bucket
		progress := whole.Progress(0)
		for i, f := range stream {
			res := whole.Apply(f, int64(i))
			want = append(want, res.Alerts)
			wantRows = append(wantRows, res.Buckets...)
			if i+1 == commit {
				progress = whole.Progress(int64(commit))
			}
			if i < crash {
				written = append(written, res.Buckets...)
			}
		}
		again := newEngine([]*rule.Rule{r}, Options{})
		again.Resume(progress)
		slices.SortStableFunc(written, func(a, b Bucket) int { return slices.Compare([]int64{a.Time}, []int64{b.Time}) })
		again.Remember(written)
		again.Remember(written) // an answer that broke off comes again
		recall := rapid.IntRange(0, len(stream)-1).Draw(t, "recall")
		got, rows := map[string]alert.Alert{}, slices.Clone(written)
		keep := func(res Result) {
			for _, a := range res.Alerts {
				if a.Revision > int64(commit) { // all others are muted
					got[fmt.Sprint(a.ID, a.Revision)] = a
				}
			}
			rows = append(rows, res.Buckets...)
		}
		// As the pipeline does: from what is needed, and by time from what an open alert shows.
		from := max(0, int(progress.From)-early)
		for i, f := range stream[:from] {
			if slices.ContainsFunc(f.Signals, func(s match.Signal) bool {
				return progress.Watermark == math.MinInt64 || s.Time >= progress.Watermark-int64(r.Period()+2*r.Baseline.Bucket)
			}) {
				from = i
				break
			}
		}
		for i := from; i < len(stream); i++ {
			if i == max(recall, from) {
				keep(again.Recall(nil))
			}
			keep(again.Apply(stream[i], int64(i)))
		}
		keep(again.Recall(nil))
		expect := map[string]alert.Alert{}
		for _, alerts := range want[commit:] {
			for _, a := range alerts {
				expect[fmt.Sprint(a.ID, a.Revision)] = a
			}
		}
		sameLast(t, expect, got)
		sortRows := cmpopts.SortSlices(func(a, b Bucket) bool { return fmt.Sprint(a.Key, a.Time) < fmt.Sprint(b.Key, b.Time) })
		if diff := gocmp.Diff(wantRows, rows, sortRows, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("crash after %d, committed %d, replayed from %d: rows (-without +with):\n%s", crash, commit, from, diff)
		}
		late += whole.Stats().Rules[0].Late
		both += len(got)
	})
	if late < 5 || both < 20 {
		t.Errorf("%d late events, %d alerts: too few to say something", late, both)
	}
}

// sameLast compares the last version of each alert.
func sameLast(t *rapid.T, want, got map[string]alert.Alert) {
	reduce := func(all map[string]alert.Alert) map[string]alert.Alert {
		last := map[string]alert.Alert{}
		for _, a := range all {
			if a.Revision >= last[a.ID].Revision {
				last[a.ID] = a
			}
		}
		return last
	}
	if diff := gocmp.Diff(reduce(want), reduce(got)); diff != "" {
		t.Fatalf("alerts (-without +with):\n%s", diff)
	}
}

func TestBaselineWaitsForItsMemory(t *testing.T) {
	t.Parallel()
	r := testRule("baseline", func(r *rule.Rule) {
		r.Baseline = &rule.Baseline{Bucket: time.Minute, Past: 5 * time.Minute, Learning: 2 * time.Minute, AtLeast: 2, Above: rule.Above{Quantile: 1, Times: 2}}
	})
	g := newEngine([]*rule.Rule{r}, Options{})
	frame := func(n int64, watermark int64, hits ...hit) *match.Frame {
		f := &match.Frame{Origin: record.Position{Epoch: 1, Topic: "t", Offset: n}, To: n + 1, Watermark: watermark}
		f.Signals = combine(r, hits)
		return f
	}
	at := 100 * minute
	eva := func(n int) (hits []hit) {
		for i := range n {
			hits = append(hits, hit{uid: fmt.Sprintf("%032x", i), at: at + int64(i), actor: "eva", severity: "low"})
		}
		return hits
	}
	g.Apply(frame(0, at, eva(5)...), 0)
	if res := g.Apply(frame(1, at+2*minute), 1); len(res.Alerts)+len(res.Buckets) > 0 {
		t.Fatalf("spoke before its memory was there: %+v", res)
	}
	if w := g.Waiting(); len(w) != 1 || w[0] != r {
		t.Errorf("waiting: %v", w)
	}
	if from, ok := g.Held(); !ok || from != 1 {
		t.Errorf("held from %d, %v; want 1, where the bucket was closed", from, ok)
	}
	g.Apply(frame(2, at+2*minute, eva(3)...), 2) // late
	g.Remember([]Bucket{{RuleHash: r.Hash, Key: `["eva"]`, Time: at - 2*minute, Value: 2}, {RuleHash: "another", Key: `["eva"]`}, {RuleHash: r.Hash, Key: "{"}})
	res := g.Recall(nil)
	if len(res.Alerts) != 1 || res.Alerts[0].Revision != 2 || res.Alerts[0].Count != 5 || len(res.Buckets) != 1 || res.Buckets[0].Offset != 1 {
		t.Errorf("after Recall: %+v", res)
	}
	if s := g.Stats().Rules[0]; s.Late != 3 {
		t.Errorf("late: %d, want 3", s.Late)
	}
	if _, held := g.Held(); held || g.Waiting() != nil {
		t.Error("still waiting")
	}
}

// BenchmarkBaselines is one rule over 20,000 group keys with two weeks of hours behind each: what a shard does once frames
// are decoded, and what closing an hour of all keys costs. bytes/key is the heap that the state takes, with one signal of four
// samples a key in the open hour.
func BenchmarkBaselines(b *testing.B) {
	const keys, past = 20_000, 336
	hour := int64(time.Hour)
	r := testRule("baseline", func(r *rule.Rule) {
		r.GroupBy = []rule.Key{key("interface_id")}
		r.Capture = []rule.Key{key("interface_id"), key("dst_port")}
		r.Baseline = &rule.Baseline{Of: key("bytes"), Bucket: time.Hour, Past: past * time.Hour, Learning: 72 * time.Hour, AtLeast: 1 << 40, Above: rule.Above{Deviations: 4}}
	})
	before := heapBytes()
	g := newEngine([]*rule.Rule{r}, Options{MaxBytes: 1 << 40})
	var names []string
	for n := range keys {
		names = append(names, fmt.Sprintf("eni-0a1b2c3d4e5f%05d", n))
	}
	texts := heapBytes() - before
	for n := range keys {
		rows := make([]Bucket, past)
		for h := range rows {
			rows[h] = Bucket{RuleHash: r.Hash, Key: memoKey(names[n : n+1]), Time: int64(h) * hour, Value: float64(n + h)}
		}
		g.Remember(rows)
	}
	g.Recall(nil)
	at, next := int64(past), int64(0)
	frameOf := func() *match.Frame {
		f := frame(0, next, next+1, at*hour)
		next++
		for n := range keys {
			s := match.Signal{Rule: r.ID, Hash: r.Hash, Key: names[n : n+1], Time: at * hour, Count: 9, Sum: float64(n), Severity: "low"}
			for i := range 4 {
				s.Samples = append(s.Samples, match.Sample{EventUID: fmt.Sprintf("%028x%04x", n, i), Class: "flow", EventTime: at*hour + int64(i),
					Fields: map[string]json.RawMessage{"interface_id": json.RawMessage(`"` + names[n] + `"`), "dst_port": json.RawMessage("443")}})
			}
			f.Signals = append(f.Signals, s)
		}
		return f
	}
	g.Apply(frameOf(), next)
	perKey := float64(heapBytes()-before-texts) / keys
	counted := float64(g.Stats().Rules[0].Bytes) / keys
	closing, rows := time.Duration(0), 0
	for b.Loop() {
		b.StopTimer()
		at++
		f := frameOf()
		b.StartTimer()
		started := time.Now()
		rows += len(g.Apply(f, next).Buckets)
		closing += time.Since(started)
	}
	b.ReportMetric(float64(closing.Nanoseconds())/float64(b.N)/keys, "ns/signal")
	b.ReportMetric(float64(rows)/float64(b.N), "rows/op")
	b.ReportMetric(perKey, "bytes/key")
	b.ReportMetric(counted, "counted-bytes/key")
}
