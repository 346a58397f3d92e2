package rule

import (
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Exception takes events out of what one rule finds, for a reason, until a day. It is a file of its own, so that the rule
// stays as its authors keep it. It is immutable.
//
// Whether it has expired is asked of the event's time, not of the clock: a replay decides as the first time did.
type Exception struct {
	ID      string
	File    string // where it was read from
	Rule    string // id
	Step    string // name of a sequence's step; "": every step but those with unless, and the rule of any other kind
	When    string // source of the condition, which is compiled for the class of the rule or of its steps
	Reason  string
	Owner   string
	Expires time.Time // start of that day, UTC: events from then on are no longer excepted
	Version string    // hash of the whole file
	Tests   []Test    // what the rule finds with this exception; logs may be like those of the rule's own tests

	cond   *condition
	origin origin
}

// holds reports whether the exception takes the event away.
func (x *Exception) holds(e *event.Event) bool {
	return e.UnixNano(event.EventTime) < x.Expires.UnixNano() && x.cond.holds(scope{event: e})
}

// covers reports whether the exception is of the target.
func (x *Exception) covers(t *target) bool {
	if x.Rule != t.Rule.ID {
		return false
	}
	// To leave out what a step forbids would make alerts, and an exception only takes away.
	return t.Step == nil || x.Step == t.Step.Name || x.Step == "" && !t.Step.Unless
}

// hash identifies the exception with its lists.
func (x *Exception) hash() string {
	b := []byte("exception\x00" + x.ID + "\x00" + x.Version + "\x00")
	for _, l := range x.cond.lists {
		b = append(b, l.hash()...)
	}
	return string(b)
}

func byExceptionID(a, b *Exception) int { return strings.Compare(a.ID, b.ID) }

// exceptionReader reads exception files.
type exceptionReader struct {
	rules map[string]*Rule
	files []string // ids that broken rule files have by their names
	lists *lists
	byID  map[string]*Exception

	ownOnly bool // the built-in rules are not among them
}

// read reads one exception file. A stray, found beside or above the given paths, may be of a rule that is not among them.
func (er *exceptionReader) read(s *source, text []byte, stray bool) *Exception {
	body := s.parseYAML(text)
	if body == nil {
		return nil
	}
	m, ok := s.mapping(body, "the exception")
	if !ok {
		return nil
	}
	before := len(*s.problems)
	x := &Exception{File: s.file, Version: versionOf(text), origin: origin{lines: s.lines, keys: m.places}}
	idNode := m.need("id")
	x.ID = readFileID(m, idNode)
	ruleNode := m.need("rule")
	x.Rule, _ = m.text(ruleNode, "rule")
	x.Reason, _ = m.text(m.need("reason"), "reason")
	x.Owner, _ = m.text(m.need("owner"), "owner")
	x.Expires = readDay(m, m.need("expires"))
	if other := er.byID[x.ID]; other != nil {
		m.report(nodePlace(idNode), "", "id %s is taken by %s", x.ID, other.File)
	}
	if r := er.rules[x.Rule]; r != nil {
		x.readCondition(m, r, er.lists)
		x.readTests(m, r)
	} else {
		broken := x.Rule == "" || contains(er.files, x.Rule)
		if stray && !broken {
			return nil
		}
		m.take("step")
		m.need("when")
		m.take("tests")
		if !broken {
			er.unknownRule(m, ruleNode, x.Rule)
		}
	}
	m.done()
	if len(*s.problems) > before || x.cond == nil {
		return nil
	}
	er.byID[x.ID] = x
	return x
}

func (er *exceptionReader) unknownRule(m *mapping, at ast.Node, id string) {
	message := "no rule has the id %q"
	if er.ownOnly {
		message += "; if it is a built-in one, load these too: paths: [builtin, …]"
	}
	m.report(nodePlace(at), nearest(id, slices.Sorted(maps.Keys(er.rules))), message, id)
}

// readCondition reads step and when, which depend on the rule.
func (x *Exception) readCondition(m *mapping, r *Rule, lists *lists) {
	class := r.Class
	stepNode := m.take("step")
	if stepNode != nil {
		x.Step, _ = m.text(stepNode, "step")
	}
	if r.Sequence == nil {
		if stepNode != nil {
			m.report(m.places["step"], "", "%s is no sequence: it has no steps", r.ID)
		}
	} else {
		class = x.stepClass(m, stepNode, r)
	}
	when := m.need("when")
	x.When, x.cond = readCondition(m, when, class, lists)
	if r.Absence != nil && x.cond != nil {
		checkWholeGroups(m, when, r, x.cond)
	}
}

// readTests reads the tests of an exception, which may be like those of its rule.
func (x *Exception) readTests(m *mapping, r *Rule) {
	n := m.take("tests")
	nodes, ok := m.list(n, "tests")
	if ok && len(nodes) == 0 {
		m.report(nodePlace(n), "", "tests is an empty list: leave it out, or name something")
	}
	own := *r
	own.Tests = slices.Clone(r.Tests)
	for _, el := range nodes {
		t, _ := readTest(m.source, el, &own)
		own.Tests = append(own.Tests, t)
		x.Tests = append(x.Tests, t)
	}
}

// checkWholeGroups: a group of an absence rule that loses some of its events falls silent, and an exception only takes away.
func checkWholeGroups(m *mapping, when ast.Node, r *Rule, cond *condition) {
	for _, name := range cond.reads() {
		k, bad := parseKey(name, r.Class)
		if bad == nil && !slices.ContainsFunc(r.GroupBy, k.same) {
			m.report(nodePlace(when), "", "%s is of kind absence, and a group without its events of one %s would fall silent: except whole groups, by %s",
				r.ID, name, strings.Join(keyNames(r.GroupBy), ", "))
			return
		}
	}
}

// stepClass returns the class of the events that the exception is about.
func (x *Exception) stepClass(m *mapping, stepNode ast.Node, r *Rule) event.Class {
	var names []string
	var classes []event.Class
	for _, s := range r.Sequence.Steps {
		switch {
		case s.Unless && stepNode != nil && x.Step == s.Name:
			m.report(nodePlace(stepNode), "", "step %s is unless: to leave its events out would make alerts, and an exception only takes away", s.Name)
			return event.None
		case s.Unless:
			continue
		case x.Step == s.Name:
			return s.Class
		}
		names = append(names, s.Name)
		if !slices.Contains(classes, s.Class) {
			classes = append(classes, s.Class)
		}
	}
	switch {
	case x.Step != "":
		m.report(nodePlace(stepNode), nearest(x.Step, names), "%s has no step %q", r.ID, x.Step)
	case len(classes) > 1:
		m.report(m.at, "", "the steps of %s are of several classes: say which one is meant (step: %s)", r.ID, strings.Join(names, ", or "))
	case len(classes) == 1:
		return classes[0]
	}
	return event.None
}

// readFileID reads an id that must be the file's name.
func readFileID(m *mapping, n ast.Node) string {
	id, ok := m.text(n, "id")
	if !ok {
		return ""
	}
	file := strings.TrimSuffix(path.Base(strings.ReplaceAll(m.file, `\`, "/")), ".yml")
	switch {
	case !idPattern.MatchString(id):
		m.report(nodePlace(n), "", "id must be kebab-case (a-z, 0-9, -), not %q", id)
	case id != file:
		m.report(nodePlace(n), "", "id must be the file's name, %q, not %q", file, id)
	}
	return id
}

// readDay reads a date as the start of that day, UTC.
func readDay(m *mapping, n ast.Node) time.Time {
	v, ok := m.text(n, "expires")
	if !ok {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, v)
	if err != nil || t.Year() < 1971 || t.Year() > 2200 { // nanoseconds since 1970 reach to 2262
		m.report(nodePlace(n), "", "expires must be a date such as 2027-01-31, not %q", v)
		return time.Time{}
	}
	return t
}

// soon is how long before its day an exception is warned of.
const soon = 14 * 24 * time.Hour

// checkExceptions warns of a rule's exceptions that have expired or will within a fortnight.
func checkExceptions(l *linter, r *Rule) {
	if l.o.Now.IsZero() {
		return
	}
	for _, x := range l.set.exceptions {
		if x.Rule != r.ID {
			continue
		}
		switch left := x.Expires.Sub(l.o.Now); {
		case left <= 0:
			l.warnAt(x.File, x.origin.lines, x.origin.keys["expires"], "", "exception %s has expired: delete it, or look at its reason again and give it another day", x.ID)
		case left <= soon:
			l.warnAt(x.File, x.origin.lines, x.origin.keys["expires"], "", "exception %s expires on %s: look at its reason again", x.ID, x.Expires.Format(time.DateOnly))
		}
	}
}

// DaysLeft returns for how many days, begun ones included, the exception still holds; 0 and less: it has expired.
func (x *Exception) DaysLeft(now time.Time) int {
	left := x.Expires.Sub(now)
	days := int(left / (24 * time.Hour))
	if left > 0 && left%(24*time.Hour) != 0 {
		days++
	}
	return days
}
