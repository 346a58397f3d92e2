package match

import (
	"slices"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// Alert matches an alert against the rules over alerts and folds what matched into the range's signals. A rule, or a step,
// takes an alert once, whatever becomes of it: with the lowest severity that it has reached for which the condition holds. So
// only the revision that first says of that severity gives a signal, and those behind it are spared.
func (m *Matcher) Alert(a *alert.Alert) {
	m.taken = m.taken[:0]
	for _, l := range a.Levels() {
		e := m.alerts.Of(a, l)
		m.matched = slices.DeleteFunc(m.find(e, m.matched[:0]), m.took)
		for _, h := range m.matched {
			if h.Exception == nil {
				m.taken = append(m.taken, h)
			}
		}
		if l.Revision == a.Revision {
			m.take(e)
		}
	}
}

// took reports whether the alert was taken with a lower severity.
func (m *Matcher) took(h rule.Hit) bool {
	return slices.ContainsFunc(m.taken, func(t rule.Hit) bool { return t.Rule == h.Rule && t.Step == h.Step })
}
