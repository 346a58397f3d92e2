package correlate

import (
	"slices"

	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// each correlates rules of kind match without a period: every event is an alert of its own, named by the event's id, and
// where a key of the group has [] every one of its elements, named by the group too. It keeps nothing, so an event that is
// delivered again gives the same alert with a higher revision.
type each struct {
	rule    *rule.Rule
	names   *names
	several bool // the group has []
	changed []single
	ids     map[string]struct{} // of changed, packed
}

func newEach(r *rule.Rule) *each {
	several := slices.ContainsFunc(r.GroupBy, rule.Key.Several)
	return &each{rule: r, names: newNames(r), several: several, ids: map[string]struct{}{}}
}

// single is one event's alert.
type single struct {
	tally
	key []string
	id  []string // what the alert's id is made of
}

func (k *each) signal(s *match.Signal, _ int64) {
	if len(s.Samples) == 0 {
		return // without its event there is nothing to name it by
	}
	one := single{key: s.Key, id: []string{s.Samples[0].EventUID}}
	if k.several {
		one.id = append(one.id, s.Key...)
	}
	id := string(packKey(nil, one.id))
	if _, again := k.ids[id]; again {
		return
	}
	k.ids[id] = struct{}{}
	one.tally = newTally(s, k.names)
	k.changed = append(k.changed, one)
}

func (k *each) flush(out *Result, offset int64) {
	for i := range k.changed {
		c := &k.changed[i]
		v := view{rule: k.rule, names: k.names, key: c.key, id: c.id, tally: &c.tally, start: c.first, end: c.last}
		out.Alerts = append(out.Alerts, v.alert(offset))
	}
	clear(k.changed)
	k.changed = k.changed[:0]
	clear(k.ids)
}

func (k *each) expire(int64) {}

func (k *each) adopt(r *rule.Rule) bool {
	k.rule = r
	k.names.extend(r)
	return r.Period() == 0
}

func (k *each) stats() RuleStats { return RuleStats{Rule: k.rule.ID} }
