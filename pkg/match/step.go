package match

import (
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// MaxElements is how many signals one event gives to a step whose key has a [] in its path: those of the first so many
// different values. Whoever writes a log writes its arrays.
const MaxElements = 1000

// step makes a signal of a step's match, or one for each element. An event without a value for a key that the step gives
// belongs to no group, and is no match.
func (m *Matcher) step(p *plan, s *rule.Step, e *event.Event) {
	i := slices.IndexFunc(s.By, func(k rule.Key) bool { return strings.Contains(k.Name, "[]") })
	if i < 0 {
		m.stepSignal(p, s, e, -1, "")
		return
	}
	seen := map[string]bool{}
	s.By[i].Each(e, func(text string) bool {
		v := bounded(text)
		if v != "" && !seen[v] {
			seen[strings.Clone(v)] = true
			m.stepSignal(p, s, e, i, v)
		}
		return len(seen) < MaxElements
	})
}

// stepSignal makes one signal, its key's value at the index given being that of an element.
func (m *Matcher) stepSignal(p *plan, s *rule.Step, e *event.Event, index int, element string) {
	m.text, m.ends = m.text[:0], m.ends[:0]
	for i, k := range s.By {
		start := len(m.text)
		switch {
		case i == index:
			m.text = append(m.text, element...)
			m.ends = append(m.ends, len(m.text))
		case s.Gives(i):
			m.keyValue(k, e)
		default:
			m.ends = append(m.ends, len(m.text))
		}
		if s.Gives(i) && len(m.text) == start {
			return
		}
	}
	t := e.UnixNano(event.EventTime)
	f := m.folding(p, e, t, "", s.Name)
	f.Count, f.First, f.Last = 1, t, t
	f.Severity = p.rule.Severity.Of(e.Text(event.Outcome))
	f.samples.add(e, t, s.Capture)
}
