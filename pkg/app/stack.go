package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
)

// stack starts parts in the order from the way's end to its beginning, and stops them the other way round: sources
// first, clients and engines last. The first part that fails stops all.
type stack struct {
	log    *zap.Logger
	parts  []part
	failed chan error // first failure; buffered for every part
}

type part struct {
	name string
	stop func(ctx context.Context) error
}

// onStop adds something to stop.
func (s *stack) onStop(name string, stop func(ctx context.Context) error) {
	s.parts = append(s.parts, part{name: name, stop: stop})
}

// run starts a part that works until its context ends. Its goroutine ends when stopped, and stop waits for it.
func (s *stack) run(name string, work func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	var result error
	go func() {
		defer close(done)
		if result = work(ctx); result != nil && ctx.Err() == nil {
			select {
			case s.failed <- fmt.Errorf("%s: %w", name, result):
			default: // somebody failed before
			}
		}
	}()
	s.onStop(name, func(stopping context.Context) error {
		cancel()
		select {
		case <-done:
			if errors.Is(result, context.Canceled) {
				return nil
			}
			return result
		case <-stopping.Done():
			return fmt.Errorf("stop %s: %w", name, stopping.Err())
		}
	})
}

// stopAll stops every part within the given time, the last started first.
func (s *stack) stopAll(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for _, p := range slices.Backward(s.parts) {
		started := time.Now()
		if err := p.stop(ctx); err != nil {
			s.log.Warn("stopped with an error", zap.String("part", p.name), zap.Error(err))
			continue
		}
		s.log.Debug("stopped", zap.String("part", p.name), zap.Duration("took", time.Since(started)))
	}
}
