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
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

func absenceRule(dedup time.Duration) *rule.Rule {
	return testRule("absence", func(r *rule.Rule) {
		r.Absence = &rule.Absence{For: 10 * time.Minute, Forget: 24 * time.Hour}
		r.Dedup = dedup
		r.Title = rule.ParseTemplate("{count} of {actor} at {last_event_time}")
	})
}

// presenceSignals folds hits of one frame as the matcher does: of a bucket, the sample is the first.
func presenceSignals(r *rule.Rule, hits []hit) []match.Signal {
	byKey := map[string]match.Signal{}
	bucket := int64(match.Bucket(r))
	for _, h := range hits {
		name := fmt.Sprint(h.actor, floorDiv(h.at, bucket))
		s := h.signal(r)
		if have, ok := byKey[name]; ok {
			s.Count += have.Count
			s.First = min(s.First, have.First)
			s.Last = max(s.Last, have.Last)
			if first := have.Samples[0]; first.EventTime < h.at || first.EventTime == h.at && first.EventUID < h.uid {
				s.Samples, s.Severity = have.Samples, have.Severity
			}
		}
		byKey[name] = s
	}
	var out []match.Signal
	for _, s := range byKey {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b match.Signal) int { return match.Compare(&a, &b) })
	return out
}

// wantAbsence says by the definition which silences are over at a time.
func wantAbsence(r *rule.Rule, hits []hit, now int64) map[string]alert.Alert {
	out := map[string]alert.Alert{}
	silence, bucket := int64(r.Absence.For), int64(match.Bucket(r))
	slices.SortFunc(hits, func(a, b hit) int { return slices.Compare([]int64{a.at}, []int64{b.at}) })
	for _, last := range hits {
		shown := last
		ends := last.at+silence <= now
		for _, h := range hits {
			switch {
			case h.actor != last.actor:
			case h.at > last.at && h.at <= last.at+silence:
				ends = false
			case floorDiv(h.at, bucket) == floorDiv(last.at, bucket) && (h.at < shown.at || h.at == shown.at && h.uid < shown.uid):
				shown = h
			}
		}
		if !ends {
			continue
		}
		a := expected(alert.NewID(r.Hash, r.ID, []string{last.actor}, floorDiv(last.at, int64(r.Period()))), last.actor, map[int]hit{0: shown})
		a.FirstEventTime, a.LastEventTime = utc(last.at), utc(last.at)
		a.Title = fmt.Sprintf("1 of %s at %s", last.actor, utc(last.at).Format(time.RFC3339Nano))
		for _, rank := range ranks(r) {
			if rank <= int8(rule.SeverityRank(shown.severity)) {
				a.Reached = append(a.Reached, alert.Reached{Severity: rule.SeverityWord(rank), EventTime: utc(last.at + silence)})
			}
		}
		out[a.ID] = a // of one period the newest: hits are in order
	}
	return out
}

func drawSeen(t *rapid.T) []hit {
	var hits []hit
	at := 100 * minute
	for n := range rapid.IntRange(1, 60).Draw(t, "hits") {
		at += rapid.SampledFrom([]int64{0, 1, 60, 300, 600, 601, 1500}).Draw(t, "step") * second
		hits = append(hits, hit{
			uid: fmt.Sprintf("%032x", n*7919%97), at: at, actor: rapid.SampledFrom([]string{"eva", "eva", "bob"}).Draw(t, "actor"),
			severity: rapid.SampledFrom([]string{"low", "high"}).Draw(t, "severity"),
		})
	}
	return hits
}

// A finite input in any order and cut tells the silences of the definition that are over at its last event. Each of these,
// changed, makes it fail: the 1 in at, the < in decide, the `more` there.
func TestAbsencesAreThoseOfTheDefinition(t *testing.T) {
	t.Parallel()
	told := 0
	rapid.Check(t, func(t *rapid.T) {
		r := absenceRule(time.Duration(rapid.SampledFrom([]int{0, 30}).Draw(t, "dedup")) * time.Minute)
		hits := drawSeen(t)
		newest := hits[len(hits)-1].at + rapid.SampledFrom([]int64{0, 0, 700}).Draw(t, "until")*second
		order := rapid.Permutation(hits).Draw(t, "order")
		g := newEngine([]*rule.Rule{r}, Options{KeepAll: true})
		got := map[string]alert.Alert{}
		for from, n := 0, 0; from < len(order); n++ {
			to := from + rapid.IntRange(1, len(order)-from).Draw(t, "cut")
			f := &match.Frame{Origin: record.Position{Epoch: 1, Topic: "t", Offset: int64(from)}, To: int64(to), Signals: presenceSignals(r, order[from:to])}
			if to == len(order) {
				f.Watermark = newest
			}
			for _, a := range g.Apply(f, int64(n)).Alerts {
				got[a.ID] = plainAlert(a)
			}
			from = to
		}
		for _, a := range g.Finish().Alerts {
			got[a.ID] = plainAlert(a)
		}
		told += len(got)
		if diff := gocmp.Diff(wantAbsence(r, hits, newest), got); diff != "" {
			t.Fatalf("alerts (-want +got):\n%s", diff)
		}
	})
	if told < 50 {
		t.Errorf("only %d alerts", told)
	}
}

// Two partitions send hits in order and are idle now and then, when their clock goes on. A shard that dies and is replayed
// tells what one that never died tells, and what it told before the commit is not told again. In order, that is the
// definition. Each of these, changed, makes it fail: g.settled in decide, p.From = in Progress, o.clock in accept,
// Lateness or s.idle.At in rest.
func TestAbsencesGoOnAfterACrash(t *testing.T) {
	t.Parallel()
	told, byClock := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := absenceRule(0)
		hits := drawSeen(t)
		lag := rapid.Int64Range(0, 1000).Draw(t, "lag") * 24 * 60 * minute // of what the clocks say
		var stream []*match.Frame
		to := [2]int64{}
		frame := func(p int, watermark, clock int64, hits ...hit) {
			f := &match.Frame{Origin: record.Position{Epoch: 1, Topic: "t", Partition: p, Offset: to[p]}, To: to[p] + int64(len(hits)), Watermark: watermark, Clock: clock}
			to[p] = f.To
			f.Signals = presenceSignals(r, hits)
			stream = append(stream, f)
		}
		for i, h := range hits {
			frame(i%2, h.at, 0, h)
			frame(1-i%2, h.at, 0) // both know what time it is
			if next := h.at + 40*minute; i+1 == len(hits) || rapid.IntRange(0, 4).Draw(t, "idle") == 0 {
				if i+1 < len(hits) {
					next = hits[i+1].at
				}
				for clock, until := h.at, rapid.Int64Range(h.at, next+int64(Lateness)).Draw(t, "clock"); ; clock = min(clock+4*minute, until) {
					frame(0, math.MaxInt64, lag+clock)
					frame(1, math.MaxInt64, lag+clock+second)
					if clock == until {
						break
					}
				}
			}
		}
		whole := newEngine([]*rule.Rule{r}, Options{})
		commit := rapid.IntRange(0, len(stream)).Draw(t, "commit")
		progress := whole.Progress(0)
		got, want := map[string]alert.Alert{}, map[string]alert.Alert{}
		all := map[string]alert.Alert{}
		for i, f := range stream {
			for _, a := range whole.Apply(f, int64(i)).Alerts {
				if i >= commit {
					want[a.ID] = a
				}
				all[a.ID] = plainAlert(a)
				if f.Clock > 0 {
					byClock++
				}
			}
			if i+1 == commit {
				progress = whole.Progress(int64(commit))
			}
		}
		now := whole.rules[r.ID].kind.(*absences).now - 1
		if diff := gocmp.Diff(wantAbsence(r, hits, now), all); diff != "" {
			t.Fatalf("alerts without a crash (-want +got):\n%s", diff)
		}
		again := newEngine([]*rule.Rule{r}, Options{})
		again.Resume(progress)
		for i := max(0, int(progress.From)-rapid.IntRange(0, 3).Draw(t, "early")); i < len(stream); i++ {
			for _, a := range again.Apply(stream[i], int64(i)).Alerts {
				if a.Revision <= int64(commit) {
					t.Fatalf("%s is told again", a.Title)
				}
				got[a.ID] = a
			}
		}
		told += len(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("committed %d, from %d: alerts (-without +with):\n%s", commit, progress.From, diff)
		}
	})
	if told < 50 || byClock == 0 {
		t.Errorf("%d alerts after the commit, %d by the clock: too few", told, byClock)
	}
}

// A replay may begin behind the frames that held time back, and behind those that took it on. Deleting `once && g.replays` in
// decide makes the first part fail, either assignment in caughtUp both, its decide the second.
func TestAReplayDecidesNothing(t *testing.T) {
	t.Parallel()
	silent := absenceRule(0)
	usual := testRule("usual", func(r *rule.Rule) {
		r.Baseline = &rule.Baseline{Bucket: time.Minute, Past: 5 * time.Minute, Learning: 2 * time.Minute, AtLeast: 1, Above: rule.Above{Quantile: 1, Times: 1}}
	})
	said := func(partition int, n, watermark, clock int64) *match.Frame {
		return &match.Frame{Origin: record.Position{Epoch: 1, Topic: "t", Partition: partition, Offset: n}, To: n + 1, Watermark: watermark, Clock: clock}
	}
	at := func(f *match.Frame, m int64) *match.Frame {
		h := hit{uid: fmt.Sprintf("%032x", m), at: m * minute, actor: "eva", severity: "low"}
		f.Signals = append(presenceSignals(silent, []hit{h}), h.signal(usual))
		return f
	}
	stream := []*match.Frame{
		said(1, 0, 100*minute, 0), // slow
		at(said(0, 0, 100*minute, 0), 100), said(0, 1, 200*minute, 0),
		said(1, 1, 105*minute, 0), said(1, 2, 250*minute, 0),
	}
	g := newEngine([]*rule.Rule{silent, usual}, Options{})
	g.Resume(Progress{Offset: 3, From: 1, Watermark: 100 * minute, Clock: math.MinInt64})
	g.Recall(nil)
	for offset := int64(1); offset < 5; offset++ {
		res := g.Apply(stream[offset], offset)
		if (offset == 4) != (len(res.Alerts) == 1) || (offset == 3) != (len(res.Buckets) == 1) {
			t.Errorf("offset %d: %d silences, %d buckets", offset, len(res.Alerts), len(res.Buckets))
		}
	}
	for name, p := range map[string]Progress{
		"watermark": {Offset: 1, Watermark: 300 * minute, Clock: math.MinInt64},
		"clock":     {Offset: 1, Watermark: 90 * minute, Clock: 300 * minute},
	} {
		g := newEngine([]*rule.Rule{silent, usual}, Options{})
		g.Resume(p)
		g.Recall(nil)
		g.Apply(at(said(0, 5, 100*minute, 0), 100), 1)
		s := g.Stats().Rules
		if want := map[string]uint64{"watermark": 1, "clock": 0}[name]; s[0].Late != 1 || s[1].Late != want {
			t.Errorf("%s was further: %d late for the silence, %d for the bucket", name, s[0].Late, s[1].Late)
		}
	}
}

// seen drives an engine with one rule of kind absence.
type seen struct {
	*Engine
	r *rule.Rule
	n int64
}

func (w *seen) tell(f match.Frame, hits ...hit) []string {
	f.Origin = record.Position{Epoch: 1, Topic: "t", Offset: w.n}
	if f.Signals = presenceSignals(w.r, hits); len(hits) > 0 {
		w.n++
	}
	f.To = w.n
	var out []string
	for _, a := range w.Apply(&f, w.n).Alerts {
		out = append(out, fmt.Sprint(a.Group["actor"], " ", a.LastEventTime.UnixNano()/minute))
	}
	return out
}

// While all is idle the clock decides, and nothing but silences: old data that comes then is on time for all other rules. Leaving
// Mark{} out of advance makes this fail, and so does `step < patience` in rest.
func TestAbsenceByTheClock(t *testing.T) {
	t.Parallel()
	w := &seen{r: absenceRule(0)}
	other := testRule("other", func(r *rule.Rule) { r.Threshold = &rule.Threshold{Count: 2, Within: time.Minute} })
	w.Engine = newEngine([]*rule.Rule{w.r, other}, Options{})
	at := func(m int64) hit {
		return hit{uid: fmt.Sprintf("%032x", m), at: m * minute, actor: "eva", severity: "low"}
	}
	clock := int64(0)
	idle := func(m int64) match.Frame { return match.Frame{Watermark: math.MaxInt64, Clock: m * minute} } // by clocks that are far ahead
	for _, c := range []struct {
		say   string
		frame match.Frame
		hits  []hit
		want  []string
	}{
		{"seen", match.Frame{Watermark: 100 * minute}, []hit{at(100)}, nil},
		{"idle", idle(100_000), nil, nil},
		{"idle, and logs may still be on their way", idle(100_025), nil, nil},
		{"a quarter of an hour over", idle(100_026), nil, []string{"eva 100"}},
		{"only once", idle(100_200), nil, nil},
		{"too late to be seen by", match.Frame{Watermark: 274 * minute}, []hit{at(274)}, nil},
		{"seen again", match.Frame{Watermark: 276 * minute}, []hit{at(276)}, nil},
		{"idle again, but only now", idle(100_500), nil, nil},
		{"by the watermark, after its grace", match.Frame{Watermark: 289 * minute}, nil, []string{"eva 276"}},
		{"and again", match.Frame{Watermark: 290 * minute}, []hit{at(290)}, nil},
		{"idle", idle(101_000), nil, nil},
		{"nothing ran, or the clock was put right: who can know", idle(103_000), nil, nil},
		{"put right again", idle(101_010), nil, nil},
		{"logs may still be on their way", idle(101_034), nil, nil},
		{"a quarter of an hour over again", idle(101_036), nil, []string{"eva 290"}},
		{"seen before", match.Frame{Watermark: 320 * minute}, []hit{at(320)}, nil},
		{"forgotten", match.Frame{Watermark: 2000 * minute}, nil, nil},
	} {
		var got []string
		if now := c.frame.Clock; now > clock && now-clock < 200*minute { // as heartbeats do
			for ; clock+4*minute < now; clock += 4 * minute {
				got = append(got, w.tell(match.Frame{Watermark: math.MaxInt64, Clock: clock + 4*minute})...)
			}
		}
		if c.frame.Clock > 0 {
			clock = c.frame.Clock
		}
		if got = append(got, w.tell(c.frame, c.hits...)...); !slices.Equal(got, c.want) {
			t.Errorf("%s: told %q, want %q", c.say, got, c.want)
		}
	}
	if now := w.origins.watermark; now != 2000*minute {
		t.Errorf("the clock moved the watermark to minute %d", now/minute)
	}
	if a := w.Stats().Rules[0]; a.Keys != 0 || a.Bytes != 0 || a.Late != 1 {
		t.Errorf("at the end: %+v", a)
	}
}

func TestAbsenceStateIsBounded(t *testing.T) {
	t.Parallel()
	w := &seen{r: absenceRule(0)}
	w.Engine = newEngine([]*rule.Rule{w.r}, Options{MaxKeys: 10})
	for n := range int64(30) {
		w.tell(match.Frame{Watermark: 100 * minute}, hit{uid: fmt.Sprintf("%032x", n), at: 100*minute + n*second, actor: fmt.Sprint("actor ", n), severity: "low"})
	}
	k := w.rules["absence"].kind.(*absences)
	if s := w.Stats().Rules[0]; s.Keys != 10 || s.Evicted != 20 || len(k.due) != 10 || s.Bytes < 1000 {
		t.Errorf("after 30 groups: %+v, %d in the heap", s, len(k.due))
	}
	if told := w.tell(match.Frame{Watermark: 200 * minute}); len(told) != 10 || told[0] != "actor 20 100" {
		t.Errorf("told %q", told)
	}
}

// BenchmarkAbsences is one rule over 100,000 group keys that are all seen again and again. bytes/key is the heap that the state
// takes.
func BenchmarkAbsences(b *testing.B) {
	const keys, perFrame = 100_000, 1000
	r := absenceRule(0)
	g := newEngine([]*rule.Rule{r}, Options{})
	next := 0
	makeFrame := func() *match.Frame {
		at := 100*minute + int64(next)*second/1000
		f := frame(0, int64(next), int64(next+perFrame), at)
		for range perFrame {
			h := hit{uid: fmt.Sprintf("%032x", next), at: at, actor: fmt.Sprintf("arn:aws:iam::111122223333:user/%05d", next%keys), severity: "low"}
			f.Signals = append(f.Signals, h.signal(r))
			next++
		}
		return f
	}
	before := heapBytes()
	for range keys / perFrame {
		g.Apply(makeFrame(), int64(next))
	}
	perKey := float64(heapBytes()-before) / keys
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		f := makeFrame()
		b.StartTimer()
		g.Apply(f, int64(next))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/perFrame, "ns/signal")
	b.ReportMetric(perKey, "bytes/key")
	b.ReportMetric(float64(g.Stats().Rules[0].Bytes)/float64(g.Stats().Rules[0].Keys), "counted-bytes/key")
}
