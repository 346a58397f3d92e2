package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
)

func newStack() *stack { return &stack{log: zap.NewNop(), failed: make(chan error, 16)} }

// Parts stop in the reverse of their order of starting, each when the one after it has ended.
func TestStackStopsTheLastFirst(t *testing.T) {
	t.Parallel()
	s := newStack()
	var mu sync.Mutex
	var ended []string
	running := make(chan struct{}, 3)
	for _, name := range []string{"engine", "store", "source"} {
		s.run(name, func(ctx context.Context) error {
			running <- struct{}{}
			<-ctx.Done()
			mu.Lock()
			defer mu.Unlock()
			ended = append(ended, name)
			return ctx.Err()
		})
	}
	for range 3 {
		<-running
	}
	s.onStop("client", func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		ended = append(ended, "client")
		return nil
	})
	s.stopAll(time.Minute)
	if want := []string{"client", "source", "store", "engine"}; !slices.Equal(ended, want) {
		t.Errorf("ended: got %v, want %v", ended, want)
	}
	select {
	case err := <-s.failed:
		t.Errorf("a clean stop is no failure: %v", err)
	default:
	}
}

// One part that does not end takes what is left of the time, and the others are still told to stop.
func TestStackStopsInTime(t *testing.T) {
	t.Parallel()
	s := newStack()
	told := make(chan struct{})
	stuck := make(chan struct{})
	t.Cleanup(func() { close(stuck) })
	s.run("first", func(ctx context.Context) error { <-ctx.Done(); close(told); return nil })
	s.run("stuck", func(context.Context) error { <-stuck; return nil })
	const within = 50 * time.Millisecond
	started := time.Now()
	s.stopAll(within)
	if took := time.Since(started); took < within || took > 20*within {
		t.Errorf("took %s, want about %s", took, within)
	}
	<-told
}

func TestStackTellsWhichPartFailed(t *testing.T) {
	t.Parallel()
	s := newStack()
	broken := errors.New("no such thing")
	s.run("healthy", func(ctx context.Context) error { <-ctx.Done(); return nil })
	s.run("store", func(context.Context) error { return broken })
	err := <-s.failed
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "store: ") {
		t.Errorf("failure: got %v", err)
	}
	s.stopAll(time.Minute)
}
