package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// health knows what must be well for this process to be ready.
type health struct {
	mu     sync.Mutex
	checks []check // guarded by mu
}

type check struct {
	name string
	ask  func(ctx context.Context) error
}

// newHealth is not ready until started is closed.
func newHealth(started <-chan struct{}) *health {
	h := &health{}
	h.add("start", func(context.Context) error {
		select {
		case <-started:
			return nil
		default:
			return errors.New("still starting")
		}
	})
	return h
}

func (h *health) add(name string, ask func(ctx context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, check{name, ask})
}

// ready returns nil, or what is not well.
func (h *health) ready(ctx context.Context) error {
	h.mu.Lock()
	checks := h.checks
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var problems []error
	for _, c := range checks {
		if err := c.ask(ctx); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", c.name, err))
		}
	}
	return errors.Join(problems...)
}
