package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/bus"
)

// Range is [From, To) of one partition: what is done at once, and again after a crash.
type Range struct {
	Epoch     uint64
	Topic     string
	Partition int
	From, To  int64
	Messages  []bus.Message // in order; Do may keep them, and must not write to their bytes
	Holes     [][2]int64    // offsets [from, to) inside the range that Kafka does not have (any more)
	Replay    bool          // announced or tried before: its output may be there already, whole or in part
	// AnnouncedBy is the version in the announcement. In a replay it is another's when the program was changed in
	// between, and the output there may differ from what Do would make now.
	AnnouncedBy string
	Idle        bool // nothing came for RangeOptions.Idle; From == To and there is nothing to commit
}

// String names the range as errors and logs do.
func (r *Range) String() string {
	return fmt.Sprintf("%s/%d/%d-%d", r.Topic, r.Partition, r.From, r.To)
}

// RangeOptions say what Ranges reads, how it cuts, and what it does. Group, Topics, Epoch and Do are required.
type RangeOptions struct {
	Group  string // consumer group, and the label stage of the metrics
	Topics []string
	// Version says what the output depends on, parsers above all; each announcement has what it says then. nil: nothing.
	Version func() string

	// A range is cut when it has MaxMessages or MaxBytes (of keys and values), or MaxWait after its first message
	// arrived. While a range is being done, the next one goes on growing: slow output makes larger ranges.
	MaxMessages int           // 0 is 10,000
	MaxBytes    int           // 0 is 16 MiB; one message may exceed it
	MaxWait     time.Duration // 0 is one second

	// Epoch is asked where to begin when the group has no commit for the partition, or one beyond the partition's
	// end, which means that the topic was made anew. The partition holds [first, end). An error is retried.
	Epoch func(ctx context.Context, topic string, partition int, first, end int64) (epoch uint64, from int64, err error)

	// Idle is how long nothing must come for Do to be called with an empty range, and again after as long;
	// 0 is never. Its error is logged.
	Idle time.Duration

	// Do makes the output of the range durable. Calls for one partition never overlap; those for several
	// partitions do. An error is retried with back-off, as a replay of the same range, until ctx ends. When ctx ends
	// meanwhile, Do may finish or give up: only nil counts as done.
	Do func(ctx context.Context, r *Range) error

	Log        *zap.Logger           // nil logs nothing
	Registerer prometheus.Registerer // nil measures nothing
}

// Ranges announces, does and commits ranges of the topics' partitions until ctx ends, sharing them with the other
// members of the group. Every offset from Epoch's on is in exactly one range, whatever crashes: the commit that
// finishes a range announces the next one, a pending range is read again exactly as it was cut, and a member that
// lost its partition cannot commit. So Do sees a range again after a crash, but never an overlapping one, and an
// output that is idempotent by (epoch, topic, partition, from, to) is made exactly once.
func Ranges(ctx context.Context, c *bus.Client, o RangeOptions) error {
	return ranges(ctx, c, o, (*bus.Claim).Commit)
}

// commitFunc is (*bus.Claim).Commit, or in tests a process that dies around it.
type commitFunc func(claim *bus.Claim, ctx context.Context, offset int64, metadata string) error

func ranges(ctx context.Context, c *bus.Client, o RangeOptions, commit commitFunc) error {
	if o.MaxMessages <= 0 {
		o.MaxMessages = 10_000
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 16 << 20
	}
	if o.MaxWait <= 0 {
		o.MaxWait = time.Second
	}
	if o.Version == nil {
		o.Version = func() string { return "" }
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	metrics, err := newRangeMetrics(o.Registerer, o.Group)
	if err != nil {
		return fmt.Errorf("register metrics of group %s: %w", o.Group, err)
	}
	return c.RunGroup(ctx, o.Group, o.Topics, func(ctx context.Context, claim *bus.Claim) error {
		w := &rangeWorker{
			o: o, claim: claim, send: commit, metrics: metrics.of(claim.Topic, claim.Partition),
			log: o.Log.With(zap.String("stage", o.Group), zap.String("topic", claim.Topic), zap.Int("partition", claim.Partition)),
		}
		defer w.metrics.close()
		err := w.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		return err
	})
}

// rangeWorker does the ranges of one claim. It belongs to one goroutine.
type rangeWorker struct {
	o       RangeOptions
	claim   *bus.Claim
	send    commitFunc
	metrics *claimMetrics
	log     *zap.Logger

	epoch   uint64
	done    int64 // everything before it is done
	promise int64 // end of the range that the last commit announces, 0 when it announces none
	current *Range
	result  chan error    // of current's Do; nil while there is none
	next    cutter        // what has been read beyond current
	fetched chan fetch    // from the reader's goroutine
	reading chan struct{} // closed when that goroutine has ended
}

type fetch struct {
	messages []bus.Message
	end      int64 // of the partition
	err      error
}

// run ends with ctx, when another member owns the partition (bus.ErrFenced), or when the topic was made anew
// (bus.ErrBeyondEnd); the next claim then starts it again.
func (w *rangeWorker) run(ctx context.Context) error {
	pending, err := w.start(ctx)
	if err != nil {
		return err
	}
	return errors.Join(w.work(ctx, pending), w.finish(ctx))
}

func (w *rangeWorker) work(ctx context.Context, pending *Announcement) error {
	if pending != nil {
		if err := w.replay(ctx, pending); err != nil {
			return err
		}
	}
	w.next = cutter{o: &w.o, from: w.done}
	w.fetched, w.reading = make(chan fetch), make(chan struct{})
	readCtx, stop := context.WithCancel(ctx)
	defer func() { stop(); <-w.reading }()
	go w.read(readCtx, w.done)
	return w.loop(ctx)
}

// start finds where to begin. It returns the announcement of a range that may or may not be done, if there is one.
func (w *rangeWorker) start(ctx context.Context) (*Announcement, error) {
	commit, err := w.claim.Committed(ctx)
	if err != nil {
		return nil, err
	}
	first, end, err := w.claim.Client().Bounds(ctx, w.claim.Topic, w.claim.Partition)
	if err != nil {
		return nil, err
	}
	a, known := ParseAnnouncement(commit.Metadata)
	known = known && commit.Offset >= 0 && (!a.Pending || a.From == commit.Offset)
	if known && max(commit.Offset, a.To) <= end {
		w.epoch, w.done, w.promise = a.Epoch, commit.Offset, a.To
		if a.Pending {
			return &a, nil
		}
		return nil, nil
	}
	if commit.Offset >= 0 {
		w.log.Warn("committed offset is not usable, asking where to begin", zap.Int64("offset", commit.Offset),
			zap.String("metadata", commit.Metadata), zap.Int64("first", first), zap.Int64("end", end))
	}
	return nil, w.retry(ctx, "find where to begin", func() error {
		w.epoch, w.done, err = w.o.Epoch(ctx, w.claim.Topic, w.claim.Partition, first, end)
		if err == nil && (w.done < 0 || w.done > end) {
			err = backoff.Permanent(fmt.Errorf("begin at offset %d of a partition with %d to %d", w.done, first, end))
		}
		return err
	})
}

// replay reads a pending range exactly as it was announced, and does it. It repeats the announcement first, which
// only the partition's owner can.
func (w *rangeWorker) replay(ctx context.Context, a *Announcement) error {
	if err := w.commit(ctx, a.From, *a); err != nil {
		return err
	}
	reader := w.claim.Client().NewReader(w.claim.Topic, w.claim.Partition, a.From)
	r := w.newRange(a.From, a.To)
	r.Replay, r.AnnouncedBy = true, a.Version
	at := a.From
	for at < a.To {
		batch, err := reader.ReadBatch(ctx)
		if err != nil {
			return err
		}
		for i := range batch {
			if batch[i].Offset >= a.To {
				break
			}
			r.add(batch[i], at)
			at = batch[i].Offset + 1
		}
		if reader.Next() >= a.To { // all that is there has been read
			break
		}
	}
	if at < a.To {
		r.Holes = append(r.Holes, [2]int64{at, a.To})
	}
	w.metrics.replays.Inc()
	w.log.Info("doing a pending range again", zap.Int64("from", r.From), zap.Int64("to", r.To),
		zap.String("announced_by", a.Version))
	if err := w.do(ctx, r); err != nil {
		return err
	}
	return w.finished(ctx, r)
}

// read fetches from the offset on until ctx ends or the reader fails.
func (w *rangeWorker) read(ctx context.Context, from int64) {
	defer close(w.reading)
	reader := w.claim.Client().NewReader(w.claim.Topic, w.claim.Partition, from)
	for {
		messages, err := reader.ReadBatch(ctx)
		select {
		case w.fetched <- fetch{messages, reader.End(), err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// loop reads ahead while a range is being done. It returns with ctx or an error; current may then be under way.
func (w *rangeWorker) loop(ctx context.Context) error {
	wait := time.NewTimer(w.o.MaxWait)
	defer wait.Stop()
	quiet := newIdleTimer(w.o.Idle)
	defer quiet.stop()
	for {
		fetched := w.fetched
		if w.next.full() {
			fetched = nil // until current is done, which bounds what is in memory
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case f := <-fetched:
			if f.err != nil {
				return f.err
			}
			if len(f.messages) > 0 {
				quiet.reset()
			}
			if w.next.take(f.messages) {
				wait.Reset(w.o.MaxWait)
			}
			w.metrics.lag(f.end - w.done)
		case err := <-w.result:
			if err := w.settle(ctx, err); err != nil {
				return err
			}
		case <-wait.C:
			w.next.due = true
		case <-quiet.c:
			quiet.reset()
			w.idle(ctx)
		}
		if w.result == nil && w.next.ready() {
			if err := w.begin(ctx); err != nil {
				return err
			}
		}
	}
}

// begin announces the next range, which finishes the one before, and starts it.
func (w *rangeWorker) begin(ctx context.Context) error {
	r := w.next.cut(w.newRange)
	r.AnnouncedBy = w.o.Version()
	a := Announcement{Epoch: w.epoch, Pending: true, From: r.From, To: r.To, Version: r.AnnouncedBy}
	if err := w.commit(ctx, r.From, a); err != nil {
		return err
	}
	w.current, w.result = r, make(chan error, 1)
	go func(result chan error) { result <- w.do(ctx, r) }(w.result) // ends with ctx; settle or finish receives
	return nil
}

// settle takes note that current has ended. When the next range is ready, its announcement says that this one is
// done; otherwise a commit of its own does, so that nothing is done again after a quiet hour.
func (w *rangeWorker) settle(ctx context.Context, err error) error {
	r := w.current
	w.current, w.result = nil, nil
	if err != nil {
		return err
	}
	if w.next.ready() {
		w.counted(r)
		return nil
	}
	return w.finished(ctx, r)
}

// finish waits for current after the loop has ended, and says so if all that was announced is done: then a clean
// restart repeats nothing. ctx has ended by then, so the commit has a moment of its own.
func (w *rangeWorker) finish(ctx context.Context) error {
	if w.result != nil {
		if err := <-w.result; err != nil {
			return nil // the announcement stands: the next claim does the range again
		}
		w.counted(w.current)
	}
	if w.promise == 0 || w.done < w.promise {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	return w.commit(ctx, w.done, Announcement{Epoch: w.epoch})
}

// do calls Do until it succeeds or ctx ends.
func (w *rangeWorker) do(ctx context.Context, r *Range) error {
	return w.retry(ctx, fmt.Sprintf("do range %d-%d", r.From, r.To), func() error {
		err := w.o.Do(ctx, r)
		if err != nil {
			r.Replay = true
			w.metrics.retries.Inc()
		}
		return err
	})
}

// idle tells Do that nothing came.
func (w *rangeWorker) idle(ctx context.Context) {
	if w.result != nil || !w.next.empty() {
		return
	}
	r := w.newRange(w.done, w.done)
	r.Idle, r.AnnouncedBy = true, w.o.Version()
	if err := w.o.Do(ctx, r); err != nil && ctx.Err() == nil {
		w.log.Warn("idle range not done", zap.Error(err))
	}
}

// finished commits that everything before the range's end is done.
func (w *rangeWorker) finished(ctx context.Context, r *Range) error {
	w.counted(r)
	return w.commit(ctx, r.To, Announcement{Epoch: w.epoch})
}

func (w *rangeWorker) counted(r *Range) {
	w.done = r.To
	w.metrics.done(r)
	for _, h := range r.Holes {
		w.log.Error("offsets are missing in Kafka", zap.Int64("from", h[0]), zap.Int64("to", h[1]))
	}
}

func (w *rangeWorker) commit(ctx context.Context, offset int64, a Announcement) error {
	began := time.Now()
	err := w.send(w.claim, ctx, offset, a.String())
	w.metrics.commits.Observe(time.Since(began).Seconds())
	if err == nil {
		w.promise = a.To
	}
	return err
}

func (w *rangeWorker) newRange(from, to int64) *Range {
	return &Range{Epoch: w.epoch, Topic: w.claim.Topic, Partition: w.claim.Partition, From: from, To: to}
}

// retry calls do with back-off until it succeeds, fails for good or ctx ends, and logs each failure.
func (w *rangeWorker) retry(ctx context.Context, what string, do func() error) error {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 100*time.Millisecond, 10*time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, do() },
		backoff.WithBackOff(b), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, in time.Duration) {
			w.log.Warn("retrying", zap.String("what", what), zap.Duration("in", in), zap.Error(err))
		}))
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
