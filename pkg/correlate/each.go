package correlate

import (
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// each correlates rules of kind match without a period: every event is an alert of its own, named by the event's id. It
// keeps nothing, so an event that is delivered again gives the same alert with a higher revision.
type each struct {
	rule    *rule.Rule
	names   *names
	changed []single
	ids     map[string]struct{} // of changed
}

func newEach(r *rule.Rule) *each {
	return &each{rule: r, names: newNames(r), ids: map[string]struct{}{}}
}

// single is one event's alert.
type single struct {
	tally
	key []string
	id  string
}

func (k *each) signal(s *match.Signal, _ int64) {
	if len(s.Samples) == 0 {
		return // without its event there is nothing to name it by
	}
	one := single{key: s.Key, id: s.Samples[0].EventUID}
	if _, again := k.ids[one.id]; again {
		return
	}
	k.ids[one.id] = struct{}{}
	one.tally = newTally(s, k.names)
	k.changed = append(k.changed, one)
}

func (k *each) flush(out *Result, offset int64) {
	for i := range k.changed {
		c := &k.changed[i]
		id := []string{c.id}
		v := view{rule: k.rule, names: k.names, key: c.key, id: id, tally: &c.tally, start: c.first, end: c.last}
		out.Alerts = append(out.Alerts, v.alert(offset))
	}
	clear(k.changed)
	k.changed = k.changed[:0]
	clear(k.ids)
}

func (k *each) expire(int64) {}

func (k *each) stats() RuleStats { return RuleStats{Rule: k.rule.ID} }
