package pipeline

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
)

// Expired messages are holes of the ranges, so that every offset is accounted for, and are counted.
func TestRangesShowHoles(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	b := kafkatest.StartIn(t, t.TempDir(), kafka.Options{})
	c := busClient(t, b.Addr())
	ensure(t, ctx, c, "holes", 1)
	p := c.NewProducer(bus.ProducerOptions{})
	send := func(age time.Duration, n int) {
		for range n {
			if err := p.Send(ctx, bus.Message{Topic: "holes", Value: []byte("x"), Time: time.Now().Add(-age)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	reg := prometheus.NewRegistry()
	s := newSink(t)
	o := RangeOptions{Group: "store", Topics: []string{"holes"}, Version: said("v"), MaxMessages: 100, MaxWait: time.Millisecond,
		Epoch: firstOffset, Registerer: reg, Do: func(_ context.Context, r *Range) error { s.write(r); return nil }}
	send(0, 3)
	stop := start(t, ctx, c, o, (*bus.Claim).Commit)
	s.until(ctx, 3)
	stop()
	send(2*time.Hour, 5) // 3 to 7 expire
	if err := b.ApplyRetention(); err != nil {
		t.Fatal(err)
	}
	send(0, 2)
	stop = start(t, ctx, c, o, (*bus.Claim).Commit)
	s.until(ctx, 5)
	stop()
	if got, want := s.offsets(0), []int64{0, 1, 2, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("offsets done: got %v, want %v", got, want)
	}
	var holes [][2]int64
	for key, h := range s.holes {
		if len(h) > 0 && key.from != 3 {
			t.Errorf("range with holes %v: begins at %d, want 3", h, key.from)
		}
		holes = append(holes, h...)
	}
	if want := [][2]int64{{3, 8}}; !slices.Equal(holes, want) {
		t.Errorf("holes: got %v, want %v", holes, want)
	}
	if n, err := testutil.GatherAndCount(reg, "shrike_kafka_holes_total"); err != nil || n != 1 {
		t.Errorf("series of holes: got %d, %v", n, err)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
}

// A pending range whose messages have all expired is still done, as one hole.
func TestRangesReplayWhatHasExpired(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	b := kafkatest.StartIn(t, t.TempDir(), kafka.Options{})
	c := busClient(t, b.Addr())
	ensure(t, ctx, c, "expired", 1)
	old := bus.Message{Topic: "expired", Value: []byte("x"), Time: time.Now().Add(-2 * time.Hour)}
	if err := c.NewProducer(bus.ProducerOptions{}).Send(ctx, old, old, old); err != nil {
		t.Fatal(err)
	}
	s := newSink(t)
	lifeCtx, die := context.WithCancel(ctx)
	m := &mortal{steps: 3, die: die} // before and after the announcement, before the output
	o := RangeOptions{Group: "store", Topics: []string{"expired"}, Version: said("v"), MaxWait: time.Millisecond, Epoch: firstOffset,
		Do: func(_ context.Context, r *Range) error { return m.do(s, r) }}
	stop := start(t, lifeCtx, c, o, m.commit)
	<-lifeCtx.Done()
	stop()
	if err := b.ApplyRetention(); err != nil {
		t.Fatal(err)
	}
	done := make(chan *Range, 1)
	o.Do = func(_ context.Context, r *Range) error { done <- r; return nil }
	stop = start(t, ctx, c, o, (*bus.Claim).Commit)
	defer stop()
	r := receive(t, ctx, done)
	if r.From != 0 || r.To != 3 || !r.Replay || len(r.Messages) != 0 || !slices.Equal(r.Holes, [][2]int64{{0, 3}}) {
		t.Errorf("expired range: got %d-%d, replay %v, %d messages, holes %v", r.From, r.To, r.Replay, len(r.Messages), r.Holes)
	}
}

// A topic that ends before what is committed was made anew, and begins where Epoch says.
func TestRangesAskAgainWhenATopicIsMadeAnew(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	for name, metadata := range map[string]string{
		"done":    Announcement{Epoch: 1}.String(),
		"pending": Announcement{Epoch: 1, Pending: true, From: 100, To: 200, Version: "v"}.String(),
		"foreign": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := busClient(t, kafkatest.Start(t).Addr())
			ensure(t, ctx, c, "anew", 1)
			groupCtx, leave := context.WithCancel(ctx)
			err := c.RunGroup(groupCtx, "store", []string{"anew"}, func(ctx context.Context, claim *bus.Claim) error {
				defer leave()
				return claim.Commit(ctx, 100, metadata)
			})
			if err != nil {
				t.Fatal(err)
			}
			produce(t, ctx, c, "anew", 0, 10)
			s := newSink(t)
			stop := start(t, ctx, c, RangeOptions{Group: "store", Topics: []string{"anew"}, Version: said("v"), MaxWait: time.Millisecond,
				Epoch: func(_ context.Context, topic string, partition int, first, end int64) (uint64, int64, error) {
					if topic != "anew" || partition != 0 || first != 0 || end != 10 {
						t.Errorf("epoch asked for %s/%d with %d to %d", topic, partition, first, end)
					}
					return 2, 4, nil
				},
				Do: func(_ context.Context, r *Range) error { s.write(r); return nil }}, (*bus.Claim).Commit)
			s.until(ctx, 6)
			stop()
			if got, want := s.offsets(0), []int64{4, 5, 6, 7, 8, 9}; !slices.Equal(got, want) {
				t.Errorf("offsets: got %v, want %v", got, want)
			}
			for key := range s.ranges {
				if key.epoch != 2 {
					t.Errorf("range %+v: want epoch 2", key)
				}
			}
		})
	}
}

// An output that fails is tried again with the same range, and marked as a replay; slow output gathers a larger
// next range.
func TestRangesRetryTheSameRange(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c := busClient(t, kafkatest.Start(t).Addr())
	ensure(t, ctx, c, "retry", 1)
	produce(t, ctx, c, "retry", 0, 10)
	s := newSink(t)
	attempts := 0
	stop := start(t, ctx, c, RangeOptions{Group: "store", Topics: []string{"retry"}, Version: said("v"), MaxMessages: 10, MaxWait: time.Millisecond,
		Epoch: firstOffset,
		Do: func(_ context.Context, r *Range) error {
			if attempts++; attempts <= 2 {
				if r.Replay != (attempts > 1) || r.From != 0 || r.To != 10 {
					t.Errorf("attempt %d: got %d-%d, replay %v", attempts, r.From, r.To, r.Replay)
				}
				return errors.New("not today")
			}
			s.write(r)
			return nil
		}}, (*bus.Claim).Commit)
	defer stop()
	s.until(ctx, 10)
	if attempts != 3 {
		t.Errorf("attempts: got %d, want 3", attempts)
	}
}

func TestRangesIdle(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c := busClient(t, kafkatest.Start(t).Addr())
	ensure(t, ctx, c, "idle", 1)
	produce(t, ctx, c, "idle", 0, 7)
	idle := make(chan *Range)
	stop := start(t, ctx, c, RangeOptions{Group: "detect", Topics: []string{"idle"}, Version: said("v"), MaxWait: time.Millisecond,
		Idle: 50 * time.Millisecond, Epoch: firstOffset,
		Do: func(ctx context.Context, r *Range) error {
			if r.Idle {
				select {
				case idle <- r:
				case <-ctx.Done():
				}
			}
			return nil
		}}, (*bus.Claim).Commit)
	defer stop()
	for { // the first may come before what was sent has been read
		r := receive(t, ctx, idle)
		if r.Epoch != 1 || len(r.Messages) != 0 || r.From != r.To {
			t.Errorf("idle range: got %d-%d with %d messages", r.From, r.To, len(r.Messages))
		}
		if r.From == 7 {
			return
		}
	}
}

func TestAnnouncementRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := Announcement{Epoch: rapid.Uint64().Draw(t, "epoch")}
		if rapid.Bool().Draw(t, "pending") {
			a.Pending, a.Version = true, rapid.String().Draw(t, "version")
			a.From = rapid.Int64Range(0, 1<<40).Draw(t, "from")
			a.To = a.From + rapid.Int64Range(1, 1<<20).Draw(t, "length")
		}
		if got, ok := ParseAnnouncement(a.String()); !ok || got != a {
			t.Fatalf("%q: got %+v, %v, want %+v", a, got, ok, a)
		}
	})
	for _, bad := range []string{"", "x", "1", "1 pending", "1 pending 5", "1 pending 5-5 v", "1 pending -5-7 v", "-1 done", "1 gone"} {
		if a, ok := ParseAnnouncement(bad); ok {
			t.Errorf("%q: got %+v", bad, a)
		}
	}
}

// Every message is in exactly one range, whole, in order; ranges keep to their limits and touch each other.
func TestCutter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := &RangeOptions{MaxMessages: rapid.IntRange(1, 20).Draw(t, "messages"), MaxBytes: rapid.IntRange(1, 200).Draw(t, "bytes")}
		c := cutter{o: o, from: 5}
		offset, at, taken, cut := int64(5), int64(5), 0, 0
		check := func(r *Range) {
			bytes, missing := 0, int64(0)
			for _, m := range r.Messages {
				bytes += len(m.Value)
			}
			for _, h := range r.Holes {
				missing += h[1] - h[0]
			}
			if r.From != at || r.To != r.From+int64(len(r.Messages))+missing || len(r.Messages) > o.MaxMessages ||
				(len(r.Messages) > 1 && bytes > o.MaxBytes) {
				t.Fatalf("range %d-%d after %d: %d messages, %d bytes, holes %v", r.From, r.To, at, len(r.Messages), bytes, r.Holes)
			}
			at, cut = r.To, cut+len(r.Messages)
		}
		newRange := func(from, to int64) *Range { return &Range{From: from, To: to} }
		for range rapid.IntRange(0, 10).Draw(t, "fetches") {
			var msgs []bus.Message
			for range rapid.IntRange(0, 50).Draw(t, "fetched") {
				offset += rapid.Int64Range(0, 3).Draw(t, "gap") / 3 * 4
				msgs = append(msgs, bus.Message{Offset: offset, Value: make([]byte, rapid.IntRange(0, 60).Draw(t, "size"))})
				offset++
			}
			taken += len(msgs)
			c.take(msgs)
			for c.full() {
				check(c.cut(newRange))
			}
		}
		c.due = true
		for c.ready() {
			check(c.cut(newRange))
		}
		if cut != taken {
			t.Fatalf("cut %d of %d messages", cut, taken)
		}
	})
}

func BenchmarkRanges(b *testing.B) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	c := busClient(b, kafkatest.Start(b).Addr())
	ensure(b, ctx, c, "bench", 2)
	value := bytes.Repeat([]byte("0123456789abc"), 100)
	msgs := make([]bus.Message, 1000)
	for i := range msgs {
		msgs[i] = bus.Message{Topic: "bench", Partition: -1, Value: value}
	}
	p := c.NewProducer(bus.ProducerOptions{})
	for n := 0; n < b.N; n += len(msgs) {
		if err := p.Send(ctx, msgs...); err != nil {
			b.Fatal(err)
		}
	}
	total := (b.N + len(msgs) - 1) / len(msgs) * len(msgs)
	done := make(chan int, 16)
	b.SetBytes(int64(len(value)))
	b.ReportAllocs()
	b.ResetTimer()
	stop := start(b, ctx, c, RangeOptions{Group: "bench", Topics: []string{"bench"}, Version: said("v"), MaxMessages: 8192,
		MaxWait: 50 * time.Millisecond, Epoch: firstOffset,
		Do: func(_ context.Context, r *Range) error { done <- len(r.Messages); return nil }}, (*bus.Claim).Commit)
	for n := 0; n < total; {
		n += <-done
	}
	b.StopTimer()
	stop()
}

// said is the version of a program that does not change.
func said(version string) func() string { return func() string { return version } }
