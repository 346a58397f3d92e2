package pipeline

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/match"
)

// counted waits for a signal of the last actor and returns how often each one was counted.
func (w *way) counted(last string) map[string]uint64 {
	w.t.Helper()
	counts := map[string]uint64{}
	w.frames(0, func(all []*match.Frame) bool {
		for _, s := range all[len(all)-1].Signals {
			counts[s.Key[0]] += s.Count
		}
		return counts[last] > 0
	})
	return counts
}

// A record that is delivered twice, even in two ranges, is one event.
func TestDetectCountsARepeatedRecordOnce(t *testing.T) {
	t.Parallel()
	w := newWay(t, 1)
	o := w.detect(rules(t), 1)
	w.run(func(ctx context.Context) error { return Detect(ctx, o) })
	twice := call{name: "Often", actor: "twice", id: "e-1", at: time.Now()}
	w.calls(twice, twice)
	w.counted("twice") // its range is done
	w.calls(twice, call{name: "Often", actor: "last", id: "e-2"})
	if got := w.counted("last")["twice"]; got != 1 {
		t.Errorf("a record delivered three times: counted %d times, want once", got)
	}
}

// What a crash repeats must be recognised as the same: whoever does a range, first or again, sends the same bytes, but for what
// time it is.
func TestDetectRepeatsARangeAlike(t *testing.T) {
	t.Parallel()
	const shards = 3
	clock := regexp.MustCompile(`"clock":\d+,`)
	w := newWay(t, shards)
	r := &Range{Epoch: 7, Topic: "records.api", To: 60}
	for i := range r.To {
		m := call{name: []string{"Once", "Often", "New"}[i%3], actor: fmt.Sprint("actor-", i%7), id: fmt.Sprint("e-", i%50)}.message()
		m.Offset = i
		r.Messages = append(r.Messages, m)
	}
	first, second := newDetector(w.detect(rules(t), shards)), newDetector(w.detect(rules(t), shards))
	for _, d := range []*detector{first, first, second} {
		for i := range d.watchers.of(r).sent {
			d.watchers.of(r).sent[i] = time.Time{} // a heartbeat is due every time
		}
		if err := d.do(w.ctx, r); err != nil {
			t.Fatal(err)
		}
		r.Replay = true
	}
	for shard := range shards {
		var sent []string
		w.read(bus.Signals, shard, func(m *bus.Message) bool {
			sent = append(sent, clock.ReplaceAllString(string(m.Value), ""))
			return len(sent) == 3
		})
		if diff := cmp.Diff([]string{sent[0], sent[0], sent[0]}, sent); diff != "" {
			t.Errorf("shard %d, range done three times (-first +again):\n%s", shard, diff)
		}
	}
}

// Records that were gone before anybody read them are an alert.
func TestDetectTellsOfLostRecords(t *testing.T) {
	t.Parallel()
	w := newWay(t, 1)
	o := w.detect(rules(t), 1)
	stop := w.run(func(ctx context.Context) error { return Detect(ctx, o) })
	w.calls(call{name: "Once", actor: "before", id: "e-1"})
	w.commit("detect", "records.api", 1)
	stop()
	for i := range 4 {
		old := call{name: "Once", actor: "lost", id: fmt.Sprint("e-lost-", i)}.message()
		old.Time = time.Now().Add(-2 * time.Hour)
		w.send(old)
	}
	if err := w.broker.ApplyRetention(); err != nil {
		t.Fatal(err)
	}
	w.calls(call{name: "Once", actor: "after", id: "e-2"})
	o = w.detect(rules(t), 1)
	w.run(func(ctx context.Context) error { return Detect(ctx, o) })
	a := w.alerts(func(all []alert.Alert) bool { return true })[0]
	if a.RuleID != RecordsLost || a.Count != 4 || a.Entity.ID != "records.api/0 (detect)" || a.Severity != "high" {
		t.Errorf("alert about lost records: got %s about %q, count %d, severity %s", a.RuleID, a.Entity.ID, a.Count, a.Severity)
	}
}

// Events that the tables would not keep are dead letters to store; detect must not count what nobody can look at.
func TestDetectLeavesOutWhatIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWay(t, 1)
	o := w.detect(rules(t), 1)
	w.run(func(ctx context.Context) error { return Detect(ctx, o) })
	w.calls(
		call{name: "Once", actor: "expired", id: "e-1", at: time.Now().Add(-401 * 24 * time.Hour)},
		call{name: "Once", actor: "old", id: "e-2", at: time.Now().Add(-399 * 24 * time.Hour)},
		call{name: "Once", actor: "future", id: "e-3", at: time.Now().Add(25 * time.Hour)},
		call{name: "Once", actor: "ahead", id: "e-4", at: time.Now().Add(23 * time.Hour)},
	)
	w.calls(call{name: "Once", actor: "last", id: "e-5"})
	want := map[string]uint64{"old": 1, "ahead": 1, "last": 1}
	if diff := cmp.Diff(want, w.counted("last")); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// A shard without signals hears how far time has come: at a range once a heartbeat, whenever a partition is idle, and when it no
// longer is; also when they could not be told at the first attempt. Fails without w.idle in send, and when that is set before
// the shards have been told.
func TestDetectHeartbeats(t *testing.T) {
	t.Parallel()
	const shards = 4
	w := newWay(t, shards)
	d := newDetector(w.detect(rules(t), shards))
	started := time.Now()
	at := started.Truncate(time.Second).Add(-time.Second)
	next := func(r Range, messages ...bus.Message) {
		t.Helper()
		r.Epoch, r.Topic, r.Messages = 1, "records.api", messages
		if err := d.do(w.ctx, &r); err != nil {
			t.Fatal(err)
		}
	}
	next(Range{From: 0, To: 1}, call{name: "Nothing", actor: "a", id: "e-1", at: at}.message())
	next(Range{From: 1, To: 2}, call{name: "Nothing", actor: "a", id: "e-2", at: at}.message()) // all have just heard
	next(Range{From: 2, To: 2, Idle: true})
	away, cancel := context.WithTimeout(w.ctx, 10*time.Millisecond)
	defer cancel()
	d.Producer = busClient(t, "127.0.0.1:1").NewProducer(bus.ProducerOptions{})
	if err := d.do(away, &Range{Epoch: 1, Topic: "records.api", From: 2, To: 3}); err == nil {
		t.Fatal("a range is done, and Kafka was out of reach")
	}
	d.Producer = w.producer
	next(Range{From: 2, To: 3}, call{name: "Nothing", actor: "a", id: "e-3", at: at.Add(time.Second)}.message())
	next(Range{From: 3, To: 4}, call{name: "Nothing", actor: "a", id: "e-4", at: at.Add(time.Second)}.message())
	next(Range{From: 4, To: 4, Idle: true})
	for shard := range shards {
		all := w.frames(shard, func(all []*match.Frame) bool { return all[len(all)-1].To == 4 })
		var watermarks []int64
		for _, f := range all {
			watermarks = append(watermarks, f.Watermark)
			if f.Clock < started.UnixNano() {
				t.Errorf("shard %d heard clock %d, before it was %d", shard, f.Clock, started.UnixNano())
			}
		}
		if want := []int64{at.UnixNano(), math.MaxInt64, at.Add(time.Second).UnixNano(), math.MaxInt64}; !slices.Equal(watermarks, want) {
			t.Errorf("shard %d heard watermarks %d, want %d", shard, watermarks, want)
		}
	}
}

// The slowest source holds the watermark, until it has been silent for long.
func TestWatermarkIsTheSlowestSource(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := &watcher{began: now, latest: map[string]progress{}}
	if got := w.watermark(false, now); got != 0 {
		t.Errorf("before any event: got %d, want 0", got)
	}
	w.advance("fast", 200, now.UnixNano(), now)
	w.advance("slow", 100, now.UnixNano(), now)
	w.advance("slow", 50, now.UnixNano(), now) // late
	if got := w.watermark(false, now); got != 100 {
		t.Errorf("two sources: got %d, want 100", got)
	}
	w.advance("fast", 300, now.UnixNano(), now.Add(sourceIdle))
	if got := w.watermark(false, now.Add(sourceIdle+1)); got != 300 {
		t.Errorf("the slow one silent: got %d, want 300", got)
	}
	w.advance("fast", now.Add(20*time.Hour).UnixNano(), now.Add(sourceIdle).UnixNano(), now.Add(sourceIdle)) // a wrong clock; leaving out advance's min lets it through
	if got, want := w.watermark(false, now.Add(sourceIdle+1)), now.Add(sourceIdle).UnixNano(); got != want {
		t.Errorf("an event of the future: got %d, want %d, which is now", got, want)
	}
	if got := w.watermark(false, now.Add(3*sourceIdle)); got != math.MaxInt64 {
		t.Errorf("no event for long, but records: got %d, want it to hold nobody back", got)
	}
}

// A detect whose clock is hours behind those of ingest does not hold time by as much: what was received has happened. Leaving the
// received time out of records makes it fail. What is of the future even to ingest is not let through.
func TestWatermarkOfADetectThatIsBehind(t *testing.T) {
	t.Parallel()
	const shards = 1
	started, received := time.Now(), time.Now().Add(6*time.Hour).Truncate(time.Second)
	w := newWay(t, shards)
	d := newDetector(w.detect(rules(t), shards))
	for i, at := range []time.Time{received.Add(-time.Second), received.Add(10 * time.Minute)} {
		r := call{name: "Once", actor: "a", id: fmt.Sprint("e-", i), at: at}.record()
		r.Received = received
		m := bus.RecordMessage(bus.TopicOf(event.API), &r)
		if err := d.do(w.ctx, &Range{Epoch: 1, Topic: "records.api", From: int64(i), To: int64(i) + 1, Messages: []bus.Message{m}}); err != nil {
			t.Fatal(err)
		}
	}
	frames := w.frames(0, func(all []*match.Frame) bool { return len(all) == 2 })
	for i, want := range []time.Time{received.Add(-time.Second), received} {
		f := frames[i]
		if f.Watermark != want.UnixNano() || f.Clock < started.UnixNano() || f.Clock >= received.UnixNano() {
			t.Errorf("event %d: time is %s by a clock of %s, want %s", i, time.Unix(0, f.Watermark), time.Unix(0, f.Clock), want)
		}
	}
}
