package bus_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/bus"
)

// member runs a group member until its stop function is called, and tells which claims it holds.
type member struct {
	mu     sync.Mutex
	held   map[string]*bus.Claim
	change chan struct{} // closed and replaced at each change
	stop   func()
}

func startMember(t *testing.T, ctx context.Context, c *bus.Client, group string, topics ...string) *member {
	t.Helper()
	m := &member{held: map[string]*bus.Claim{}, change: make(chan struct{})}
	ctx, cancel := context.WithCancel(ctx)
	var ended sync.WaitGroup
	ended.Go(func() {
		err := c.RunGroup(ctx, group, topics, func(ctx context.Context, claim *bus.Claim) error {
			key := fmt.Sprintf("%s/%d", claim.Topic, claim.Partition)
			m.set(key, claim)
			<-ctx.Done()
			m.set(key, nil)
			return nil
		})
		if err != nil {
			t.Errorf("group: %v", err)
		}
	})
	m.stop = func() { cancel(); ended.Wait() }
	t.Cleanup(m.stop)
	return m
}

func (m *member) set(key string, claim *bus.Claim) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if claim == nil {
		delete(m.held, key)
	} else {
		m.held[key] = claim
	}
	close(m.change)
	m.change = make(chan struct{})
}

// until waits until the member's claims satisfy ok and returns them.
func (m *member) until(t *testing.T, ctx context.Context, ok func(map[string]*bus.Claim) bool) map[string]*bus.Claim {
	t.Helper()
	for {
		m.mu.Lock()
		change, held := m.change, map[string]*bus.Claim{}
		maps.Copy(held, m.held)
		m.mu.Unlock()
		if ok(held) {
			return held
		}
		select {
		case <-change:
		case <-ctx.Done():
			t.Fatalf("claims: got %v, and no change", held)
		}
	}
}

func holds(n int) func(map[string]*bus.Claim) bool {
	return func(held map[string]*bus.Claim) bool { return len(held) == n }
}

func TestGroupSharesPartitionsAndKeepsThemInPlace(t *testing.T) {
	t.Parallel()
	ctx, c := setUp(t, "signals", 4)
	if err := c.EnsureTopics(ctx, []bus.Topic{{Name: "alerts"}, {Name: "state"}}); err != nil {
		t.Fatal(err)
	}
	topics := []string{"signals", "alerts", "state"}
	a := startMember(t, ctx, c, "correlate", topics...)
	a.until(t, ctx, holds(6))
	b := startMember(t, ctx, c, "correlate", topics...)
	ofB := b.until(t, ctx, holds(3)) // first: then the other has let go of all and takes its share again
	ofA := a.until(t, ctx, holds(3))
	for k := range ofA {
		if ofB[k] != nil {
			t.Errorf("%s is held by both members", k)
		}
	}
	third := startMember(t, ctx, c, "correlate", topics...)
	third.until(t, ctx, holds(2))
	for k := range a.until(t, ctx, holds(2)) {
		if ofA[k] == nil {
			t.Errorf("%s came to the first member although it had enough: had %v", k, ofA)
		}
	}
	b.stop()
	a.until(t, ctx, holds(3))
	third.until(t, ctx, holds(3))
}

func TestCommitIsFencedByGeneration(t *testing.T) {
	t.Parallel()
	ctx, c := setUp(t, "records.api", 1)
	a := startMember(t, ctx, c, "store", "records.api")
	claim := a.until(t, ctx, holds(1))["records.api/0"]
	if got, err := claim.Committed(ctx); err != nil || got.Offset != -1 {
		t.Fatalf("committed before the first commit: got %+v, %v, want offset -1", got, err)
	}
	if err := claim.Commit(ctx, 7, "1 pending 7-9 v"); err != nil {
		t.Fatal(err)
	}
	want := bus.Commit{Offset: 7, Metadata: "1 pending 7-9 v"}
	if got, err := claim.Committed(ctx); err != nil || got != want {
		t.Errorf("committed: got %+v, %v, want %+v", got, err, want)
	}
	a.stop()
	if err := claim.Commit(ctx, 8, "left"); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("commit after leaving: got %v, want ErrFenced", err)
	}
	b := startMember(t, ctx, c, "store", "records.api")
	b.until(t, ctx, holds(1))
	if err := claim.Commit(ctx, 8, "zombie"); !errors.Is(err, bus.ErrFenced) {
		t.Errorf("commit of a claim that another member has: got %v, want ErrFenced", err)
	}
	got, err := c.GroupOffsets(ctx, "store", "records.api")
	if err != nil || got[0] != want {
		t.Errorf("committed after the zombie: got %+v, %v, want %+v", got, err, want)
	}
}

// A run that fails is started again, and its partition is not lost in between.
func TestGroupRunsAgainAfterAnError(t *testing.T) {
	t.Parallel()
	ctx, c := setUp(t, "records.api", 1)
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	runs := 0
	err := c.RunGroup(ctx, "store", []string{"records.api"}, func(context.Context, *bus.Claim) error {
		if runs++; runs == 2 {
			cancel()
			return nil
		}
		return errors.New("broken")
	})
	if err != nil || runs != 2 {
		t.Errorf("runs: got %d, %v, want 2", runs, err)
	}
}
