package correlate

// Stats says how large an engine's state is.
type Stats struct {
	Shard     int
	Rules     []RuleStats // by rule id
	Watermark int64       // Unix nanoseconds; MinInt64 while some origin has not said how far it is
	Held      int         // first_seen signals that wait, for Recall or for slower origins
	Lost      uint64      // of those that waited for Recall, given up over the bound
}

// RuleStats is the state of one rule.
type RuleStats struct {
	Rule    string
	Keys    int
	Bytes   int64  // estimated
	Late    uint64 // matches that came when what they belong to was decided, kinds baseline and absence, since New
	Evicted uint64 // groups, and of a sequence's large groups single events, dropped because the state was over its bound, since New
}

// Stats returns the engine's present size.
func (g *Engine) Stats() Stats {
	s := Stats{Shard: g.options.Shard, Watermark: g.origins.watermark, Held: len(g.held), Lost: g.lost}
	for _, k := range g.order {
		s.Rules = append(s.Rules, k.kind.stats())
		if n, ok := k.kind.(*novelty); ok {
			s.Held += len(n.early.queue)
		}
	}
	return s
}
