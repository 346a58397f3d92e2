package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
)

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
				Group: "g-" + topic, Topics: []string{topic}, Version: said(fmt.Sprint("v", life)),
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
		stop := start(t, ctx, c, RangeOptions{Group: "store", Topics: []string{"clean"}, Version: said("v"), MaxMessages: 1,
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
		receive(t, ctx, doing)
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
	o := RangeOptions{Group: "store", Topics: []string{"given-up"}, Version: said("old"), MaxMessages: 4, MaxWait: time.Millisecond, Epoch: firstOffset}
	var giveUp func(ctx context.Context) error
	doing := make(chan struct{}, 1)
	o.Do = func(ctx context.Context, r *Range) error {
		if len(r.Messages) != 4 || r.From != 0 {
			t.Errorf("got %d-%d, want 0-4 again and again", r.From, r.To)
		}
		s.write(r) // in part, say
		select {
		case doing <- struct{}{}:
		case <-ctx.Done(): // the claim was taken again, and nobody waits for it any more
		}
		return giveUp(ctx)
	}
	for _, giveUp = range []func(context.Context) error{
		func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		func(context.Context) error { return backoff.Permanent(errors.New("broken for good")) }, // ends the claim
	} {
		stop := start(t, ctx, c, o, (*bus.Claim).Commit)
		receive(t, ctx, doing)
		stop()
	}
	first := true
	o.Version, o.MaxMessages = said("new"), 3
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
		Group: "store", Topics: []string{"rebalance"}, Version: said("v"), MaxMessages: 17, MaxWait: 2 * time.Millisecond,
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
	receive(t, ctx, halfway)
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
	stale := receive(t, ctx, claims)
	leave()
	left.Wait()

	s := newSink(t)
	o := RangeOptions{Group: "store", Topics: []string{"zombie"}, Version: said("v"), MaxMessages: 3, MaxWait: time.Millisecond,
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
	// It begins at the offset last committed, and the healthy one may have come to the end of the log before: something
	// has to come after that.
	fenced := make(chan error, 1)
	go func() { fenced <- zombie.run(ctx) }()
	n := 15
	err = nil
	for ended := false; !ended; {
		produce(t, ctx, c, "zombie", 0, 1)
		n++
		select {
		case err = <-fenced:
			ended = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	if !errors.Is(err, bus.ErrFenced) {
		t.Errorf("zombie: got %v, want ErrFenced", err)
	}
	s.until(ctx, n)
	s.complete(0, n)
}
