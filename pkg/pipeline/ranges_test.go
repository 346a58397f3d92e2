package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
)

func busClient(t testing.TB, addr string) *bus.Client {
	t.Helper()
	c, err := bus.New(bus.Config{Brokers: []string{addr}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// fataler is what *testing.T and *rapid.T share.
type fataler interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

func ensure(t fataler, ctx context.Context, c *bus.Client, topic string, partitions int) {
	t.Helper()
	if err := c.EnsureTopics(ctx, []bus.Topic{{Name: topic, Partitions: partitions, Retention: time.Hour}}); err != nil {
		t.Fatalf("%v", err)
	}
}

// produce sends n messages, numbered, one batch each call.
func produce(t fataler, ctx context.Context, c *bus.Client, topic string, partition, n int) {
	t.Helper()
	msgs := make([]bus.Message, n)
	for i := range msgs {
		msgs[i] = bus.Message{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, "%s/%d", topic, i)}
	}
	if err := c.NewProducer(bus.ProducerOptions{}).Send(ctx, msgs...); err != nil {
		t.Fatalf("%v", err)
	}
}

// span identifies a range's output, as an insert token does.
type span struct {
	epoch     uint64
	partition int
	from, to  int64
}

// sink is an output that is idempotent by span, and the judge of what Ranges promises.
type sink struct {
	t       fataler
	mu      sync.Mutex
	ranges  map[span][]int64 // offsets of the messages
	holes   map[span][][2]int64
	changed chan struct{} // closed and replaced at each new range
}

func newSink(t fataler) *sink {
	return &sink{t: t, ranges: map[span][]int64{}, holes: map[span][][2]int64{}, changed: make(chan struct{})}
}

func (s *sink) write(r *Range) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := span{r.Epoch, r.Partition, r.From, r.To}
	var offsets []int64
	for _, m := range r.Messages {
		offsets = append(offsets, m.Offset)
	}
	if before, ok := s.ranges[key]; ok {
		if !r.Replay {
			s.t.Errorf("range %+v came again and is not marked as replay", key)
		}
		if !slices.Equal(before, offsets) {
			s.t.Errorf("range %+v: first %v, then %v", key, before, offsets)
		}
		return
	}
	for there := range s.ranges {
		if there.epoch == key.epoch && there.partition == key.partition && there.from < key.to && key.from < there.to {
			s.t.Errorf("range %+v overlaps %+v", key, there)
		}
	}
	s.ranges[key] = offsets
	s.holes[key] = r.Holes
	close(s.changed)
	s.changed = make(chan struct{})
}

// offsets are those written for the partition, sorted, over all epochs.
func (s *sink) offsets(partition int) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []int64
	for key, offsets := range s.ranges {
		if key.partition == partition {
			all = append(all, offsets...)
		}
	}
	slices.Sort(all)
	return all
}

func (s *sink) count() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, offsets := range s.ranges {
		n += len(offsets)
	}
	return n
}

// until waits until the sink has n messages.
func (s *sink) until(ctx context.Context, n int) {
	s.t.Helper()
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if s.count() >= n {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			s.t.Fatalf("the sink has %d of %d messages", s.count(), n)
		}
	}
}

// complete checks that offsets [0, n) of the partition are there once each.
func (s *sink) complete(partition, n int) {
	s.t.Helper()
	got := s.offsets(partition)
	for i := range n {
		if i >= len(got) || got[i] != int64(i) {
			s.t.Fatalf("partition %d: offset %d of %d is missing or there twice: %v", partition, i, n, got)
		}
	}
	if len(got) != n {
		s.t.Fatalf("partition %d: got %d offsets, want %d", partition, len(got), n)
	}
}

// committed waits until the group has committed so for partition 0.
func committed(t fataler, ctx context.Context, c *bus.Client, group, topic string, want bus.Commit) {
	t.Helper()
	for {
		got, err := c.GroupOffsets(ctx, group, topic)
		if err == nil && got[0] == want {
			return
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("committed: got %+v, %v, want %+v", got[0], err, want)
		}
	}
}

func firstOffset(_ context.Context, _ string, _ int, first, _ int64) (uint64, int64, error) {
	return 1, first, nil
}

// start runs Ranges in the background; the function returned ends it and waits.
func start(t fataler, ctx context.Context, c *bus.Client, o RangeOptions, commit commitFunc) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() {
		if err := ranges(ctx, c, o, commit); err != nil {
			t.Errorf("ranges: %v", err)
		}
	})
	return func() { cancel(); ended.Wait() }
}

// mortal is a process that dies at one of its steps: from then on nothing that it does has an effect.
type mortal struct {
	mu    sync.Mutex
	steps int // left to live
	die   context.CancelFunc
	last  string // the last metadata that reached Kafka
}

var errDead = errors.New("the process is dead")

// step reports whether the process is still alive after one more step.
func (m *mortal) step() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.steps--; m.steps <= 0 {
		m.die()
		return false
	}
	return true
}

func (m *mortal) commit(claim *bus.Claim, ctx context.Context, offset int64, metadata string) error {
	if !m.step() {
		return errDead
	}
	if err := claim.Commit(ctx, offset, metadata); err != nil {
		return err
	}
	m.mu.Lock()
	m.last = metadata
	m.mu.Unlock()
	if !m.step() {
		return errDead // Kafka has it, the process does not know
	}
	return nil
}

// do writes the range's output between two steps.
func (m *mortal) do(s *sink, r *Range) error {
	if !m.step() {
		return errDead
	}
	s.write(r)
	if !m.step() {
		return errDead
	}
	return nil
}

// TestRangesCrash kills the process at every kind of step (before and after a commit reaches Kafka, before and
// after the output is made) several times, then lets it finish: every offset must have been done exactly once, and
// what was pending at a crash must come again first, exactly as it was cut.
func TestRangesCrash(t *testing.T) {
	t.Parallel()
	c := busClient(t, kafkatest.Start(t).Addr())
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		topic := fmt.Sprintf("crash-%d", run)
		n := rapid.IntRange(1, 200).Draw(t, "messages")
		late := rapid.IntRange(0, 50).Draw(t, "late messages")
		ensure(t, ctx, c, topic, 1)
		produce(t, ctx, c, topic, 0, n)
		s := newSink(t)
		lives := rapid.SliceOfN(rapid.IntRange(1, 15), 0, 6).Draw(t, "steps of each life")
		pending := "" // at the last crash
		for life := range len(lives) + 1 {
			m := &mortal{steps: 1 << 30}
			lifeCtx, die := context.WithCancel(ctx)
			m.die = die
			if life < len(lives) {
				m.steps = lives[life]
			} else {
				produce(t, ctx, c, topic, 0, late)
			}
			fresh := true
			stop := start(t, lifeCtx, c, RangeOptions{
				Group: "g-" + topic, Topics: []string{topic}, Version: fmt.Sprint("v", life),
				MaxMessages: rapid.IntRange(1, 40).Draw(t, "range"), MaxWait: time.Millisecond,
				Epoch: firstOffset,
				Do: func(_ context.Context, r *Range) error {
					if a, ok := ParseAnnouncement(pending); fresh && ok && a.Pending {
						if r.From != a.From || r.To != a.To || !r.Replay || r.AnnouncedBy != a.Version {
							t.Errorf("after a crash with %q pending: got %d-%d, replay %v, announced by %q",
								pending, r.From, r.To, r.Replay, r.AnnouncedBy)
						}
					}
					fresh = false
					return m.do(s, r)
				},
			}, m.commit)
			if life < len(lives) {
				select {
				case <-lifeCtx.Done():
				case <-time.After(100 * time.Millisecond): // it had nothing to do: let it end in peace
					m.mu.Lock()
					m.steps = 1 << 30
					m.mu.Unlock()
				}
			} else {
				s.until(ctx, n+late)
				committed(t, ctx, c, "g-"+topic, topic, bus.Commit{Offset: int64(n + late), Metadata: "1 done"})
			}
			stop()
			die()
			if m.last != "" {
				pending = m.last
			}
		}
		s.complete(0, n+late)
	})
}

// A range that is under way when the process is asked to end may finish, and is then not done again.
func TestRangesEndCleanly(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c := busClient(t, kafkatest.Start(t).Addr())
	ensure(t, ctx, c, "clean", 1)
	produce(t, ctx, c, "clean", 0, 10)
	s := newSink(t)
	for i := range 10 {
		doing := make(chan struct{})
		stop := start(t, ctx, c, RangeOptions{Group: "store", Topics: []string{"clean"}, Version: "v", MaxMessages: 1,
			MaxWait: time.Millisecond, Epoch: firstOffset,
			Do: func(ctx context.Context, r *Range) error {
				if r.Replay || r.From != int64(i) {
					t.Errorf("start %d: got %d-%d, replay %v", i, r.From, r.To, r.Replay)
				}
				close(doing)
				<-ctx.Done()
				s.write(r)
				return nil
			}}, (*bus.Claim).Commit)
		<-doing
		stop()
	}
	s.complete(0, 10)
	committed(t, ctx, c, "store", "clean", bus.Commit{Offset: 10, Metadata: "1 done"})
}

// One that is given up stays announced, and is done again as it was.
func TestRangesLeavePendingWhatWasGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c := busClient(t, kafkatest.Start(t).Addr())
	ensure(t, ctx, c, "given-up", 1)
	produce(t, ctx, c, "given-up", 0, 10)
	s := newSink(t)
	o := RangeOptions{Group: "store", Topics: []string{"given-up"}, Version: "old", MaxMessages: 4, MaxWait: time.Millisecond, Epoch: firstOffset}
	var giveUp func(ctx context.Context) error
	doing := make(chan struct{}, 1)
	o.Do = func(ctx context.Context, r *Range) error {
		if len(r.Messages) != 4 || r.From != 0 {
			t.Errorf("got %d-%d, want 0-4 again and again", r.From, r.To)
		}
		s.write(r) // in part, say
		doing <- struct{}{}
		return giveUp(ctx)
	}
	for _, giveUp = range []func(context.Context) error{
		func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		func(context.Context) error { return backoff.Permanent(errors.New("broken for good")) }, // ends the claim
	} {
		stop := start(t, ctx, c, o, (*bus.Claim).Commit)
		<-doing
		stop()
	}
	first := true
	o.Version, o.MaxMessages = "new", 3
	o.Do = func(_ context.Context, r *Range) error {
		if first && (r.To != 4 || !r.Replay || r.AnnouncedBy != "old") {
			t.Errorf("after a range was given up: got %d-%d, replay %v, announced by %q", r.From, r.To, r.Replay, r.AnnouncedBy)
		}
		first = false
		s.write(r)
		return nil
	}
	stop := start(t, ctx, c, o, (*bus.Claim).Commit)
	defer stop()
	s.until(ctx, 10)
	s.complete(0, 10)
}

// TestRangesRebalance adds and removes members while messages come in: four partitions, up to three members.
func TestRangesRebalance(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	addr := kafkatest.Start(t).Addr()
	c := busClient(t, addr)
	ensure(t, ctx, c, "rebalance", 4)
	s := newSink(t)
	o := RangeOptions{
		Group: "store", Topics: []string{"rebalance"}, Version: "v", MaxMessages: 17, MaxWait: 2 * time.Millisecond,
		Epoch: firstOffset,
		Do:    func(_ context.Context, r *Range) error { s.write(r); return nil },
	}
	const rounds, batch = 60, 50
	var sent sync.WaitGroup
	halfway := make(chan struct{})
	sent.Go(func() {
		for i := range rounds {
			for p := range 4 {
				produce(t, ctx, c, "rebalance", p, batch)
			}
			if i == rounds/3 {
				close(halfway)
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	})
	stopA := start(t, ctx, busClient(t, addr), o, (*bus.Claim).Commit)
	<-halfway
	stopB := start(t, ctx, busClient(t, addr), o, (*bus.Claim).Commit)
	s.until(ctx, rounds*batch*2)
	stopC := start(t, ctx, busClient(t, addr), o, (*bus.Claim).Commit)
	stopA()
	sent.Wait()
	s.until(ctx, rounds*batch*4)
	stopB()
	stopC()
	for p := range 4 {
		s.complete(p, rounds*batch)
	}
}

// A member that lost its partition without knowing must not do anything.
func TestRangesOfAZombie(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c := busClient(t, kafkatest.Start(t).Addr())
	ensure(t, ctx, c, "zombie", 1)
	produce(t, ctx, c, "zombie", 0, 10)
	claims := make(chan *bus.Claim, 1)
	groupCtx, leave := context.WithCancel(ctx)
	var left sync.WaitGroup
	left.Go(func() {
		err := c.RunGroup(groupCtx, "store", []string{"zombie"}, func(ctx context.Context, claim *bus.Claim) error {
			claims <- claim
			<-ctx.Done()
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	stale := <-claims
	leave()
	left.Wait()

	s := newSink(t)
	o := RangeOptions{Group: "store", Topics: []string{"zombie"}, Version: "v", MaxMessages: 3, MaxWait: time.Millisecond,
		Epoch: firstOffset, Do: func(_ context.Context, r *Range) error { s.write(r); return nil }}
	stop := start(t, ctx, c, o, (*bus.Claim).Commit)
	defer stop()
	s.until(ctx, 10)
	o.Do = func(_ context.Context, r *Range) error {
		t.Errorf("the zombie does %d-%d", r.From, r.To)
		return nil
	}
	produce(t, ctx, c, "zombie", 0, 5)
	metrics, err := newRangeMetrics(nil, "zombie")
	if err != nil {
		t.Fatal(err)
	}
	zombie := &rangeWorker{o: o, claim: stale, send: (*bus.Claim).Commit, metrics: metrics.of("zombie", 0), log: zap.NewNop()}
	zombie.o.MaxBytes = 1 << 20
	produce(t, ctx, c, "zombie", 0, 5)
	if err := zombie.run(ctx); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("zombie: got %v, want ErrFenced", err)
	}
	s.until(ctx, 20)
	s.complete(0, 20)
}

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
	o := RangeOptions{Group: "store", Topics: []string{"holes"}, Version: "v", MaxMessages: 100, MaxWait: time.Millisecond,
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
	o := RangeOptions{Group: "store", Topics: []string{"expired"}, Version: "v", MaxWait: time.Millisecond, Epoch: firstOffset,
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
	r := <-done
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
			stop := start(t, ctx, c, RangeOptions{Group: "store", Topics: []string{"anew"}, Version: "v", MaxWait: time.Millisecond,
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
	stop := start(t, ctx, c, RangeOptions{Group: "store", Topics: []string{"retry"}, Version: "v", MaxMessages: 10, MaxWait: time.Millisecond,
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
	stop := start(t, ctx, c, RangeOptions{Group: "detect", Topics: []string{"idle"}, Version: "v", MaxWait: time.Millisecond,
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
	for range 3 {
		r := <-idle
		if r.Epoch != 1 || len(r.Messages) != 0 || r.From != r.To {
			t.Errorf("idle range: got %d-%d with %d messages", r.From, r.To, len(r.Messages))
		}
		if r.From == 7 {
			return
		}
	}
	t.Error("no idle range at the end of the partition")
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
	stop := start(b, ctx, c, RangeOptions{Group: "bench", Topics: []string{"bench"}, Version: "v", MaxMessages: 8192,
		MaxWait: 50 * time.Millisecond, Epoch: firstOffset,
		Do: func(_ context.Context, r *Range) error { done <- len(r.Messages); return nil }}, (*bus.Claim).Commit)
	for n := 0; n < total; {
		n += <-done
	}
	b.StopTimer()
	stop()
}
