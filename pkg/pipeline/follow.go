package pipeline

import (
	"context"
	"slices"
	"strconv"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// follow goes over to the rules that the frame was made by. A shard changes its rules only so, at the first frame of the new
// ones and not when the files change: signals that were on their way meet the rules that made them.
//
// Where the frame is of rules that are not those of the files, as far as the holder knows, it reads them now, once for each
// set: another process may have been told earlier. When they are not there either, the shard takes what there is; signals of
// rules that it has not are skipped and counted. So are those in frames that come after the first of a newer set, for the
// rules that differ between the two.
func (s *shard) follow(ctx context.Context, frame *match.Frame) {
	if frame.RuleSet == s.set.Hash() {
		return
	}
	next := s.Rules.Set()
	if next.Hash() != frame.RuleSet {
		if s.met[frame.RuleSet] {
			return
		}
		s.meet(frame.RuleSet)
		next = s.Rules.Refresh()
	}
	if next.Hash() != s.set.Hash() {
		s.reload(ctx, next)
	}
}

// maxMet is how many rule sets are remembered; a topic holds frames of fewer.
const maxMet = 1000

func (s *shard) meet(hash string) {
	if len(s.met) >= maxMet {
		clear(s.met)
	}
	s.met[hash] = true
}

// reload puts the set in the place of the engine's.
func (s *shard) reload(ctx context.Context, set *rule.Set) {
	s.metrics.observe(s.engine.Stats(), s.evicted) // what goes now has been counted
	done := s.engine.Reload(set)
	s.set = set
	s.meet(set.Hash())
	s.metrics.skipped.Add(float64(done.Skipped))
	for _, id := range slices.Concat(done.Fresh, done.Gone) {
		delete(s.evicted, id)
	}
	for _, id := range done.Gone {
		s.metrics.ruleBytes.DeleteLabelValues(id, strconv.Itoa(s.claim.Partition))
	}
	name(ruleIDs(set), s.metrics.alerts, s.metrics.evicted)
	if _, waits := s.engine.Held(); !waits {
		s.held = -1
	}
	s.log.Info("goes on with other rules", zap.String("hash", set.Hash()), zap.Int("kept", len(done.Kept)),
		zap.Strings("begin", done.Fresh), zap.Strings("gone", done.Gone))
	s.recall(ctx)
}

// recollection is the memory of some rules: its rows of this shard.
type recollection struct {
	hashes []string
	memos  []correlate.Memo
}

// recall asks for the memory of the rules that wait for it, unless it is being asked: then remember calls again.
func (s *shard) recall(ctx context.Context) {
	var hashes, ids []string
	for _, r := range s.engine.Waiting() {
		hashes, ids = append(hashes, r.Hash), append(ids, r.ID)
	}
	if s.recalling || len(hashes) == 0 {
		return
	}
	s.recalling = true
	s.helpers.Go(func() { s.fetch(ctx, hashes, ids) })
}

// fetch fetches the memory for as long as ClickHouse takes to answer, or ctx lasts.
func (s *shard) fetch(ctx context.Context, hashes, ids []string) {
	memos, err := backoff.Retry(ctx, func() ([]correlate.Memo, error) {
		memos, err := s.Memory.Memos(ctx, hashes)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("memory of first-seen rules is out of reach; they wait, all others run", zap.Strings("rules", ids), zap.Error(err))
		}
		return memos, err
	}, backoff.WithBackOff(backoff.NewExponentialBackOff()), backoff.WithMaxElapsedTime(0))
	if err != nil {
		return // ctx ended
	}
	memos = slices.DeleteFunc(memos, func(m correlate.Memo) bool { return m.Shard(s.Shards) != s.claim.Partition })
	s.recalled <- recollection{hashes, memos} // there is room: only one is asked at a time
}

// remember takes the memory's answer.
func (s *shard) remember(ctx context.Context, r recollection) error {
	s.recalling = false
	if err := s.deliver(ctx, s.engine.RecallRules(r.hashes, r.memos)); err != nil {
		return err
	}
	if _, waits := s.engine.Held(); !waits {
		s.held = -1
	}
	s.recall(ctx) // for the rules that have come since
	return nil
}
