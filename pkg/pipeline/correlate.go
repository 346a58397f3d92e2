package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// Memory is where first-seen values are kept. WriteMemos returns when they are durable.
type Memory interface {
	Memos(ctx context.Context, ruleHashes []string) ([]correlate.Memo, error)
	WriteMemos(ctx context.Context, memos []correlate.Memo) error
}

// CorrelateOptions is what the correlate stage needs. All are required.
type CorrelateOptions struct {
	Bus      *bus.Client
	Producer *bus.Producer
	Rules    *rule.Set
	Shards   int // partitions of signals
	Memory   Memory
	MaxKeys  int   // per rule and shard
	MaxBytes int64 // per rule and shard
	Log      *zap.Logger
	Metrics  prometheus.Registerer
}

// lateness is how much older than the watermark an event may be and still find its window.
const lateness = 15 * time.Minute

// Correlate turns frames into alerts until ctx ends: one engine and one goroutine a shard.
func Correlate(ctx context.Context, o CorrelateOptions) error {
	m := newCorrelateMetrics(o.Metrics, o.Rules, o.Shards)
	return o.Bus.RunGroup(ctx, "correlate", []string{bus.Signals}, func(ctx context.Context, claim *bus.Claim) error {
		s := &shard{
			CorrelateOptions: o, claim: claim, metrics: m,
			engine:  correlate.New(o.Rules, correlate.Options{MaxKeys: o.MaxKeys, MaxBytes: o.MaxBytes, Shard: claim.Partition}),
			partial: -1, evicted: make(map[string]uint64),
			log: o.Log.With(zap.Int("shard", claim.Partition)),
		}
		return s.run(ctx)
	})
}

// shard is one partition of signals and the engine that correlates it.
type shard struct {
	CorrelateOptions
	claim     *bus.Claim
	metrics   *correlateMetrics
	engine    *correlate.Engine
	assembler match.Assembler
	log       *zap.Logger

	muted     int64             // frames before this offset only rebuild state: their alerts went out before
	done      int64             // first offset not yet correlated
	committed int64             // offset of the last commit
	partial   int64             // first offset of frames that are not complete; -1 when there are none
	evicted   map[string]uint64 // exported by rule
	unwritten []correlate.Memo  // first-seen values not yet durable: no commit may pass them
}

// run rebuilds the engine by replaying its longest window, muted up to the committed offset, and goes on from there.
func (s *shard) run(ctx context.Context) error {
	from, err := s.start(ctx)
	if err != nil {
		return err
	}
	reader := s.claim.Client().NewReader(bus.Signals, s.claim.Partition, from)
	defer reader.Close()
	messages := make(chan bus.Message, 256)
	recalled := make(chan []correlate.Memo, 1)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // ends with ctx, which run cancels
		for {
			m, err := reader.Read(ctx)
			if err != nil {
				cancel(err)
				return
			}
			select {
			case messages <- m:
			case <-ctx.Done():
				return
			}
		}
	}()
	go s.recall(ctx, recalled) // ends with ctx or when it has delivered
	commit := time.NewTicker(time.Second)
	defer commit.Stop()
	for {
		select {
		case <-ctx.Done():
			return s.finish(context.Cause(ctx))
		case memos := <-recalled:
			if err := s.deliver(ctx, s.engine.Recall(memos)); err != nil {
				return err
			}
		case m := <-messages:
			if err := s.message(ctx, &m); err != nil {
				return err
			}
		case <-commit.C:
			if err := s.commit(ctx); err != nil {
				return err
			}
		}
	}
}

func (s *shard) start(ctx context.Context) (from int64, err error) {
	last, err := s.claim.Committed(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the committed offset of signals/%d: %w", s.claim.Partition, err)
	}
	first, end, err := s.claim.Client().Bounds(ctx, bus.Signals, s.claim.Partition)
	if err != nil {
		return 0, fmt.Errorf("read the bounds of signals/%d: %w", s.claim.Partition, err)
	}
	if last.Offset < first || last.Offset > end { // never committed, expired, or a topic made anew
		s.muted, s.done, s.committed = first, first, first
		return first, nil
	}
	s.muted, s.done, s.committed = last.Offset, last.Offset, last.Offset
	from, err = s.claim.Client().OffsetAt(ctx, bus.Signals, s.claim.Partition, time.Now().Add(-longest(s.Rules)))
	if err != nil {
		return 0, fmt.Errorf("find the start of the longest window in signals/%d: %w", s.claim.Partition, err)
	}
	return min(from, last.Offset), nil
}

// longest is how far back an engine's state reaches.
func longest(set *rule.Set) time.Duration {
	var d time.Duration
	for _, r := range set.Rules() {
		d = max(d, r.Period()+r.Window())
	}
	return d + lateness
}

// recall fetches the memory of first-seen rules, for as long as ClickHouse takes to answer.
func (s *shard) recall(ctx context.Context, recalled chan<- []correlate.Memo) {
	var hashes []string
	for _, r := range s.Rules.Rules() {
		if r.FirstSeen != nil {
			hashes = append(hashes, r.Hash)
		}
	}
	memos, err := backoff.Retry(ctx, func() ([]correlate.Memo, error) {
		memos, err := s.Memory.Memos(ctx, hashes)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("memory of first-seen rules is out of reach; they wait, all others run",
				zap.Strings("rules", s.engine.Waiting()), zap.Error(err))
		}
		return memos, err
	}, backoff.WithBackOff(backoff.NewExponentialBackOff()), backoff.WithMaxElapsedTime(0))
	if err != nil {
		return // ctx ended
	}
	recalled <- slices.DeleteFunc(memos, func(m correlate.Memo) bool { return m.Shard(s.Shards) != s.claim.Partition })
}

func (s *shard) message(ctx context.Context, m *bus.Message) error {
	frame, err := s.assembler.Add(m.Value)
	switch {
	case err != nil:
		s.metrics.unreadable.Inc()
		s.log.Error("skip a frame that cannot be read", zap.Int64("offset", m.Offset), zap.Error(err))
	case frame == nil:
		if s.partial < 0 {
			s.partial = m.Offset
		}
	default:
		if !s.assembler.Pending() {
			s.partial = -1
		}
		if err := s.deliver(ctx, s.engine.Apply(frame, m.Offset)); err != nil {
			return err
		}
	}
	s.done = max(s.done, m.Offset+1)
	return nil
}

// deliver makes a result durable: memos in ClickHouse, alerts in Kafka. An alert does not wait for the memory. What stems
// from frames before the muted offset went out before.
func (s *shard) deliver(ctx context.Context, r correlate.Result) error {
	if r.Dropped {
		s.metrics.dropped.Inc()
	}
	s.metrics.skipped.Add(float64(r.Skipped))
	for _, m := range r.Memos {
		if m.Offset >= s.muted {
			s.unwritten = append(s.unwritten, m)
		}
	}
	r.Alerts = slices.DeleteFunc(r.Alerts, func(a alert.Alert) bool { return a.Revision <= s.muted })
	if len(r.Alerts) == 0 {
		return nil
	}
	messages := make([]bus.Message, len(r.Alerts))
	for i := range r.Alerts {
		m, err := alertMessage(&r.Alerts[i])
		if err != nil {
			return err
		}
		messages[i] = m
		s.metrics.alerts.WithLabelValues(r.Alerts[i].RuleID).Inc()
	}
	if err := s.Producer.Send(ctx, messages...); err != nil {
		return fmt.Errorf("send %d alerts to Kafka: %w", len(messages), err)
	}
	return nil
}

// commit says how far the shard has come, never past memos that are not written or frames that are not complete.
func (s *shard) commit(ctx context.Context) error {
	if len(s.unwritten) > 0 {
		writing, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := s.Memory.WriteMemos(writing, s.unwritten)
		cancel()
		if err != nil {
			s.log.Warn("keep first-seen values until ClickHouse takes them", zap.Int("values", len(s.unwritten)), zap.Error(err))
			return nil
		}
		s.unwritten = nil
	}
	s.metrics.observe(s.engine.Stats(), s.evicted)
	offset := s.done
	if s.partial >= 0 {
		offset = min(offset, s.partial)
	}
	if offset <= s.committed {
		return nil
	}
	if err := s.claim.Commit(ctx, offset, ""); err != nil {
		return fmt.Errorf("commit signals/%d at %d: %w", s.claim.Partition, offset, err)
	}
	s.committed = offset
	return nil
}

// finish commits once more after ctx has ended, so that a clean stop repeats nothing.
func (s *shard) finish(cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	err := s.commit(ctx)
	if errors.Is(err, bus.ErrFenced) {
		return nil // another process has the shard: what it does not know, it replays
	}
	if cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

func alertMessage(a *alert.Alert) (bus.Message, error) {
	body, err := json.Marshal(a)
	if err != nil {
		return bus.Message{}, fmt.Errorf("encode alert %s: %w", a.ID, err)
	}
	return bus.Message{Topic: bus.Alerts, Partition: -1, Key: []byte(a.Entity.ID), Value: body}, nil
}

func decodeAlert(body []byte) (alert.Alert, error) {
	var a alert.Alert
	if err := json.Unmarshal(body, &a); err != nil {
		return a, fmt.Errorf("read alert: %w", err)
	}
	if a.Schema != 1 || a.ID == "" {
		return a, fmt.Errorf("read alert: schema %d and id %q: want schema 1 and an id", a.Schema, a.ID)
	}
	return a, nil
}
