package correlate

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

func counting(count uint64, within, dedup time.Duration) *rule.Rule {
	return testRule("count", func(r *rule.Rule) {
		r.Threshold, r.Dedup = &rule.Threshold{Count: count, Within: within}, dedup
	})
}

func frame(partition int, from, to, watermark int64, signals ...match.Signal) *match.Frame {
	return &match.Frame{Origin: record.Position{Epoch: 1, Topic: "records.api", Partition: partition, Offset: from}, To: to, Watermark: watermark, Signals: signals}
}

func hitAt(r *rule.Rule, n int, actor string, at int64) match.Signal {
	return hit{uid: fmt.Sprintf("%032x", n), at: at, actor: actor, severity: "low"}.signal(r)
}

// Deleting the epoch's comparison in accept, or the mark's, makes this fail.
func TestMarksDropWhatWasApplied(t *testing.T) {
	t.Parallel()
	r := counting(2, time.Minute, 0)
	g := newEngine([]*rule.Rule{r}, Options{})
	type step struct {
		f       *match.Frame
		dropped bool
	}
	old := frame(0, 0, 5, 0)
	old.Origin.Epoch = 0
	anew := frame(0, 0, 2, 0)
	anew.Origin.Epoch = 2
	for i, s := range []step{
		{frame(0, 0, 10, 0), false}, {frame(0, 0, 10, 0), true}, {frame(0, 0, 5, 0), true}, {frame(1, 0, 5, 0), false},
		{frame(0, 10, 10, 7), false}, // a heartbeat at the mark
		{frame(0, 5, 5, 7), true}, {old, true}, {frame(0, 10, 11, 0), false}, {anew, false}, {frame(0, 11, 12, 0), true},
	} {
		if got := g.Apply(s.f, int64(i)).Dropped; got != s.dropped {
			t.Errorf("step %d: dropped %v, want %v", i, got, s.dropped)
		}
	}
}

func TestWatermarkIsTheSlowestAndNeverFalls(t *testing.T) {
	t.Parallel()
	g := newEngine(nil, Options{})
	for i, s := range []struct {
		f    *match.Frame
		want int64
	}{
		{frame(0, 0, 1, 100), 100}, {frame(1, 0, 1, 50), 100}, {frame(1, 1, 2, 150), 100}, {frame(0, 1, 2, 200), 150},
		{frame(2, 0, 1, 0), 150}, {frame(0, 2, 3, 300), 150}, // partition 2 has not said how far it is
		{frame(2, 1, 2, math.MaxInt64), 150}, {frame(1, 2, 3, math.MaxInt64), 300}, // the idle hold nothing up
		{frame(0, 3, 4, math.MaxInt64), 300}, {frame(0, 4, 5, 250), 300},
	} {
		g.Apply(s.f, int64(i))
		if got := g.origins.watermark; got != s.want {
			t.Errorf("step %d: watermark %d, want %d", i, got, s.want)
		}
	}
}

func TestStateGoesWhenTimeHasPassed(t *testing.T) {
	t.Parallel()
	r := counting(2, time.Minute, 10*time.Minute)
	hour := int64(time.Hour)
	g := newEngine([]*rule.Rule{r}, Options{})
	g.Apply(frame(0, 0, 1, hour, hitAt(r, 1, "eva", hour), hitAt(r, 2, "bob", hour)), 0)
	g.Apply(frame(0, 1, 2, 3*hour, hitAt(r, 3, "bob", 3*hour)), 1)
	if s := g.Stats().Rules[0]; s.Keys != 1 {
		t.Errorf("%d keys after two hours, want bob's alone", s.Keys)
	}
	late := g.Apply(frame(0, 2, 3, 3*hour, hitAt(r, 4, "eva", hour+second), hitAt(r, 5, "eva", hour+2*second)), 2).Alerts
	if len(late) != 1 || !late[0].Late || late[0].Count != 2 {
		t.Errorf("late arrivals: %+v, want one late alert of 2", late)
	}
	onTime := g.Apply(frame(0, 3, 4, 3*hour, hitAt(r, 6, "bob", 3*hour-second)), 3).Alerts
	if len(onTime) != 1 || onTime[0].Late {
		t.Errorf("arrivals within the lateness: %+v, want one alert that is not late", onTime)
	}
	all := newEngine([]*rule.Rule{r}, Options{KeepAll: true})
	all.Apply(frame(0, 0, 1, hour, hitAt(r, 1, "eva", hour)), 0)
	all.Apply(frame(0, 1, 2, 9*hour, hitAt(r, 2, "bob", 9*hour)), 1)
	if s := all.Stats().Rules[0]; s.Keys != 2 {
		t.Errorf("KeepAll kept %d keys of 2", s.Keys)
	}
}

// Dropping state by time must not change an alert while arrivals keep within the lateness: a long stream, a little out of
// order, ends in the alerts of the definition. Keeping only Lateness in expire makes this fail.
func TestDroppingStateChangesNothingOnTime(t *testing.T) {
	t.Parallel()
	r := counting(3, time.Hour, 2*time.Hour)
	var hits []hit
	for n := range 400 {
		hits = append(hits, hit{uid: fmt.Sprintf("%032x", n), at: int64(n*37%97)*10*second + int64(n)*400*second, actor: "eva", severity: "low"})
	}
	g := newEngine([]*rule.Rule{r}, Options{})
	got := map[string]uint64{}
	peak := 0
	for n, h := range hits {
		for _, a := range g.Apply(frame(0, int64(n), int64(n+1), int64(n)*400*second, h.signal(r)), int64(n)).Alerts {
			if a.Late {
				t.Fatalf("late: %+v", a)
			}
			got[a.ID] = a.Count
		}
		peak = max(peak, len(g.order[0].kind.(*groups).byKey["\x03eva"].points))
	}
	expect := map[string]uint64{}
	for id, a := range want(r, hits) {
		expect[id] = a.Count
	}
	if diff := gocmp.Diff(expect, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if peak >= len(hits)/2 {
		t.Errorf("kept %d points of %d: nothing was dropped", peak, len(hits))
	}
}

// Deleting the call of bound in flush makes this fail.
func TestStateIsBounded(t *testing.T) {
	t.Parallel()
	r := counting(2, time.Minute, 0)
	g := newEngine([]*rule.Rule{r}, Options{MaxKeys: 3})
	for n, actor := range []string{"a", "b", "c", "a", "d"} {
		g.Apply(frame(0, int64(n), int64(n+1), 0, hitAt(r, n, actor, int64(n)*second)), int64(n))
	}
	s := g.Stats().Rules[0]
	if s.Keys != 3 || s.Evicted != 1 {
		t.Fatalf("%d keys, %d evicted; want 3 and 1", s.Keys, s.Evicted)
	}
	// b was the stalest; a still has its first hit.
	if got := g.Apply(frame(0, 5, 6, 0, hitAt(r, 9, "b", 6*second)), 5).Alerts; len(got) != 0 {
		t.Errorf("b fired though it was dropped: %+v", got)
	}
	small := newEngine([]*rule.Rule{r}, Options{MaxBytes: 20_000})
	for n := range 1000 {
		small.Apply(frame(0, int64(n), int64(n+1), 0, hitAt(r, n, fmt.Sprint(n), int64(n)*second)), int64(n))
		if s := small.Stats().Rules[0]; s.Bytes > 20_000 || s.Bytes < 0 {
			t.Fatalf("%d bytes of state, bound 20000", s.Bytes)
		}
	}
	if s := small.Stats().Rules[0]; s.Evicted == 0 || s.Keys < 20 {
		t.Errorf("%d keys left, %d evicted", s.Keys, s.Evicted)
	}
}

// The bound above counts estimates; they must not drift from what is there, or it would end up wrong either way.
func TestBytesAddUp(t *testing.T) {
	t.Parallel()
	r := counting(3, time.Minute, 0)
	g := newEngine([]*rule.Rule{r}, Options{MaxKeys: 50})
	for n := range 2000 {
		at := int64(n) * 7 * second
		g.Apply(frame(0, int64(n), int64(n+1), at, hitAt(r, n, fmt.Sprint(n*n%83), at)), int64(n))
	}
	k := g.order[0].kind.(*groups)
	sum := int64(0)
	for _, grp := range k.byKey {
		sum += grp.size
	}
	if sum != k.bytes {
		t.Errorf("counted %d bytes, groups have %d", k.bytes, sum)
	}
}

func TestBusyGroupKeepsFewSamples(t *testing.T) {
	t.Parallel()
	r := counting(2, time.Minute, time.Hour)
	g := newEngine([]*rule.Rule{r}, Options{})
	var last []string
	for n := range 3000 {
		for _, a := range g.Apply(frame(0, int64(n), int64(n+1), 0, hitAt(r, n, "eva", int64(n)*second)), int64(n)).Alerts {
			last = append(last[:0], fmt.Sprint(a.Count, len(a.Events)))
		}
	}
	if diff := gocmp.Diff([]string{"3000 20"}, last); diff != "" {
		t.Fatalf("last alert (-want +got):\n%s", diff)
	}
	sampled := 0
	for _, p := range g.order[0].kind.(*groups).byKey["\x03eva"].points {
		sampled += min(1, len(p.samples))
	}
	if sampled > 5 {
		t.Errorf("%d of 3000 points still hold samples", sampled)
	}
}

func TestSkipsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	r := counting(1, time.Minute, 0)
	dry := testRule("dry", func(r *rule.Rule) { r.Mode = rule.DryRun })
	g := newEngine([]*rule.Rule{dry, r}, Options{})
	changed := hitAt(r, 1, "eva", second)
	changed.Hash = "of another window"
	res := g.Apply(frame(0, 0, 1, 0, changed, hitAt(dry, 2, "eva", second), match.Signal{Rule: "gone"}, hitAt(r, 3, "eva", second)), 0)
	if res.Skipped != 3 || len(res.Alerts) != 1 {
		t.Errorf("skipped %d, %d alerts; want 3 and 1", res.Skipped, len(res.Alerts))
	}
	first, last := hitAt(r, 4, "eva", 0), hitAt(r, 5, "eva", 0)
	first.Time, last.Time = math.MinInt64, math.MaxInt64 // no window fits around these
	if res := g.Apply(frame(0, 1, 2, 0, first, last), 1); res.Skipped != 2 || len(res.Alerts) != 0 {
		t.Errorf("at the ends of time: skipped %d, %d alerts; want 2 and 0", res.Skipped, len(res.Alerts))
	}
}

func TestEachEventIsAnAlert(t *testing.T) {
	t.Parallel()
	r := testRule("each", func(*rule.Rule) {})
	g := newEngine([]*rule.Rule{r}, Options{})
	first := g.Apply(frame(0, 0, 1, 0, hitAt(r, 1, "eva", second), hitAt(r, 2, "eva", second), hitAt(r, 2, "eva", second)), 0).Alerts
	again := g.Apply(frame(1, 0, 1, 0, hitAt(r, 2, "eva", second)), 1).Alerts
	if len(first) != 2 || first[0].ID == first[1].ID {
		t.Fatalf("%d alerts for two events: %+v", len(first), first)
	}
	if len(again) != 1 || again[0].ID != first[1].ID || again[0].Count != 1 || again[0].Revision != 2 {
		t.Errorf("delivered again: %+v, want the same id", again)
	}
	if p := first[0].Period; !p.Start.Equal(utc(second)) || !p.End.Equal(utc(second)) {
		t.Errorf("period %v, want the event's time", p)
	}
}

func TestFinishDecidesWhatWaited(t *testing.T) {
	t.Parallel()
	r := novelRule(24*time.Hour, 0)
	g := newEngine([]*rule.Rule{r}, Options{KeepAll: true})
	g.Apply(novelFrame(r, 0, novel(r, "eva", "DE", day), novel(r, "eva", "FR", day+5*second)), 0)
	if res := g.Finish(); len(res.Memos) != 2 || len(res.Alerts) != 0 {
		t.Errorf("finish: %+v", res)
	}
	if diff := gocmp.Diff([]string{"novel"}, g.Unlearned()); diff != "" {
		t.Errorf("unlearned (-want +got):\n%s", diff)
	}
}

func TestWordsAreOneLineOfBoundedLength(t *testing.T) {
	t.Parallel()
	r := testRule("each", func(r *rule.Rule) {
		r.Title = rule.ParseTemplate("{event_name} by {actor}: {src_ip}")
	})
	s := hitAt(r, 1, "eva", second)
	s.Samples[0].Fields["event_name"], _ = json.Marshal("a\nb\u202ec" + strings.Repeat("x", 500))
	a := newEngine([]*rule.Rule{r}, Options{}).Apply(frame(0, 0, 1, 0, s), 0).Alerts[0]
	if want := "a b c" + strings.Repeat("x", 195) + "… by eva: ?"; a.Title != want {
		t.Errorf("title %q\nwant %q", a.Title, want)
	}
}
