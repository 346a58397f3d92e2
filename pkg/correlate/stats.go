package correlate

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Stats says how large an engine's state is.
type Stats struct {
	Shard   int
	Rules   []RuleStats // by rule id
	Slowest *Slowest    // what holds the watermark; nil: nothing does, for all origins are idle or none has spoken
	Gone    []Origin    // that hold time no longer, since nothing was heard of them for an hour; in order
	Held    int         // first_seen signals that wait, for Recall or for slower origins
}

// Origin is a partition that detect reads.
type Origin struct {
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
}

// Slowest is the origin that holds the watermark: the first of those that have not said how far they are, else the one that is
// furthest behind.
type Slowest struct {
	Origin
	Behind time.Duration `json:"behind"` // from its event time to now by the newest of the clocks; where it is unknown, as Silent
	Silent time.Duration `json:"silent"` // since it was last heard of, while others spoke
}

// stragglers returns the origin that holds the watermark, and those that are gone.
func (s *origins) stragglers() (slowest *Slowest, away []Origin) {
	least := int64(math.MaxInt64)
	for at, o := range s.byPartition {
		place := Origin{Topic: at.topic, Partition: at.no}
		if s.silent(o) {
			away = append(away, place)
			continue
		}
		if o.watermark > least || o.watermark == math.MaxInt64 || o.watermark == least && slowest != nil && compareOrigins(place, slowest.Origin) > 0 {
			continue
		}
		least = o.watermark
		slowest = &Slowest{Origin: place, Silent: time.Duration(s.elapsed - o.heard)}
		if slowest.Behind = slowest.Silent; o.watermark != 0 {
			slowest.Behind = time.Duration(max(0, s.now-o.watermark))
		}
	}
	slices.SortFunc(away, compareOrigins)
	return slowest, away
}

func compareOrigins(a, b Origin) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// RuleStats is the state of one rule.
type RuleStats struct {
	Rule    string
	Keys    int
	Bytes   int64  // estimated
	Late    uint64 // matches that came when what they belong to was decided, kinds baseline, average and absence, since New
	Evicted uint64 // groups, and of a sequence's large groups single events, dropped because the state was over its bound, since New
}

// Stats returns the engine's present size.
func (g *Engine) Stats() Stats {
	s := Stats{Shard: g.options.Shard, Held: len(g.held)}
	s.Slowest, s.Gone = g.origins.stragglers()
	for _, k := range g.order {
		s.Rules = append(s.Rules, k.kind.stats())
		if n, ok := k.kind.(*novelty); ok {
			s.Held += len(n.early.queue)
		}
	}
	return s
}
