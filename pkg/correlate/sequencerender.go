package correlate

import (
	"cmp"
	"slices"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/match"
)

// render writes the alert of a period.
func (g *sequences) render(k *chain, a *openSequence, offset int64) alert.Alert {
	key := unpackKey(k.key)
	var all tally
	for i := range a.steps {
		if a.steps[i].count > 0 {
			t := a.steps[i]
			t.samples = ""
			all.add(&t)
		}
	}
	v := view{
		rule: g.rule, names: g.names, key: key, id: key, period: a.period, tally: &all, events: g.events(key, a),
		start: a.period * g.period, end: (a.period + 1) * g.period, late: a.late,
	}
	return v.alert(offset)
}

// events are the samples of an alert: as many of each step, its first ones, and where a step has fewer, more of the others.
func (g *sequences) events(key []string, a *openSequence) []alert.Sample {
	room := match.MaxSamples
	share := room / len(g.plan.Need())
	lists := make([][]alert.Sample, len(a.steps))
	for i := range a.steps {
		lists[i] = g.names.samples(key, a.steps[i].samples)
		room -= min(share, len(lists[i]))
	}
	out := []alert.Sample{}
	for i, list := range lists {
		more := min(room, max(0, len(list)-share))
		room -= more
		for _, s := range list[:min(share, len(list))+more] {
			s.Step = g.rule.Sequence.Steps[i].Name
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b alert.Sample) int {
		return cmp.Or(a.EventTime.Compare(b.EventTime), cmp.Compare(a.EventUID, b.EventUID))
	})
	return out
}
