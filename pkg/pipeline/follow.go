package pipeline

import (
	"context"
	"slices"
	"strconv"

	"go.uber.org/zap"

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
	s.metrics.observe(s.engine.Stats(), s.counted) // what goes now has been counted
	done := s.engine.Reload(set)
	s.set = set
	s.meet(set.Hash())
	s.metrics.skipped.Add(float64(done.Skipped))
	for _, id := range slices.Concat(done.Fresh, done.Gone) {
		delete(s.counted, id)
		delete(s.forgotten, id) // it counts anew
	}
	for _, id := range done.Gone {
		s.metrics.ruleKeys.DeleteLabelValues(id, strconv.Itoa(s.claim.Partition))
		s.metrics.ruleBytes.DeleteLabelValues(id, strconv.Itoa(s.claim.Partition))
	}
	if s.claim.Partition == 0 { // one of the shards is enough
		s.forgetful(set.Filter(func(r *rule.Rule) bool { return slices.Contains(done.Fresh, r.ID) }))
	}
	name(ruleIDs(set), s.metrics.alerts, s.metrics.evicted, s.metrics.late)
	s.log.Info("goes on with other rules", zap.String("hash", set.Hash()), zap.Int("kept", len(done.Kept)),
		zap.Strings("begin", done.Fresh), zap.Strings("gone", done.Gone))
	s.recall(ctx)
}
