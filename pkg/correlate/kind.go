package correlate

import (
	"github.com/shrike-sec/shrike/pkg/correlate/distinct"
	"github.com/shrike-sec/shrike/pkg/correlate/sum"
	"github.com/shrike-sec/shrike/pkg/correlate/threshold"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// kind correlates the signals of one rule. Within a frame, signal is called for each of its signals, then flush once.
type kind interface {
	// signal folds s in. s is valid only during the call, its texts and lists for as long as they are wanted.
	signal(s *match.Signal, offset int64)
	// flush evaluates what was touched since the last flush and adds the outcome to out.
	flush(out *Result, offset int64)
	// expire drops the state of event times before the given one. It may put off small steps.
	expire(before int64)
	// adopt goes on with r, a rule of the same hash whose words, severity, fields to show or times of memory may be others.
	// False: the state is of no use to it.
	adopt(r *rule.Rule) bool
	// stats returns the size of the state.
	stats() RuleStats
}

// times is how far time has come.
type times struct {
	watermark int64 // no event before it comes on time any more; MinInt64: unknown
	clock     int64 // what time it is where nothing comes any more, less Lateness; MinInt64: unknown
	now       int64 // what time it is where something comes, by the newest clock; 0: unknown
	spoken    int64 // by the clock of the origin that has been silent for longest; 0: unknown
	slowest   int64 // as of origins
	behind    int64 // likewise
	over      bool  // no event comes at all any more; clock is the time of the last one
}

// waiter is a kind that decides some of its alerts only when event time has come far enough.
type waiter interface {
	// decide adds the alerts that no event on time can undo.
	decide(t times, out *Result, offset int64)
}

// holder is a kind that keeps signals back before it takes them in: their offsets must not be committed.
type holder interface {
	// held returns the first offset of which something was kept back.
	held() (offset int64, ok bool)
}

// rememberer is a kind with a memory that outlives the engine. Its signals are held back until Recall.
type rememberer interface {
	// recall loads a row.
	recall(m *Memo)
}

// settler is a waiter that decides each thing once: not again when its signals are replayed.
type settler interface {
	waiter
	// resume says how far time had come when what is replayed ends: what was due by then was decided.
	resume(t times)
	// needs returns the first signals offset that is to be replayed to have the same state again.
	needs() (offset int64, ok bool)
}

var (
	_ settler    = (*baselines)(nil)
	_ settler    = (*averages)(nil)
	_ settler    = (*absences)(nil)
	_ waiter     = (*sequences)(nil)
	_ waiter     = (*novelty)(nil)
	_ holder     = (*baselines)(nil)
	_ holder     = (*novelty)(nil)
	_ rememberer = (*novelty)(nil)
)

// Window is what a windowed kind is: whether the signals of a stretch of event time fire. Add and Remove are called with
// what signals carry (count of matches, sum of the field, sorted hashes), Remove only with what was added since Reset. Holds
// must be monotone: more signals never make it false. A Window belongs to one rule, and is used for all its keys in turn.
type Window interface {
	Reset()
	Add(count uint64, sum float64, hashes []uint64)
	Remove(count uint64, sum float64, hashes []uint64)
	Holds() bool
}

var (
	_ Window = (*threshold.Window)(nil)
	_ Window = (*distinct.Window)(nil)
	_ Window = (*sum.Window)(nil)
)

// newKind is the one list of kinds.
func newKind(r *rule.Rule, o Options) kind {
	switch {
	case r.Baseline != nil:
		return newBaselines(r, o)
	case r.Average != nil:
		return newAverages(r, o)
	case r.Absence != nil:
		return newAbsences(r, o)
	case r.FirstSeen != nil:
		return newNovelty(r, o)
	case r.Sequence != nil:
		return newSequences(r, o)
	case r.Threshold != nil:
		return newGroups(r, threshold.New(r.Threshold.Count), o)
	case r.Distinct != nil:
		return newGroups(r, distinct.New(r.Distinct.Count), o)
	case r.Sum != nil:
		return newGroups(r, sum.New(r.Sum.Total), o)
	case r.Period() > 0:
		return newGroups(r, nil, o)
	}
	return newEach(r)
}
