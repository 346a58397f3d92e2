package pipeline

import (
	gocmp "cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// notebook is a Memory that can be away. What it keeps outlives the stage, as ClickHouse does.
type notebook struct {
	away  bool // refuses everything
	hangs bool // refuses only when the caller gives up
	// before is called with what is to be written; its error refuses it.
	before func(memos []correlate.Memo) error

	mu      sync.Mutex
	memos   []correlate.Memo
	buckets []correlate.Bucket
}

func (n *notebook) answer(ctx context.Context) error {
	if n.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	if n.away {
		return errors.New("the memory is away")
	}
	return nil
}

func (n *notebook) Memos(ctx context.Context, _ []string, take func([]correlate.Memo) error) error {
	if err := n.answer(ctx); err != nil {
		return err
	}
	n.mu.Lock()
	memos := slices.Clone(n.memos)
	n.mu.Unlock()
	return take(memos)
}

func (n *notebook) WriteMemos(ctx context.Context, memos []correlate.Memo) error {
	if err := n.answer(ctx); err != nil {
		return err
	}
	if n.before != nil {
		if err := n.before(memos); err != nil {
			return err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.memos = append(n.memos, memos...)
	return nil
}

func (n *notebook) Buckets(ctx context.Context, hashes []string, since time.Time, take func([]correlate.Bucket) error) error {
	if err := n.answer(ctx); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var found []correlate.Bucket
	for _, b := range n.buckets {
		if slices.Contains(hashes, b.RuleHash) && b.Time >= since.UnixNano() {
			found = append(found, b)
		}
	}
	slices.SortFunc(found, func(a, b correlate.Bucket) int {
		return gocmp.Or(gocmp.Compare(a.RuleHash, b.RuleHash), gocmp.Compare(a.Key, b.Key), gocmp.Compare(a.Time, b.Time), gocmp.Compare(a.Offset, b.Offset))
	})
	return take(slices.CompactFunc(found, func(a, b correlate.Bucket) bool {
		return a.RuleHash == b.RuleHash && a.Key == b.Key && a.Time == b.Time
	}))
}

func (n *notebook) WriteBuckets(ctx context.Context, buckets []correlate.Bucket) error {
	if err := n.answer(ctx); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.buckets = append(n.buckets, buckets...)
	return nil
}

func (w *way) correlate(set *rule.Set, m Memory) CorrelateOptions {
	return CorrelateOptions{
		Bus: w.bus, Producer: w.producer, Rules: w.holds(set), Shards: 1, Memory: m, MaxKeys: 1000, MaxBytes: 1 << 20,
		Log: w.log, Metrics: prometheus.NewRegistry(),
	}
}

// origin makes the frames of one partition, with signals as detect would send them.
type origin struct {
	set       *rule.Set
	partition int
	at        int64 // offset of the next range
}

func (o *origin) frame(signals ...match.Signal) *match.Frame {
	f := &match.Frame{
		Schema: 1, Origin: record.Position{Epoch: 1, Topic: "records.api", Partition: o.partition, Offset: o.at}, To: o.at + 10,
		RuleSet: o.set.Hash(), Signals: signals,
	}
	o.at = f.To
	return f
}

func (o *origin) signal(rule, actor string, at time.Time) match.Signal {
	return match.Signal{
		Rule: rule, Hash: o.set.Rule(rule).Hash, Key: []string{actor}, Time: at.Truncate(time.Second).UnixNano(), Count: 1, Severity: "high",
	}
}

func (o *origin) region(actor, region string, at time.Time) match.Signal {
	s := o.signal("new", actor, at)
	s.Value = region
	return s
}

// signals sends frames to shard 0, in parts when they are over the size.
func (w *way) signals(size int, frames ...*match.Frame) {
	w.t.Helper()
	for _, f := range frames {
		w.send(w.parts(size, f)...)
	}
}

func (w *way) parts(size int, f *match.Frame) []bus.Message {
	w.t.Helper()
	parts, err := match.Encode(f, size)
	if err != nil {
		w.t.Fatal(err)
	}
	var messages []bus.Message
	for _, p := range parts {
		messages = append(messages, bus.Message{Topic: bus.Signals, Value: p})
	}
	return messages
}

// latest keeps the last revision of each alert.
func latest(all []alert.Alert) map[string]alert.Alert {
	last := map[string]alert.Alert{}
	for _, a := range all {
		if a.Revision >= last[a.ID].Revision {
			last[a.ID] = a
		}
	}
	return last
}

// errKilled is what a process that is dead gets from what it tries.
var errKilled = errors.New("killed")

func killed(*bus.Claim, context.Context, int64, string) error { return errKilled }

// dying is the memory of a process that dies before it writes.
type dying struct{ *notebook }

func (dying) WriteMemos(context.Context, []correlate.Memo) error { return errKilled }

func (dying) WriteBuckets(context.Context, []correlate.Bucket) error { return errKilled }

// A shard that is stopped or killed anywhere, again and again, ends with the alerts of one that never was: same ids, same
// counts, same revisions. What was committed is not sent again.
func TestCorrelateGoesOnAfterCrashes(t *testing.T) {
	t.Parallel()
	set := rulesWith(t, map[string]string{
		"usual":  ruleText("usual", "baseline: { bucket: 1m, past: 10m, learning: 2m, above: { quantile: 0.5, times: 1.5 }, at_least: 2 }\ndedup: 5m"),
		"silent": ruleText("silent", "absence: { for: 2m, forget: 1h }"),
	})
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test's luck
			w := newWay(t, 1)
			frames := drawFrames(set, rng, 60)
			engine, memory := correlate.New(set, correlate.Options{}), &notebook{}
			engine.Recall(nil)
			var want []alert.Alert
			settled, sent := int64(0), 0 // offset committed; alerts in the topic
			for start := 0; start < len(frames); {
				end := min(len(frames), start+1+rng.IntN(20))
				var last []alert.Alert
				for i, f := range frames[start:end] {
					last = throughKafka(t, engine.Apply(f, int64(start+i)).Alerts)
					want = append(want, last...)
				}
				w.signals(maxFrame, frames[start:end]...)
				send, m := (*bus.Claim).Commit, Memory(memory)
				dies := rng.IntN(2) == 0 && end < len(frames)
				if dies {
					send = killed
				}
				if dies && rng.IntN(2) == 0 {
					m = dying{memory}
				}
				o := w.correlate(set, m)
				stop := w.run(func(ctx context.Context) error { return correlateWith(ctx, o, send) })
				w.alerts(func(all []alert.Alert) bool {
					return len(all) > sent && count(all[sent:], last[0].Revision) == len(last)
				})
				stop()
				_, n, err := w.bus.Bounds(w.ctx, bus.Alerts, 0) // with what the memory's answer brought after the last frame
				if err != nil {
					t.Fatal(err)
				}
				all := w.alerts(func(all []alert.Alert) bool { return len(all) == int(n) })
				for _, a := range all[sent:] {
					if a.Revision <= settled {
						t.Errorf("alert of offset %d was sent again, after %d was committed", a.Revision-1, settled)
					}
				}
				sent, start = len(all), end
				// A clean stop commits all but what still waits for the memory's answer.
				settled = max(0, w.committed("correlate", bus.Signals).Offset)
			}
			got := w.alerts(func(all []alert.Alert) bool { return len(all) == sent })
			if diff := cmp.Diff(latest(want), latest(got)); diff != "" {
				t.Errorf("alerts (-uninterrupted +interrupted):\n%s", diff)
			}
			for _, id := range []string{"usual", "silent"} {
				if !slices.ContainsFunc(want, func(a alert.Alert) bool { return a.RuleID == id }) {
					t.Errorf("no alert of %s among %d", id, len(want))
				}
			}
		})
	}
}

// drawFrames draws frames of two partitions over few actors. Each has a match of an actor of its own, so that each sends
// an alert.
func drawFrames(set *rule.Set, rng *rand.Rand, n int) []*match.Frame {
	start := time.Now().Add(-time.Hour)
	origins := []*origin{{set: set}, {set: set, partition: 1}}
	var frames []*match.Frame
	for i := range n {
		o := origins[rng.IntN(len(origins))]
		at := func() time.Time { return start.Add(time.Duration(i*20-rng.IntN(60)) * time.Second) }
		signals := []match.Signal{o.signal("once", fmt.Sprint("frame-", i), at())}
		for range rng.IntN(4) {
			actor := fmt.Sprint("actor-", rng.IntN(3))
			signals = append(signals, o.signal("often", actor, at()), o.region(actor, fmt.Sprint("region-", rng.IntN(12)), at()))
			if set.Rule("usual") != nil {
				usual := o.signal("usual", actor, at().Truncate(time.Minute))
				signals = append(signals, usual, o.signal("silent", actor, at()))
			}
		}
		f := o.frame(signals...)
		f.Watermark = start.Add(time.Duration(i*20-60) * time.Second).UnixNano()
		frames = append(frames, f)
	}
	return frames
}

func throughKafka(t *testing.T, alerts []alert.Alert) (out []alert.Alert) {
	t.Helper()
	for i := range alerts {
		m, err := alertMessage(&alerts[i])
		if err != nil {
			t.Fatal(err)
		}
		a, err := decodeAlert(m.Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

func count(all []alert.Alert, revision int64) (n int) {
	for _, a := range all {
		if a.Revision == revision {
			n++
		}
	}
	return n
}

// While the memory is away, rules of kind first_seen wait and all others run. A restart meanwhile forgets none of those
// that wait.
func TestCorrelateHoldsFirstSeenWithoutMemory(t *testing.T) {
	t.Parallel()
	for name, memory := range map[string]*notebook{"away": {away: true}, "hanging": {hangs: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := rules(t)
			w, o := newWay(t, 1), origin{set: set}
			now := time.Now()
			w.signals(maxFrame,
				o.frame(o.signal("once", "first", now)),
				o.frame(o.region("mallory", "eu-west-1", now.Add(-time.Hour))),
				o.frame(o.region("mallory", "us-east-1", now)),
				o.frame(o.signal("once", "last", now)))
			options := w.correlate(set, memory)
			stop := w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
			for _, a := range w.alerted("once", "last") {
				if a.RuleID == "new" {
					t.Errorf("alert of %s about %s: nobody knows yet what is new", a.RuleID, a.Entity.ID)
				}
			}
			stop()
			if c := w.committed("correlate", bus.Signals); c.Offset != 1 {
				t.Errorf("committed: got %d, want 1, where the first signal waits", c.Offset)
			}
			options = w.correlate(set, &notebook{})
			w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
			w.alerted("new", "mallory")
		})
	}
}

// No commit passes a value before the memory has it.
func TestCorrelateWritesMemosBeforeItCommits(t *testing.T) {
	t.Parallel()
	set := rules(t)
	w, o := newWay(t, 1), origin{set: set}
	written := make(chan []correlate.Memo, 10)
	memory := &notebook{before: func(memos []correlate.Memo) error {
		for _, m := range memos {
			if c := w.committed("correlate", bus.Signals); c.Offset > m.Offset {
				t.Errorf("value %q of offset %d: committed %d before it was written", m.Value, m.Offset, c.Offset)
			}
		}
		written <- memos
		return nil
	}}
	options := w.correlate(set, memory)
	stop := w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
	w.signals(maxFrame, o.frame(o.region("alice", "eu-west-1", time.Now())))
	receive(t, w.ctx, written) // by the ticker
	committed(t, w.ctx, w.bus, "correlate", bus.Signals, bus.Commit{
		Offset: 1, Metadata: `{"offset":1,"from":1,"watermark":-9223372036854775808,"clock":-9223372036854775808,"alerts":-9223372036854775808,"next":{"watermark":-9223372036854775808,"at":0},"slowest":{"topic":"records.api","partition":0,"behind":0,"silent":0}}`,
	})
	w.signals(maxFrame, o.frame(o.region("alice", "eu-west-2", time.Now()), o.signal("once", "last", time.Now())))
	w.alerted("once", "last")
	stop() // by the clean end
	if n := len(memory.memos); n != 2 {
		t.Errorf("memos written: got %d, want 2", n)
	}
	if c := w.committed("correlate", bus.Signals); c.Offset != 2 {
		t.Errorf("committed at the end: got %d, want 2", c.Offset)
	}
}

// reluctant is a memory that answers questions and takes no values: it refuses, or hangs until the caller gives up.
type reluctant struct {
	notebook
	hangs bool
	tried chan struct{}
}

func (r *reluctant) WriteMemos(ctx context.Context, _ []correlate.Memo) error {
	r.tried <- struct{}{}
	if r.hangs {
		<-ctx.Done()
	}
	return errors.New("the memory takes nothing")
}

// A memory that takes no values holds back commits and not alerts.
func TestCorrelateAlertsThoughTheMemoryTakesNothing(t *testing.T) {
	t.Parallel()
	for name, hangs := range map[string]bool{"refusing": false, "hanging": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := rules(t)
			w, o := newWay(t, 1), origin{set: set}
			memory := &reluctant{hangs: hangs, tried: make(chan struct{}, 100)}
			options := w.correlate(set, memory)
			stop := w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
			w.signals(maxFrame, o.frame(o.region("alice", "eu-west-1", time.Now().Add(-time.Hour))))
			receive(t, w.ctx, memory.tried)
			sent := time.Now()
			w.signals(maxFrame, o.frame(o.region("alice", "eu-west-2", time.Now())))
			w.alerted("new", "alice")
			if took := time.Since(sent); took > writeWithin/2 {
				t.Errorf("the alert took %s: it waited for the memory", took)
			}
			stop()
			if c := w.committed("correlate", bus.Signals); c.Offset != -1 {
				t.Errorf("committed: got %d, want nothing, since nothing was written", c.Offset)
			}
		})
	}
}

// A frame in parts is not lost when the shard stops in its middle, though that was longer ago than any window.
func TestCorrelateReadsPartsAgain(t *testing.T) {
	t.Parallel()
	set := rules(t)
	w, o := newWay(t, 1), origin{set: set}
	now := time.Now()
	var signals []match.Signal
	for i := range 20 {
		signals = append(signals, o.signal("once", fmt.Sprint("part-", i), now))
	}
	parts := w.parts(1200, o.frame(signals...))
	if len(parts) < 2 {
		t.Fatalf("frame has %d parts, want several", len(parts))
	}
	for i := range parts {
		parts[i].Time = now.Add(-48 * time.Hour)
	}
	other := origin{set: set, partition: 1}
	w.send(parts[:1]...)
	f := other.frame(other.signal("once", "other", now))
	f.Watermark = now.UnixNano() // time is known, and so from when on to read
	w.signals(maxFrame, f)
	options := w.correlate(set, &notebook{})
	stop := w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
	w.alerted("once", "other")
	stop()
	w.send(parts[1:]...)
	options = w.correlate(set, &notebook{})
	w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
	w.alerted("once", "part-19")
}

// What a baseline is held against outlives the shard, in ClickHouse: frames of two days ago are not read again.
func TestCorrelateRemembersBaselines(t *testing.T) {
	t.Parallel()
	set := rulesWith(t, map[string]string{
		"usual": ruleText("usual", "baseline: { bucket: 1h, past: 10h, learning: 3h, above: { quantile: 1, times: 2 }, at_least: 3 }"),
	})
	w, o := newWay(t, 1), origin{set: set}
	db := newTables(t, w)
	hour := time.Now().Truncate(time.Hour).Add(-20 * time.Hour)
	frame := func(h int, actors ...string) []bus.Message {
		at := hour.Add(time.Duration(h) * time.Hour)
		var signals []match.Signal
		for _, a := range actors {
			signals = append(signals, o.signal("usual", a, at))
		}
		f := o.frame(signals...)
		f.Watermark = at.UnixNano()
		messages := w.parts(maxFrame, f)
		messages[0].Time = time.Now().Add(-48 * time.Hour)
		return messages
	}
	options := w.correlate(set, db.Store)
	stop := w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
	for h := range 4 {
		w.send(frame(h, "eva")...)
	}
	w.send(frame(5)...)
	w.commit("correlate", bus.Signals, 5)
	stop()
	if got := db.query("SELECT count(), sum(value), countIf(fired) FROM baselines FINAL"); got != "4 4 0" {
		t.Errorf("rows, their sum, fired: got %q, want four of 1", got)
	}
	options = w.correlate(set, db.Store)
	w.run(func(ctx context.Context) error { return Correlate(ctx, options) })
	w.send(frame(6, "eva", "eva", "eva", "bob", "bob", "bob")...)
	w.send(frame(8)...)
	for _, a := range w.alerted("usual", "eva") {
		if a.Entity.ID == "bob" || a.Count != 3 {
			t.Errorf("alert about %s with %d: bob has no past, eva has three", a.Entity.ID, a.Count)
		}
	}
}

// Where logs come hours late, without end, a signal of first_seen always waits, and the offset is always a moment behind. What a
// commit says of time must follow all the same, or a restart begins where the first of them came. Taking the progress only where
// nothing waits makes this fail.
func TestCorrelateCommitsProgressWhereSomethingAlwaysWaits(t *testing.T) {
	t.Parallel()
	set := rules(t)
	engine := correlate.New(set, correlate.Options{})
	engine.Recall(nil)
	s := &shard{engine: engine, set: set, partial: -1, begins: map[int64]int64{}}
	origins := []*origin{{set: set}, {set: set, partition: 1}}
	start := time.Now().Truncate(time.Second)
	for n := range 1000 {
		clock := start.Add(time.Duration(n) * time.Second)
		for p, o := range origins {
			late := clock.Add(-2 * time.Hour)
			f := o.frame(o.region("mallory", fmt.Sprint(n), late))
			if p > 0 {
				f.Signals = nil
			}
			f.Watermark, f.Clock = late.UnixNano(), clock.UnixNano()
			engine.Apply(f, s.done)
			s.done++
		}
		c := s.now()
		if c.offset == s.done {
			t.Fatalf("second %d: nothing waits", n)
		}
		if n < 10 {
			continue
		}
		var p correlate.Progress
		if err := json.Unmarshal([]byte(c.progress), &p); err != nil {
			t.Fatalf("second %d: %v", n, err)
		}
		if p.Offset > c.offset || p.Offset < s.done-20 || c.offset < s.done-20 {
			t.Fatalf("second %d: at offset %d, commits %d and progress of %d", n, s.done, c.offset, p.Offset)
		}
	}
}
