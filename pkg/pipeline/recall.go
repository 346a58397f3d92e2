package pipeline

import (
	"context"
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// recollection is a part of the memory of some rules: its rows of this shard. The last part has none.
type recollection struct {
	memos   []correlate.Memo
	buckets []correlate.Bucket
	hashes  []string // of the rules, in the last part
	last    bool
}

// recall asks for the memory of the rules that wait for it, unless it is being asked: then remember calls again.
func (s *shard) recall(ctx context.Context) {
	waiting := s.engine.Waiting()
	if s.recalling || len(waiting) == 0 {
		return
	}
	s.recalling = true
	since := s.lookback()
	s.helpers.Go(func() { s.fetch(ctx, waiting, since) })
}

// fetch fetches the memory for as long as ClickHouse takes to answer, or ctx lasts. What came before an answer broke off comes
// again.
func (s *shard) fetch(ctx context.Context, rules []*rule.Rule, since time.Time) {
	var ids, novel, usual []string
	for _, r := range rules {
		ids = append(ids, r.ID)
		if r.FirstSeen != nil {
			novel = append(novel, r.Hash)
		} else {
			usual = append(usual, r.Hash)
		}
	}
	pauses := backoff.NewExponentialBackOff()
	pauses.MaxInterval = 10 * time.Second
	_, _ = backoff.Retry(ctx, func() (struct{}, error) { // ends well, or with ctx
		err := s.tell(ctx, novel, usual, since)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("memory of rules is out of reach; they wait, all others run", zap.Strings("rules", ids), zap.Error(err))
		}
		return struct{}{}, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0))
}

// tell hands the memory over, part by part.
func (s *shard) tell(ctx context.Context, novel, usual []string, since time.Time) error {
	send := func(r recollection) error {
		select {
		case s.recalled <- r:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if len(usual) > 0 {
		err := s.Memory.Buckets(ctx, usual, since, func(buckets []correlate.Bucket) error {
			own := slices.DeleteFunc(buckets, func(b correlate.Bucket) bool { return b.Shard(s.Shards) != s.claim.Partition })
			return send(recollection{buckets: own})
		})
		if err != nil {
			return err
		}
	}
	if len(novel) > 0 {
		err := s.Memory.Memos(ctx, novel, func(memos []correlate.Memo) error {
			own := slices.DeleteFunc(memos, func(m correlate.Memo) bool { return m.Shard(s.Shards) != s.claim.Partition })
			return send(recollection{memos: own})
		})
		if err != nil {
			return err
		}
	}
	return send(recollection{hashes: slices.Concat(novel, usual), last: true})
}

// remember takes a part of the memory in; with the last one, the rules that waited for it begin.
func (s *shard) remember(ctx context.Context, r recollection) error {
	s.engine.Remember(r.buckets)
	s.engine.RememberValues(r.memos)
	if !r.last {
		return nil
	}
	s.recalling = false
	if err := s.deliver(ctx, s.engine.RecallRules(r.hashes)); err != nil {
		return err
	}
	s.recall(ctx) // for the rules that have come since
	return nil
}

// checkpoint is what a commit says: the offset, and as its metadata how far the engine had come at that offset or before.
type checkpoint struct {
	offset   int64
	progress string
}

// maxPassed is how many checkpoints are kept that cannot be committed yet, one a second. First-seen signals wait for five minutes at
// most; where more is kept back than this covers, by the memory, a restart goes back to the last one before.
const maxPassed = 600

// now is the checkpoint that may be committed once all rows so far are durable. Where something waits, the engine is past the offset:
// what it was like there, or a moment before, has been noted.
func (s *shard) now() checkpoint {
	offset := s.safe()
	if s.partial < 0 {
		s.pass()
	}
	for len(s.passed) > 0 && s.passed[0].offset <= offset {
		s.progress, s.passed = s.passed[0].progress, s.passed[1:]
	}
	return checkpoint{offset, s.progress}
}

// pass notes how far the engine has come.
func (s *shard) pass() {
	last := len(s.passed) - 1
	if last >= 0 && s.passed[last].offset == s.done {
		s.passed = s.passed[:last]
	}
	if len(s.passed) == maxPassed {
		return
	}
	text, err := json.Marshal(s.engine.Progress(s.done))
	if err != nil {
		panic("BUG: encode numbers: " + err.Error())
	}
	s.passed = append(s.passed, checkpoint{s.done, string(text)})
}

// resume tells the engine how far it had come at the last commit. It returns the first offset that must be read again, and
// since when: what is in a window still was written after its events, so not before the longest window that ends at the
// time that the engine had reached. That is not now: the commit may be of days ago, and windows that were open then still are.
// Zero: nobody knows how far time had come.
func (s *shard) resume(last bus.Commit) (from int64, since time.Time) {
	var p correlate.Progress
	if last.Metadata == "" || json.Unmarshal([]byte(last.Metadata), &p) != nil || p.Offset > last.Offset {
		return last.Offset, time.Time{} // committed by a version that said less
	}
	s.progress = last.Metadata
	s.engine.Resume(p)
	reached := min(p.Watermark, time.Now().UnixNano())
	if p.Next.At != 0 { // Kafka's messages are of the times of detect's clocks, and those may all be behind
		reached = min(reached, p.Next.At)
	}
	if slices.ContainsFunc(s.set.Rules(), (*rule.Rule).OverAlerts) {
		reached = min(reached, p.Alerts)
	}
	if reached == math.MinInt64 {
		return min(p.From, last.Offset), time.Time{}
	}
	return min(p.From, last.Offset), time.Unix(0, reached).Add(-longest(s.set))
}

// lookback returns the time from which on a restart needs the buckets of baselines: all, where it does not know what time it
// was.
func (s *shard) lookback() time.Time {
	reach := int64(0)
	for _, r := range s.set.Rules() {
		if b := r.Baseline; b != nil {
			reach = max(reach, int64(b.Past+2*r.Period()+2*b.Bucket))
		}
	}
	if w := s.engine.Progress(s.done).Watermark; w > math.MinInt64+reach {
		return time.Unix(0, w-reach)
	}
	return time.Unix(0, 0)
}
