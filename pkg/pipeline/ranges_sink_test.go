package pipeline

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/bus"
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

// receive waits for what a stage hands over, no longer than ctx lasts.
func receive[T any](t fataler, ctx context.Context, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-ctx.Done():
		t.Fatalf("waited in vain: %v", context.Cause(ctx))
	}
	return v
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
