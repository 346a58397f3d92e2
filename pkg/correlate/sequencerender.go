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
	all.count = a.count
	lists := make([][]alert.Sample, len(a.steps))
	for i := range a.steps {
		lists[i] = g.names.samples(key, a.steps[i].samples)
		for n := range lists[i] {
			lists[i][n].Step = g.rule.Sequence.Steps[i].Name
		}
	}
	v := view{
		rule: g.rule, names: g.names, key: key, id: key, period: a.period, tally: &all, steps: lists, events: g.events(lists),
		start: a.period * g.period, end: (a.period + 1) * g.period, late: a.late, reached: &a.reached,
	}
	return v.alert(offset)
}

// events are the samples of an alert: as many of each step, its first ones, and where a step has fewer, more of the others.
// An event that is several steps is shown as the first of them.
func (g *sequences) events(steps [][]alert.Sample) []alert.Sample {
	room := match.MaxSamples
	share := room / len(g.plan.Need())
	seen := map[string]bool{}
	lists := make([][]alert.Sample, len(steps))
	for i, list := range steps {
		for _, s := range list {
			if !seen[s.EventUID] {
				seen[s.EventUID] = true
				lists[i] = append(lists[i], s)
			}
		}
		room -= min(share, len(lists[i]))
	}
	out := []alert.Sample{}
	for _, list := range lists {
		more := min(room, max(0, len(list)-share))
		room -= more
		out = append(out, list[:min(share, len(list))+more]...)
	}
	slices.SortStableFunc(out, func(a, b alert.Sample) int {
		return cmp.Or(a.EventTime.Compare(b.EventTime), cmp.Compare(a.EventUID, b.EventUID))
	})
	return out
}
