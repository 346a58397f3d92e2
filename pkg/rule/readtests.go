package rule

import (
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// readTests reads the tests inside the rule: at least one that expects alerts and one that expects none, unless the rule is
// experimental.
func readTests(m *mapping, r *Rule) {
	n := needed(m, r, "tests")
	if n == nil {
		return
	}
	nodes, ok := m.list(n, "tests")
	if !ok {
		return
	}
	positive, negative := false, false
	for _, el := range nodes {
		t, good := readTest(m.source, el, r)
		r.Tests = append(r.Tests, t)
		ok = ok && good
		positive = positive || len(t.Alerts) > 0
		negative = negative || len(t.Alerts) == 0
	}
	if !ok || r.Maturity == Experimental { // the broken one may be the one that is missing
		return
	}
	if !positive {
		m.report(m.places["tests"], "", "no test expects an alert: a rule shows by example what it finds")
	}
	if !negative {
		m.report(m.places["tests"], "", "no test expects no alert: a rule shows by a near miss what it leaves alone (alerts: [])")
	}
}

func readTest(s *source, n ast.Node, r *Rule) (Test, bool) {
	m, ok := s.mapping(n, "the test")
	if !ok {
		return Test{}, false
	}
	before := len(*s.problems)
	t := Test{Line: m.at.line}
	nameNode := m.need("name")
	t.Name, _ = m.text(nameNode, "name")
	if t.Name != "" && findTest(r.Tests, t.Name) {
		m.report(nodePlace(nameNode), "", "two tests are named %q", t.Name)
	}
	logsNode := m.need("logs")
	logs, _ := m.list(logsNode, "logs")
	if logsNode != nil && len(logs) == 0 && len(*s.problems) == before {
		m.report(nodePlace(logsNode), "", "a test needs at least one log")
	}
	for _, el := range logs {
		t.Logs = append(t.Logs, readTestLog(s, el, r))
	}
	if n := m.take("until"); n != nil {
		t.Until = m.duration(n, "until", time.Second)
		if r.Absence == nil {
			m.report(nodePlace(n), "", "until is for rules of kind absence: all others are decided at the end of their logs")
		}
	}
	alerts, _ := m.list(m.need("alerts"), "alerts")
	for _, el := range alerts {
		t.Alerts = append(t.Alerts, readTestAlert(s, el, r))
	}
	m.done()
	return t, len(*s.problems) == before
}

func findTest(tests []Test, name string) bool {
	for _, t := range tests {
		if t.Name == name {
			return true
		}
	}
	return false
}

func readTestLog(s *source, n ast.Node, r *Rule) TestLog {
	m, ok := s.mapping(n, "the log")
	if !ok {
		return TestLog{}
	}
	var l TestLog
	l.Raw, _ = m.text(m.take("raw"), "raw")
	l.Raw = strings.TrimRight(l.Raw, "\n")
	if like := m.take("like"); like != nil {
		l.Like, _ = m.text(like, "like")
		if l.Like != "" && !findTest(r.Tests, l.Like) {
			m.report(nodePlace(like), nearest(l.Like, testNames(r.Tests)), "no earlier test is named %q", l.Like)
		}
	}
	if m.has("raw") == m.has("like") {
		m.report(m.at, "", "a log has either raw (a line as delivered) or like (the name of an earlier test)")
	}
	if n := m.take("replace"); n != nil {
		l.Replace = readReplace(s, n)
	}
	if n := m.take("repeat"); n != nil {
		l.Repeat = int(m.count(n, "repeat"))
		if l.Repeat > 100_000 {
			m.report(nodePlace(n), "", "repeat is at most 100000")
		}
	}
	l.Every = m.duration(m.take("every"), "every", 0)
	if n := m.take("at"); n != nil {
		at := m.duration(n, "at", 0)
		l.At = &at
	}
	l.Format, _ = m.text(m.take("format"), "format")
	l.Layout, _ = m.text(m.take("layout"), "layout")
	m.done()
	return l
}

func testNames(tests []Test) []string {
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.Name
	}
	return names
}

func readReplace(s *source, n ast.Node) map[string]string {
	m, ok := s.mapping(n, "replace")
	if !ok {
		return nil
	}
	replace := map[string]string{}
	for _, old := range m.order {
		m.known = append(m.known, old)
		v, ok := scalar(m.values[old])
		switch {
		case !ok:
			m.report(m.places[old], "", "replace maps text to text, not to %s", nodeKind(m.values[old]))
		case old == "":
			m.report(m.places[old], "", "replace cannot replace nothing")
		default:
			replace[old] = v
		}
	}
	return replace
}

func readTestAlert(s *source, n ast.Node, r *Rule) TestAlert {
	m, ok := s.mapping(n, "the alert")
	if !ok {
		return TestAlert{}
	}
	var a TestAlert
	if n := m.take("severity"); n != nil {
		a.Severity = m.word(n, "severity", severities...)
	}
	if n := m.take("count"); n != nil {
		a.Count = m.count(n, "count")
	}
	if n := m.take("group"); n != nil {
		a.Group = readTestGroup(s, n, r)
	}
	m.done()
	return a
}

func readTestGroup(s *source, n ast.Node, r *Rule) map[string]string {
	m, ok := s.mapping(n, "group")
	if !ok {
		return nil
	}
	group := map[string]string{}
	for _, name := range m.order {
		n := m.take(name)
		v, ok := "", false
		if n != nil {
			v, ok = scalar(n) // the text as written: account ids keep their zeros
		}
		switch {
		case n != nil && !ok:
			m.report(m.places[name], "", "group maps keys to text, not to %s", nodeKind(n))
		case len(r.GroupBy) > 0 && !hasKey(r.GroupBy, name):
			m.report(m.places[name], nearest(name, keyNames(r.GroupBy)), "the rule does not group by %s", name)
		case ok:
			group[name] = v
		}
	}
	return group
}

func keyNames(keys []Key) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Name
	}
	return names
}
