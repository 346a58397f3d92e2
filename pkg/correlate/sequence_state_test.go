package correlate

import (
	"cmp"
	"fmt"
	"runtime"
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

// Events in order, with watermarks as detect sends them and long pauses: deciding as soon as event time allows, and dropping
// what is old, change nothing. Each of these, changed, makes it fail: limit in decide without g.delay, g.next = min in its
// loop, k.lo = limit, the margin in expire.
func TestSequencesDecideAndForgetInTime(t *testing.T) {
	t.Parallel()
	early, waited := 0, 0
	for tries := 0; (early == 0 || waited == 0) && tries < 5; tries++ { // a hundred draws seldom have none that waits
		rapid.Check(t, func(t *rapid.T) { decidesInTime(t, &early, &waited) })
	}
	if early == 0 || waited == 0 {
		t.Errorf("%d alerts came with events, %d at the end", early, waited)
	}
}

func decidesInTime(t *rapid.T, early, waited *int) {
	r := drawSequence(t)
	hits := drawStepHits(t, r)
	at := second // a watermark is above 0
	for i := range hits {
		at += rapid.SampledFrom([]int64{0, 5, 5, 12, 40, 2000}).Draw(t, "pause") * second
		hits[i].at = at
	}
	g := newEngine([]*rule.Rule{r}, Options{})
	got := map[string]alert.Alert{}
	behind := rapid.SampledFrom([]int64{0, 60, 36000}).Draw(t, "watermark behind") * second // the farther, the more is decided at the end
	for i, h := range hits {
		f := &match.Frame{Origin: record.Position{Epoch: 1, Topic: "records.api", Offset: int64(i)}, To: int64(i + 1), Signals: h.signals(r)}
		next := h.at + 1
		if i+1 < len(hits) {
			next = hits[i+1].at
		}
		f.Watermark = max(next-behind, 1)
		for _, a := range g.Apply(f, int64(i)).Alerts {
			got[a.ID] = plainAlert(a)
			*early++
		}
	}
	for _, a := range g.Finish().Alerts {
		got[a.ID] = plainAlert(a)
		*waited++
	}
	want := wantSequence(r, hits)
	for id, a := range got { // an alert of a period long past may have been closed and begun anew: none of these pauses does
		if _, ok := want[id]; !ok {
			t.Fatalf("alert that is none: %+v", a)
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Fatalf("alerts within %s dedup %s ordered %v (-want +got):\n%s", r.Window(), r.Dedup, r.Sequence.Ordered, diff)
	}
}

// chainRule is launch, unless tagged between, then mine, unless stopped within the minute after.
func chainRule() *rule.Rule {
	steps := []*rule.Step{{Name: "launch"}, {Name: "tagged", Unless: true}, {Name: "mine"}, {Name: "stopped", Unless: true}}
	for _, s := range steps {
		s.By = []rule.Key{key("actor"), key("account_id")}
	}
	return testRule("chain", func(r *rule.Rule) {
		r.Class, r.GroupBy = event.None, []rule.Key{key("actor"), key("account_id")}
		r.Sequence = &rule.Sequence{Within: time.Minute, Ordered: true, Steps: steps}
	})
}

// told feeds an engine frame by frame.
type told struct {
	*Engine
	r *rule.Rule
	n int
}

func (w *told) tell(step int, actor string, at, watermark int64) []alert.Alert {
	h := stepHit{hit: hit{uid: fmt.Sprintf("%032x", w.n+1), at: at * second, actor: actor, severity: "low"}, account: "1", steps: []int{step}}
	f := &match.Frame{Origin: record.Position{Epoch: 1, Topic: "t", Offset: int64(w.n)}, To: int64(w.n + 1), Watermark: watermark * second}
	if step >= 0 {
		f.Signals = h.signals(w.r)
	}
	w.n++
	return w.Apply(f, int64(w.n)).Alerts
}

func TestUnlessWaitsForEventTime(t *testing.T) {
	t.Parallel()
	w := &told{r: chainRule()}
	w.Engine = newEngine([]*rule.Rule{w.r}, Options{})
	for _, c := range []struct {
		step          int // -1: only time goes on
		actor         string
		at, watermark int64
		alerts        int
	}{
		{0, "eva", 100, 100, 0},
		{2, "eva", 110, 110, 0},
		{-1, "", 0, 169, 0},
		{-1, "", 0, 170, 1}, // nothing can come before 170, which is 110 and a minute
		{-1, "", 0, 171, 0},
		{3, "eva", 150, 171, 0},                          // too late to undo it
		{0, "bob", 200, 200, 0}, {1, "bob", 205, 205, 0}, // tagged
		{2, "bob", 210, 210, 0}, {-1, "", 0, 300, 0}, // so it is not one
		{0, "joe", 400, 400, 0}, {2, "joe", 401, 401, 0}, //
		{3, "joe", 430, 430, 0}, {-1, "", 0, 500, 0}, // stopped in time
		{2, "eva", 120, 500, 0},                          // stopped at 150, as is known by now
		{0, "kim", 300, 500, 0}, {2, "kim", 310, 500, 1}, // late, and decided at once
	} {
		if got := w.tell(c.step, c.actor, c.at, c.watermark); len(got) != c.alerts {
			t.Errorf("%+v: %d alerts, want %d", c, len(got), c.alerts)
		}
	}
}

// The state has its bounds, and nothing of it is left when it is old.
func TestSequenceStateIsBounded(t *testing.T) {
	t.Parallel()
	w := &told{r: chainRule()}
	w.Engine = newEngine([]*rule.Rule{w.r}, Options{MaxKeys: 10, MaxBytes: 1 << 20})
	for n := range 30 {
		w.tell(2, fmt.Sprint("actor ", n), int64(100+n), 100)
	}
	if s := w.Stats().Rules[0]; s.Keys != 10 || s.Evicted != 20 || s.Bytes < 1000 {
		t.Errorf("after 30 groups: %+v", s)
	}
	for n := range 3000 {
		w.tell(2, "flood", int64(200+n/100), 100)
	}
	k := w.rules["chain"].kind.(*sequences)
	if n := len(k.byKey[string(packKey(nil, []string{"flood", "1"}))].steps[2]); n != k.maxMarks || n >= 3000 {
		t.Errorf("a flood leaves %d events, want %d", n, k.maxMarks)
	}
	w.tell(-1, "", 0, 100_000)
	w.tell(-1, "", 0, 200_000)
	if s := w.Stats().Rules[0]; s.Keys != 0 || s.Bytes != 0 || k.stalest.Len() != 0 || len(k.waiting) != 0 {
		t.Errorf("a day later: %+v, %d in the list, %d waiting", s, k.stalest.Len(), len(k.waiting))
	}
}

// The same for a rule with rooms: events that belong to many groups go with them.
func TestRoomsAreBounded(t *testing.T) {
	t.Parallel()
	w := &told{r: chainRule()}
	w.r.Sequence.Steps = slices.Delete(w.r.Sequence.Steps, 3, 4)
	w.r.Sequence.Steps[2].By = []rule.Key{{}, key("account_id")}
	w.Engine = newEngine([]*rule.Rule{w.r}, Options{MaxKeys: 10, MaxBytes: 1 << 20})
	for n := range 30 {
		w.tell(2, "", int64(130+n), 100)
		w.tell(0, fmt.Sprint("actor ", n), int64(130), 100)
	}
	k := w.rules["chain"].kind.(*sequences)
	if s := w.Stats().Rules[0]; s.Keys != 10 || s.Evicted < 20 || len(k.rooms.byKey) != 1 || len(k.rooms.byKey[string(packKey(nil, []string{"1"}))].events) != 30 {
		t.Errorf("after 30 groups: %+v, %d rooms", s, len(k.rooms.byKey))
	}
	alerts := w.tell(-1, "", 0, 100_000)
	if len(alerts) != 10 {
		t.Errorf("%d alerts of the 10 groups that are left", len(alerts))
	}
	if !slices.IsSortedFunc(alerts, func(a, b alert.Alert) int { return cmp.Compare(a.Group["actor"], b.Group["actor"]) }) {
		t.Error("the alerts of one frame have no order")
	}
	w.tell(-1, "", 0, 200_000)
	if s := w.Stats().Rules[0]; s.Keys != 0 || s.Bytes != 0 || k.stalest.Len() != 0 || len(k.rooms.byKey) != 0 {
		t.Errorf("a day later: %+v, %d in the list, %d rooms", s, k.stalest.Len(), len(k.rooms.byKey))
	}
}

// BenchmarkSequences is one rule of two steps over 100,000 group keys of which every tenth completes: what a shard does
// once frames are decoded. bytes/key is the heap that the state takes, after one event a key.
func BenchmarkSequences(b *testing.B) {
	const keys, perFrame = 100_000, 1000
	r := chainRule()
	r.Sequence.Steps = []*rule.Step{r.Sequence.Steps[0], r.Sequence.Steps[2]}
	r.Sequence.Within, r.Dedup = time.Hour, time.Hour
	g := newEngine([]*rule.Rule{r}, Options{})
	next := 0
	makeFrame := func() *match.Frame {
		f := frame(0, int64(next), int64(next+perFrame), int64(next)*second/100)
		for range perFrame {
			n := next % keys
			h := stepHit{hit: hit{uid: fmt.Sprintf("%032x", next), at: int64(next) * second / 100, actor: fmt.Sprintf("arn:aws:iam::111122223333:user/%05d", n), severity: "low"}, account: "111122223333"}
			h.steps = []int{0}
			if next >= keys && n%10 == 0 {
				h.steps = []int{1}
			}
			f.Signals = append(f.Signals, h.signals(r)...)
			next++
		}
		return f
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range keys / perFrame {
		g.Apply(makeFrame(), int64(next))
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	alerts := 0
	for b.Loop() {
		b.StopTimer()
		f := makeFrame()
		b.StartTimer()
		alerts += len(g.Apply(f, int64(next)).Alerts)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/keys, "bytes/key")
	b.ReportMetric(float64(perFrame)*float64(b.N)/b.Elapsed().Seconds(), "signals/s")
	b.ReportMetric(float64(alerts)/float64(b.N), "alerts/op")
}
