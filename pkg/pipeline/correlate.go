package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/ruleset"
)

// CorrelateOptions is what the correlate stage needs. All are required but Kept.
type CorrelateOptions struct {
	Bus      *bus.Client
	Producer *bus.Producer
	Rules    *ruleset.Holder
	Shards   int // partitions of signals
	Memory   Memory
	MaxKeys  int           // per rule and shard
	MaxBytes int64         // per rule and shard
	Kept     time.Duration // how long Kafka keeps signals, to warn of rules that look further back; 0 warns of none
	Log      *zap.Logger
	Metrics  prometheus.Registerer
}

// commitEvery is how much work a restart repeats at most.
const commitEvery = time.Second

// Correlate turns frames into alerts until ctx ends: one engine and one goroutine a shard.
func Correlate(ctx context.Context, o CorrelateOptions) error {
	return correlateWith(ctx, o, (*bus.Claim).Commit)
}

func correlateWith(ctx context.Context, o CorrelateOptions, send commitFunc) error {
	m := newCorrelateMetrics(o.Metrics, o.Rules.Set(), o.Shards)
	o.forgetful(o.Rules.Set())
	return o.Bus.RunGroup(ctx, "correlate", []string{bus.Signals}, func(ctx context.Context, claim *bus.Claim) error {
		set := o.Rules.Set()
		s := &shard{
			CorrelateOptions: o, claim: claim, send: send, metrics: m, set: set, met: map[string]bool{set.Hash(): true},
			engine:  correlate.New(set, correlate.Options{MaxKeys: o.MaxKeys, MaxBytes: o.MaxBytes, Shard: claim.Partition}),
			partial: -1, begins: make(map[int64]int64), counted: make(map[string]exported), recalled: make(chan recollection), forgotten: forgotten{},
			log: o.Log.With(zap.Int("shard", claim.Partition)),
		}
		return s.run(ctx)
	})
}

// shard is one partition of signals and the engine that correlates it. It belongs to one goroutine.
type shard struct {
	CorrelateOptions
	claim     *bus.Claim
	send      commitFunc
	metrics   *correlateMetrics
	set       *rule.Set       // that the engine works by
	met       map[string]bool // hashes of rule sets that frames or the engine have had
	engine    *correlate.Engine
	assembler match.Assembler
	diary     diary
	givenUp   lostRows // since the memory is away
	late      stragglers
	forgotten forgotten
	log       *zap.Logger

	progress  string              // the engine's at the last checkpoint, as metadata of a commit
	passed    []checkpoint        // of offsets in order that cannot be committed yet
	muted     int64               // frames before this offset only rebuild state: their alerts went out before
	done      int64               // first offset not yet correlated
	committed int64               // offset of the last commit
	partial   int64               // first offset of frames that are not complete; -1 when there are none
	begins    map[int64]int64     // first offset of a frame in parts by its last one, from the last commit on
	counted   map[string]exported // exported by rule

	helpers   sync.WaitGroup // goroutines that end with run's context
	recalling bool           // the memory is being asked
	recalled  chan recollection
}

// run rebuilds the engine by replaying its longest window, muted up to the committed offset, and goes on from there.
func (s *shard) run(ctx context.Context) error {
	from, err := s.start(ctx)
	if err != nil {
		return err
	}
	messages := make(chan bus.Message, 256)
	ctx, cancel := context.WithCancelCause(ctx)
	defer func() { cancel(nil); s.helpers.Wait() }()
	s.helpers.Go(func() { cancel(s.read(ctx, from, messages)) })
	s.recall(ctx)
	err = s.loop(ctx, messages)
	cancel(nil) // and so ends a write under way, which finish waits for
	return s.finish(err)
}

// loop works until ctx ends or something fails.
func (s *shard) loop(ctx context.Context, messages <-chan bus.Message) error {
	commit := time.NewTicker(commitEvery)
	defer commit.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			err = context.Cause(ctx)
		case a := <-s.recalled:
			err = s.remember(ctx, a)
		case m := <-messages:
			err = s.message(ctx, &m)
		case done := <-s.diary.written:
			err = s.wrote(ctx, done)
		case <-commit.C:
			err = s.checkpoint(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// read passes messages on until ctx ends or the reader fails.
func (s *shard) read(ctx context.Context, from int64, messages chan<- bus.Message) error {
	reader := s.claim.Client().NewReader(bus.Signals, s.claim.Partition, from)
	for {
		m, err := reader.Read(ctx)
		if err != nil {
			return err
		}
		select {
		case messages <- m:
		case <-ctx.Done():
			return ctx.Err()
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
	needed, since := s.resume(last)
	if since.IsZero() {
		return first, nil
	}
	from, err = s.claim.Client().OffsetAt(ctx, bus.Signals, s.claim.Partition, since)
	if err != nil {
		return 0, fmt.Errorf("find the start of the longest window in signals/%d: %w", s.claim.Partition, err)
	}
	return max(first, min(from, needed)), nil
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
		if err := s.apply(ctx, frame, m.Offset); err != nil {
			return err
		}
	}
	s.done = max(s.done, m.Offset+1)
	return nil
}

// apply correlates a frame whose last part is at the offset.
func (s *shard) apply(ctx context.Context, frame *match.Frame, offset int64) error {
	if s.partial >= 0 {
		s.begins[offset] = s.partial
	}
	if !s.assembler.Pending() {
		s.partial = -1
	}
	s.follow(ctx, frame)
	return s.deliver(ctx, s.engine.Apply(frame, offset))
}

// deliver sends a result's alerts, and notes what the memory must keep: in this order, for a replay that finds a row may take the
// alerts of its frame for sent (package firstseen).
func (s *shard) deliver(ctx context.Context, r correlate.Result) error {
	if r.Dropped {
		s.metrics.dropped.Inc()
	}
	s.metrics.skipped.Add(float64(r.Skipped))
	if err := s.sendAlerts(ctx, r.Alerts); err != nil {
		return err
	}
	s.lost(s.diary.note(r.Memos, r.Buckets))
	return nil
}

// sendAlerts sends alerts. Those of frames before the muted offset went out before.
func (s *shard) sendAlerts(ctx context.Context, alerts []alert.Alert) error {
	alerts = slices.DeleteFunc(alerts, func(a alert.Alert) bool { return a.Revision <= s.muted })
	if len(alerts) == 0 {
		return nil
	}
	messages := make([]bus.Message, len(alerts))
	for i := range alerts {
		m, err := alertMessage(&alerts[i])
		if err != nil {
			return err
		}
		messages[i] = m
		s.metrics.alerts.WithLabelValues(alerts[i].RuleID).Inc()
	}
	ctx, cancel := lingering(ctx)
	defer cancel()
	if err := s.Producer.Send(ctx, messages...); err != nil {
		return fmt.Errorf("send %d alerts to Kafka: %w", len(messages), err)
	}
	return nil
}

// safe is the offset that a restart may begin to mute at: behind it lie no frames that are incomplete, and none whose
// signals wait for the memory or for slower partitions, for their alerts have not been sent.
func (s *shard) safe() int64 {
	offset := s.done
	if s.partial >= 0 {
		offset = min(offset, s.partial)
	}
	if held, waits := s.engine.Held(); waits {
		if first, inParts := s.begins[held]; inParts {
			held = first
		}
		offset = min(offset, held)
	}
	return offset
}

// checkpoint commits how far the shard has come, or begins to write the rows that must be durable before that.
func (s *shard) checkpoint(ctx context.Context) error {
	stats := s.engine.Stats()
	s.metrics.observe(stats, s.counted)
	s.watch(&stats)
	if err := s.tellFull(ctx, &stats); err != nil {
		return err
	}
	switch {
	case s.diary.writing:
		return nil // the commit follows the write
	case s.diary.noted.len() > 0:
		s.diary.write(ctx, s.Memory, s.now())
		return nil
	}
	return s.commit(ctx, s.now())
}

// wrote takes the answer of a write and commits what it allows.
func (s *shard) wrote(ctx context.Context, done outcome) error {
	covered, lost, ok := s.diary.settle(done)
	s.lost(lost)
	if !ok {
		s.log.Warn("keep rows of the memory until ClickHouse takes them", zap.Int("rows", s.diary.noted.len()), zap.Error(done.err))
		return nil
	}
	if s.givenUp != (lostRows{}) {
		s.log.Warn("ClickHouse takes rows of the memory again; some were given up meanwhile",
			zap.Int("first_seen", s.givenUp.memos), zap.Int("baselines", s.givenUp.buckets))
		s.givenUp = lostRows{}
	}
	return s.commit(ctx, covered)
}

// lost tells of rows that were given up, once while the memory is away.
func (s *shard) lost(rows lostRows) {
	if rows == (lostRows{}) {
		return
	}
	s.metrics.lost.WithLabelValues(memoryValues).Add(float64(rows.memos))
	s.metrics.lost.WithLabelValues(memoryBuckets).Add(float64(rows.buckets))
	if s.givenUp == (lostRows{}) {
		s.log.Error("give up the oldest rows of the memory, since ClickHouse has been away for too long: after the next restart, values may be told as new again "+
			"and groups of baselines have a gap in their past; shrike_lost_memory_rows_total counts them",
			zap.Int("first_seen", rows.memos), zap.Int("baselines", rows.buckets), zap.Int("kept", s.diary.noted.len()))
	}
	s.givenUp.memos += rows.memos
	s.givenUp.buckets += rows.buckets
}

func (s *shard) commit(ctx context.Context, c checkpoint) error {
	if c.offset <= s.committed {
		return nil
	}
	if err := s.send(s.claim, ctx, c.offset, c.progress); err != nil {
		return fmt.Errorf("commit signals/%d at %d: %w", s.claim.Partition, c.offset, err)
	}
	s.committed = c.offset
	maps.DeleteFunc(s.begins, func(last, _ int64) bool { return last < c.offset })
	return nil
}

// finish commits once more after the loop has ended, so that a clean stop repeats nothing. Where the memory or Kafka
// does not take what is left at once, the next owner replays it.
func (s *shard) finish(cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	s.metrics.behind.DeletePartialMatch(prometheus.Labels{"shard": strconv.Itoa(s.claim.Partition)}) // the next owner tells
	err := s.diary.flush(ctx, s.Memory)
	if err == nil {
		err = s.commit(ctx, s.now())
	}
	if err != nil {
		s.log.Info("leave work to the next start", zap.Int("rows", s.diary.noted.len()), zap.Error(err))
	}
	if errors.Is(cause, context.Canceled) {
		return nil
	}
	return cause
}

// lingering is ctx with some seconds more: what Kafka is being told when a stage is stopped should not have to be
// told again.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		end := time.NewTimer(3 * time.Second)
		defer end.Stop()
		select { // either ends this goroutine
		case <-end.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}
