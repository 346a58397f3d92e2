package correlate

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// carried is what a signal of one match says of its number.
func carried(a *rule.Average, v float64) float64 {
	switch {
	case a.Quantile == 0:
		return v
	case a.Limit.Past(v):
		return 1
	}
	return 0
}

func drawAverage(t *rapid.T) *rule.Rule {
	return testRule("average", func(r *rule.Rule) {
		bound := rapid.SampledFrom([]rule.Bound{rule.Over, rule.AtLeast, rule.Under, rule.AtMost}).Draw(t, "bound")
		r.Average = &rule.Average{
			Of: key("bytes_out"), Bucket: time.Minute, Count: uint64(rapid.IntRange(1, 3).Draw(t, "count")),
			Limit: rule.Limit{Bound: bound, Value: float64(rapid.IntRange(1, 3).Draw(t, "limit"))},
		}
		if rapid.Bool().Draw(t, "quantile") {
			r.Average.Quantile = rapid.SampledFrom([]float64{0.25, 0.5, 0.9}).Draw(t, "q")
		} else {
			r.Title = rule.ParseTemplate("{count} by {actor}, {value}")
		}
		r.Dedup = time.Duration(rapid.SampledFrom([]int{0, 4, 10}).Draw(t, "dedup")) * time.Minute
	})
}

// averageOfAll says by the definition what numbers come to.
func averageOfAll(a *rule.Average, numbers []float64) float64 {
	if a.Quantile > 0 {
		slices.Sort(numbers)
		return numbers[int(math.Ceil(a.Quantile*float64(len(numbers))))-1]
	}
	sum := 0.0
	for _, v := range numbers {
		sum += v
	}
	return sum / float64(len(numbers))
}

// wantAverage says by the definition which alerts hits must end in.
func wantAverage(r *rule.Rule, hits []hit) map[string]alert.Alert {
	a := r.Average
	type bucket struct {
		actor string
		no    int64
	}
	in := map[bucket][]hit{}
	for _, h := range hits {
		b := bucket{h.actor, floorDiv(h.at, int64(a.Bucket))}
		in[b] = append(in[b], h)
	}
	covered, farthest, reached := map[string]map[int]hit{}, map[string]float64{}, map[string]map[int8]int64{}
	shown, actors := map[string][]alert.Sample{}, map[string]string{}
	buckets := make([]bucket, 0, len(in))
	for b := range in {
		buckets = append(buckets, b)
	}
	slices.SortFunc(buckets, func(a, b bucket) int { return int(a.no - b.no) })
	for _, b := range buckets {
		var numbers []float64
		for _, h := range in[b] {
			numbers = append(numbers, h.sum)
		}
		value := averageOfAll(a, numbers)
		if uint64(len(numbers)) < a.Count || !a.Limit.Past(value) {
			continue
		}
		id := alert.NewID(r.Hash, r.ID, []string{b.actor}, floorDiv(b.no*int64(a.Bucket), int64(r.Period())))
		if covered[id] == nil {
			covered[id], farthest[id], reached[id], actors[id] = map[int]hit{}, value, map[int8]int64{}, b.actor
		}
		if a.Limit.Low() {
			farthest[id] = min(farthest[id], value)
		} else {
			farthest[id] = max(farthest[id], value)
		}
		some := map[int]hit{}
		for i, h := range in[b] {
			some[i] = h
			covered[id][len(covered[id])] = h
			for _, rank := range ranks(r) {
				if _, ok := reached[id][rank]; !ok && rank <= int8(rule.SeverityRank(h.severity)) {
					reached[id][rank] = (b.no + 1) * minute
				}
			}
		}
		first := expected("", b.actor, some).Events
		shown[id] = append(shown[id], first[:min(match.SampleLimit(r), len(first))]...)
	}
	out := map[string]alert.Alert{}
	for id, set := range covered {
		w := expected(id, actors[id], set)
		if a.Quantile == 0 {
			w.Title += ", " + amount(a.Of, farthest[id]).words
		}
		for _, rank := range ranks(r) {
			if at, ok := reached[id][rank]; ok {
				w.Reached = append(w.Reached, alert.Reached{Severity: rule.SeverityWord(rank), EventTime: utc(at)})
			}
		}
		w.Events = shown[id][:min(match.MaxSamples, len(shown[id]))]
		out[id] = w
	}
	return out
}

// averageFrames are frames in the order of time, whose watermark comes close to what follows, or in any order without one.
func averageFrames(t *rapid.T, r *rule.Rule, hits []hit) []*match.Frame {
	if !rapid.Bool().Draw(t, "shuffled") {
		return baselineFrames(t, r, hits, 0)
	}
	all := frames(t, r, rapid.Permutation(hits).Draw(t, "order"))
	for _, f := range all {
		for j := range f.Signals {
			f.Signals[j].Samples = f.Signals[j].Samples[:min(len(f.Signals[j].Samples), match.SampleLimit(r))]
		}
	}
	return all
}

// The last version of each alert is the one that the definition gives, whatever the cut into frames and, where nothing is
// decided before the end, whatever the order. Each of these, changed, makes it fail: g.lowest in newAverages, and in grow, the
// period in fire, t.Limit in average.Past, the case of averages in newKind.
func TestAveragesAreThoseOfTheDefinition(t *testing.T) {
	t.Parallel()
	fired := 0
	rapid.Check(t, func(t *rapid.T) {
		r, hits := drawAverage(t), drawBusy(t)
		g := newEngine([]*rule.Rule{r}, Options{KeepAll: rapid.Bool().Draw(t, "keep")})
		got := map[string]alert.Alert{}
		keep := func(res Result) {
			for _, a := range res.Alerts {
				if old, ok := got[a.ID]; ok && old.Count >= a.Count {
					t.Fatalf("told again of %d matches after %d", a.Count, old.Count)
				}
				got[a.ID] = plainAlert(a)
			}
		}
		for i, f := range averageFrames(t, r, hits) {
			keep(g.Apply(f, int64(i)))
		}
		keep(g.Finish())
		if diff := gocmp.Diff(wantAverage(r, hits), got); diff != "" {
			t.Fatalf("alerts of %+v, dedup %s (-want +got):\n%s", *r.Average, r.Dedup, diff)
		}
		fired += len(got)
		if s := g.Stats().Rules[0]; s.Late != 0 || s.Evicted != 0 {
			t.Fatalf("%d are late, %d evicted", s.Late, s.Evicted)
		}
	})
	if fired < 20 {
		t.Errorf("only %d alerts in all", fired)
	}
}

// A shard that dies and is replayed from where its progress says tells after its last commit what one tells that never died,
// and nothing else. Each of these, changed, makes it fail: the case of settlers in Progress, the min in needs.
func TestAveragesGoOnAfterACrash(t *testing.T) {
	t.Parallel()
	told := 0
	rapid.Check(t, func(t *rapid.T) {
		r, hits := drawAverage(t), drawBusy(t)
		stream := baselineFrames(t, r, hits, 15*second)
		whole := newEngine([]*rule.Rule{r}, Options{})
		commit := rapid.IntRange(0, len(stream)).Draw(t, "commit")
		progress := whole.Progress(0)
		want, got := map[string]alert.Alert{}, map[string]alert.Alert{}
		keep := func(all map[string]alert.Alert, res Result) {
			for _, a := range res.Alerts {
				if a.Revision > int64(commit) { // all others are muted
					all[fmt.Sprint(a.ID, a.Revision)] = plainAlert(a)
				}
			}
		}
		for i, f := range stream {
			keep(want, whole.Apply(f, int64(i)))
			if i+1 == commit {
				progress = whole.Progress(int64(commit))
			}
		}
		keep(want, whole.Finish())
		again := newEngine([]*rule.Rule{r}, Options{})
		again.Resume(progress)
		// As the pipeline does: from what is needed, and by time from what an open alert shows, if it can have older buckets.
		from := int(progress.From)
		grows := r.Period() > r.Window()
		for i, f := range stream[:from] {
			if slices.ContainsFunc(f.Signals, func(s match.Signal) bool {
				return grows && progress.Watermark == math.MinInt64 || grows && s.Time >= progress.Watermark-int64(r.Period()+2*r.Average.Bucket)
			}) {
				from = i
				break
			}
		}
		for i := from; i < len(stream); i++ {
			keep(got, again.Apply(stream[i], int64(i)))
		}
		keep(got, again.Finish())
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("committed %d, replayed from %d (-without +with):\n%s", commit, from, diff)
		}
		told += len(got)
	})
	if told < 20 {
		t.Errorf("only %d alerts in all", told)
	}
}

// State is bounded, and goes when nothing can come of it. Deleting the remove in expire, or the loop in flush, makes it fail.
func TestAveragesAreBounded(t *testing.T) {
	t.Parallel()
	r := testRule("average", func(r *rule.Rule) {
		r.Average = &rule.Average{Of: key("bytes_out"), Bucket: time.Minute, Count: 1, Limit: rule.Limit{Bound: rule.Over, Value: 1}}
	})
	g := newEngine([]*rule.Rule{r}, Options{MaxKeys: 5})
	f := &match.Frame{To: 9, Watermark: 100 * minute}
	for n := range 9 {
		f.Signals = append(f.Signals, hit{actor: fmt.Sprint("eva", n), at: 100 * minute, sum: 2, severity: "low"}.signal(r))
	}
	g.Apply(f, 0)
	if s := g.Stats().Rules[0]; s.Keys != 5 || s.Evicted != 4 || s.Bytes == 0 {
		t.Errorf("%d keys, %d evicted, %d bytes", s.Keys, s.Evicted, s.Bytes)
	}
	later := &match.Frame{To: 10, Watermark: 100*minute + int64(2*Lateness)}
	later.Origin.Offset = 9
	if told := g.Apply(later, 1).Alerts; len(told) != 5 {
		t.Errorf("told of %d groups, want 5", len(told))
	}
	if s := g.Stats().Rules[0]; s.Keys != 0 || s.Bytes != 0 {
		t.Errorf("%d keys and %d bytes left", s.Keys, s.Bytes)
	}
}

// Numbers below zero are told as those above. Deleting an Abs in amount or short makes it fail.
func TestNumbersBelowZeroAreTold(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{-12345.6: "-12346", -123.45: "-123.5", -1.5: "-1.5"} {
		if got := short(v); got != want {
			t.Errorf("%v is told as %q, want %q", v, got, want)
		}
	}
	if got := amount(key("bytes_out"), -3*1024*1024).words; got != "-3 MiB" {
		t.Errorf("bytes are told as %q", got)
	}
}
