package pipeline

import (
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// reach is how far before the newest event time the signals lie that a rule's state rests on. A silence ends with being told,
// so the dedup time, which names its alert, does not count. What ClickHouse remembers is not in it either.
func reach(r *rule.Rule) time.Duration {
	if r.Absence != nil {
		return r.Window() + correlate.Lateness
	}
	return r.Period() + r.Window() + correlate.Lateness
}

// longest is how far back an engine's state reaches.
func longest(set *rule.Set) time.Duration {
	d := correlate.Lateness
	for _, r := range set.Rules() {
		d = max(d, reach(r))
	}
	return d
}

// forgetful warns of the rules whose state a restart can rebuild only in part, since Kafka does not keep signals for as long.
func (o *CorrelateOptions) forgetful(set *rule.Set) {
	for _, r := range set.Rules() {
		if d := reach(r); r.Mode == rule.Live && o.Kept > 0 && d > o.Kept {
			o.Log.Warn("rule looks further back than signals are kept: after a restart it has forgotten what is older; "+
				"raise retention.topics.signals, or shorten the rule's time or dedup",
				zap.String("rule", r.ID), zap.Duration("reach", d), zap.Duration("kept", o.Kept))
		}
	}
}
