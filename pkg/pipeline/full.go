package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/shrike-sec/shrike/pkg/correlate"
)

// forgotten is what was told of the groups that rules forgot because their state was full. Who can choose the values of a group
// can fill it, to have the one forgotten that would have alerted: somebody must hear of that while it goes on.
type forgotten map[string]toldFull // by rule

type toldFull struct {
	groups uint64
	at     time.Time
}

// retell is how soon after an alert about a rule's full state it is told again that more was forgotten.
const retell = 5 * time.Minute

// due returns the rules of which there is something to tell at a time, and takes it for told.
func (f forgotten) due(stats *correlate.Stats, now time.Time) []correlate.RuleStats {
	var due []correlate.RuleStats
	for _, r := range stats.Rules {
		last := f[r.Rule]
		if r.Evicted == last.groups || now.Sub(last.at) < retell {
			continue
		}
		f[r.Rule] = toldFull{r.Evicted, now}
		due = append(due, r)
	}
	return due
}

// tellFull alerts on rules that forget groups.
func (s *shard) tellFull(ctx context.Context, stats *correlate.Stats) error {
	now := time.Now()
	for _, r := range s.forgotten.due(stats, now) {
		err := Report(ctx, s.Producer, Trouble{
			Rule: StateFull, About: fmt.Sprintf("%s (shard %d)", r.Rule, stats.Shard), Count: r.Evicted, At: now,
			Title: fmt.Sprintf("rule %s has forgotten %d groups, since its state is full: it may miss what it is for", r.Rule, r.Evicted),
			Runbook: "Somebody sends very many different values of what the rule groups by. The table of the rule's class shows who: count them by source and " +
				"address. If it is an attack, look yourself for what the rule is for. If the values are the usual ones, narrow the rule, or raise limits.keys or limits.state.",
		})
		if err != nil {
			return err
		}
	}
	return nil
}
