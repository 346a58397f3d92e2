package match

import (
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// MaxElements is how many signals one event gives to a rule, or a step, whose keys have a [] in their path: those of the
// first so many different values; elements behind them are not looked at, which Matcher.Cut counts. Whoever writes a log writes
// its arrays.
const MaxElements = 1000

// readElements finds where the rule's keys have []. Keys that do not go together, which the loader refuses, are taken as
// they are: all elements as one text.
func (p *plan) readElements() {
	p.elements, _ = rule.NewElements(p.rule.Taken())
	if p.rule.Sequence == nil {
		return
	}
	p.steps = map[*rule.Step]*rule.Elements{}
	for _, s := range p.rule.Sequence.Steps {
		if elements, _ := rule.NewElements(s.By); elements != nil {
			p.steps[s] = elements
		}
	}
}

// foldElements folds in one match of a rule with []: for each element the group, and what its kind counts, adds up or
// remembers; a number that is the event's own, and no element's, is added up once. An element without a value for a key of the
// group with [] belongs to no group. Of one group, an event counts once, however many of its elements belong to it.
func (m *Matcher) foldElements(p *plan, e *event.Event) {
	r := p.rule
	group, signals, number := len(r.GroupBy), 0, 0.0
	if r.Average != nil {
		var ok bool
		if number, ok = averaged(r.Average, e); !ok {
			return
		}
	}
	p.elements.Each(e, func(values []string) bool {
		if signals == MaxElements {
			m.cut[r.ID]++
			return false
		}
		for i, k := range r.GroupBy {
			if k.Several() && values[i] == "" {
				return true
			}
		}
		novel := ""
		if r.FirstSeen != nil {
			if novel = novelty(values[group:]); novel == "" {
				return true
			}
		}
		m.keyValues(values[:group])
		f := m.folding(p, e, novel, "")
		first := f.event != m.event
		if first {
			m.count(f, e)
			f.Sum += number
			signals++
		}
		switch {
		case p.sum != nil && (first || p.sum.Several()):
			f.Sum += amountOf(values[group])
		case r.Distinct != nil:
			f.distinct(values[group])
		}
		return true
	})
}

// keyValues makes the group key of values that are there as text.
func (m *Matcher) keyValues(values []string) {
	m.text, m.ends = m.text[:0], m.ends[:0]
	for _, v := range values {
		m.text = append(m.text, bounded(v)...)
		m.ends = append(m.ends, len(m.text))
	}
}
