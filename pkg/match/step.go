package match

import (
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// step makes a signal of a step's match, or one for each element. An event without a value for a key that the step gives
// belongs to no group, and is no match.
func (m *Matcher) step(p *plan, s *rule.Step, e *event.Event) {
	if elements := p.steps[s]; elements != nil {
		m.stepElements(p, s, elements, e)
		return
	}
	m.text, m.ends = m.text[:0], m.ends[:0]
	for i, k := range s.By {
		start := len(m.text)
		if !s.Gives(i) {
			m.ends = append(m.ends, start)
			continue
		}
		if m.keyValue(k, e); len(m.text) == start {
			return
		}
	}
	m.stepSignal(p, s, e)
}

// stepElements is step for keys with [].
func (m *Matcher) stepElements(p *plan, s *rule.Step, elements *rule.Elements, e *event.Event) {
	signals := 0
	elements.Each(e, func(values []string) bool {
		if signals == MaxElements {
			m.cut[p.rule.ID]++
			return false
		}
		for i, v := range values {
			if s.Gives(i) && v == "" {
				return true
			}
		}
		m.keyValues(values)
		if m.stepSignal(p, s, e) {
			signals++
		}
		return true
	})
}

// stepSignal makes the signal of the step and the key that m.text has, unless an element before gave it.
func (m *Matcher) stepSignal(p *plan, s *rule.Step, e *event.Event) (made bool) {
	f := m.folding(p, e, "", s.Name)
	if f.event == m.event {
		return false
	}
	t := e.UnixNano(event.EventTime)
	f.event, f.Count, f.First, f.Last = m.event, 1, t, t
	f.Severity = m.severity
	f.samples.add(e, t, &m.rendered, s.Capture, p.show)
	return true
}
