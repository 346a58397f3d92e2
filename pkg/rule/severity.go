package rule

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Severities says how bad a match is: by what its event is like, else by the event's outcome. A rule that states one word
// has it in all three.
type Severities struct {
	Success, Failure, Unknown string

	cases []severityCase // tried in order, before the outcome
}

// severityCase is the severity of events for which a condition holds.
type severityCase struct {
	is   string
	cond *condition
}

// Of returns the severity of a match. It allocates nothing.
func (s *Severities) Of(e *event.Event) string {
	for i := range s.cases {
		if s.cases[i].cond.holds(scope{event: e}) {
			return s.cases[i].is
		}
	}
	switch e.Text(event.Outcome) {
	case event.Success:
		return s.Success
	case event.Failure:
		return s.Failure
	}
	return s.Unknown
}

// Words returns the severities that a match may have, lowest first, each once.
func (s *Severities) Words() []string {
	words := []string{s.Success, s.Failure, s.Unknown}
	for _, c := range s.cases {
		words = append(words, c.is)
	}
	slices.SortFunc(words, func(a, b string) int { return SeverityRank(a) - SeverityRank(b) })
	return slices.Compact(words)
}

// Highest returns the worst that a match may be.
func (s *Severities) Highest() string {
	words := s.Words()
	return words[len(words)-1]
}

// Ranks of severities, lowest first.
var severities = []string{"info", "low", "medium", "high", "critical"}

// SeverityWords returns what a severity may be, lowest first.
func SeverityWords() []string { return slices.Clone(severities) }

// SeverityRank orders severities: 0 info … 4 critical, -1 for any other word.
func SeverityRank(s string) int { return slices.Index(severities, s) }

// SeverityWord is the inverse of SeverityRank; a rank of no word, which only a broken frame has, is taken as the lowest.
func SeverityWord(rank int8) string { return severities[max(0, rank)] }

// readSeverity reads one word, one for each outcome, or a list of words with conditions.
func readSeverity(m *mapping, r *Rule, lists *lists) {
	n := m.need("severity")
	if n == nil {
		return
	}
	if list, ok := n.(*ast.SequenceNode); ok {
		readSeverityCases(m, r, list, lists)
		return
	}
	if _, ok := scalar(n); ok {
		r.Severity = sameSeverity(m.word(n, "severity", severities...))
		return
	}
	by, ok := m.mapping(n, "severity")
	if !ok {
		return
	}
	r.Severity.Success = m.word(by.need("success"), "severity", severities...)
	r.Severity.Failure = m.word(by.need("failure"), "severity", severities...)
	r.Severity.Unknown = r.Severity.Success // whoever cannot tell assumes that it worked
	if u := by.take("unknown"); u != nil {
		r.Severity.Unknown = m.word(u, "severity", severities...)
	}
	by.done()
}

func sameSeverity(word string) Severities {
	return Severities{Success: word, Failure: word, Unknown: word}
}

// readSeverityCases reads [{is, when}, …, {is}].
func readSeverityCases(m *mapping, r *Rule, list *ast.SequenceNode, lists *lists) {
	var class event.Class
	if classes := r.Classes(); len(classes) == 1 {
		class = classes[0]
	} else {
		m.report(nodePlace(list), "", "severity cannot depend on conditions here: the steps are of several classes")
	}
	if len(list.Values) == 0 {
		m.report(nodePlace(list), "", "severity is an empty list")
	}
	for i, el := range list.Values {
		c, ok := m.mapping(el, "each of severity")
		if !ok {
			continue
		}
		word := c.word(c.need("is"), "is", severities...)
		last, conditional := i == len(list.Values)-1, c.has("when")
		switch {
		case last && conditional:
			m.report(c.places["when"], "", "the last severity stands without when: it is that of all other events")
		case !last && !conditional:
			m.report(c.at, "", "only the last severity stands without when: those below it would never be used")
		}
		_, cond := readCondition(c, c.take("when"), class, lists)
		c.done()
		switch {
		case last:
			s := sameSeverity(word)
			r.Severity.Success, r.Severity.Failure, r.Severity.Unknown = s.Success, s.Failure, s.Unknown
		case cond != nil:
			r.Severity.cases = append(r.Severity.cases, severityCase{word, cond})
		}
	}
}
