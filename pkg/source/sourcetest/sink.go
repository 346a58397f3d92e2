// Package sourcetest is a Sink for the tests of sources: it keeps what it takes, fails when told to, and lets a test
// wait for records instead of for time. Only tests import it.
package sourcetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/source"
)

// Sink keeps copies of what it takes. It is safe for concurrent use.
type Sink struct {
	// Before is called before each batch, with the numbers of records taken so far and offered now; its error is the
	// answer and the batch is not taken. nil takes everything.
	Before func(taken, offered int) error

	mu      sync.Mutex // guards all below
	records []record.Record
	letters []record.DeadLetter
	changed chan struct{} // closed and replaced at each change
}

var _ source.Sink = (*Sink)(nil)

// New makes a Sink.
func New() *Sink { return &Sink{changed: make(chan struct{})} }

// Records implements source.Sink.
func (s *Sink) Records(ctx context.Context, rs []record.Record) error {
	return s.take(ctx, len(rs), func() {
		for i := range rs {
			s.records = append(s.records, rs[i].Clone())
		}
	})
}

// DeadLetters implements source.Sink.
func (s *Sink) DeadLetters(ctx context.Context, ds []record.DeadLetter) error {
	return s.take(ctx, len(ds), func() {
		for i := range ds {
			d := ds[i]
			d.Record = d.Clone()
			s.letters = append(s.letters, d)
		}
	})
}

func (s *Sink) take(ctx context.Context, n int, keep func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if s.Before != nil {
		if err := s.Before(len(s.records), n); err != nil {
			return err
		}
	}
	keep()
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

// Taken returns all records so far.
func (s *Sink) Taken() []record.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]record.Record(nil), s.records...)
}

// Letters returns all dead letters so far.
func (s *Sink) Letters() []record.DeadLetter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]record.DeadLetter(nil), s.letters...)
}

// Lines returns the bytes of all records so far.
func (s *Sink) Lines() []string {
	var lines []string
	for _, r := range s.Taken() {
		lines = append(lines, string(r.Raw))
	}
	return lines
}

// Wait returns when ok says so of the lines taken, and fails the test when it has not within 20 s.
func (s *Sink) Wait(t testing.TB, what string, ok func(lines []string) bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		lines := s.Lines()
		if ok(lines) {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("wait for %s: %d lines, the last: %.200q", what, len(lines), lines[max(0, len(lines)-3):])
		}
	}
}
