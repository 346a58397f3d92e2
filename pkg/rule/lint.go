package rule

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"

	"github.com/shrike-sec/shrike/pkg/rule/attack"
	"github.com/shrike-sec/shrike/pkg/rule/awsapi"
)

// Warning is something in a rule that is allowed and probably not meant, or not wise. A rule that means it says so with
// lint: { ignore: [code] }.
type Warning struct {
	Problem
	Code string // kebab-case, one of WarningCodes
}

// Error returns "file:line:col: warning: message (did you mean "x"?) [code]" and, below it, the excerpt.
func (w Warning) Error() string {
	p := w.Problem
	p.Message, p.Hint = "warning: "+w.Summary()+" ["+w.Code+"]", ""
	return p.Error()
}

// LintOptions says what warnings depend on beside the rules.
type LintOptions struct {
	Now time.Time // what has expired is judged by it; zero: nothing has
}

// checks lists all warnings: a new one is a line here.
var checks = []struct {
	code  string
	check func(l *linter, r *Rule)
}{
	{"no-tests", checkTests},
	{"revoked-technique", checkRevoked},
	{"unknown-event-name", checkEventName},
	{"unknown-event-source", checkEventSource},
	{"unknown-technique", checkTechnique},
	{"expired-exception", checkExceptions},
	{"machine", checkMachine},
	{"never-matches", checkNever},
	{"not-indexed", checkIndexed},
}

// WarningCodes returns the codes that a warning may have.
func WarningCodes() []string {
	codes := make([]string, len(checks))
	for i, c := range checks {
		codes[i] = c.code
	}
	return codes
}

// Lint returns what is to be said about rules that are good enough to load, sorted by file and place.
func (s *Set) Lint(o LintOptions) []Warning {
	l := &linter{o: o, set: s}
	for _, r := range s.rules {
		for _, c := range checks {
			if l.code = c.code; !contains(r.ignore, c.code) {
				c.check(l, r)
			}
		}
	}
	slices.SortStableFunc(l.warnings, func(a, b Warning) int {
		return cmp.Or(a.compare(b.Problem), strings.Compare(a.Code, b.Code))
	})
	return l.warnings
}

// linter collects warnings.
type linter struct {
	o        LintOptions
	set      *Set
	code     string // of the check that runs
	warnings []Warning

	calls  *awsapi.Calls  // nil until needed
	attack *attack.Matrix // nil until needed
}

// warn notes a warning at a place of the rule's file.
func (l *linter) warn(r *Rule, at place, hint, message string, args ...any) {
	l.warnAt(r.File, r.origin.lines, at, hint, message, args...)
}

// warnAt notes a warning at a place of any file.
func (l *linter) warnAt(file string, lines []string, at place, hint, message string, args ...any) {
	var found Problems
	s := &source{file: file, lines: lines, problems: &found}
	if len(s.lines) == 0 { // a rule that was read from no file has no places
		s.lines = []string{""}
	}
	s.report(at, hint, message, args...)
	l.warnings = append(l.warnings, Warning{found[0], l.code})
}

// origin says where the parts of a rule stand in its file.
type origin struct {
	lines  []string
	keys   map[string]place // of the keys at the top
	attack []place          // of each of attack
}

// readLint reads what the rule's author has been told and does not want to hear again.
func readLint(m *mapping, r *Rule) {
	n := m.take("lint")
	if n == nil {
		return
	}
	b, ok := m.mapping(n, "lint")
	if !ok {
		return
	}
	ignore := b.need("ignore")
	r.ignore = b.texts(ignore, "ignore")
	for i, code := range r.ignore {
		if codes := WarningCodes(); !contains(codes, code) {
			b.report(elementPlace(ignore, i), nearest(code, codes), "no warning has the code %q", code)
		}
	}
	b.done()
}

// elementPlace returns where the i-th element of a list begins.
func elementPlace(n ast.Node, i int) place {
	if seq, ok := n.(*ast.SequenceNode); ok && i < len(seq.Values) {
		return nodePlace(seq.Values[i])
	}
	return nodePlace(n)
}

// textPlaces is where the lines of a text stand in its file.
type textPlaces []place

// placesOf finds them for the text of a YAML scalar.
func (s *source) placesOf(n ast.Node, text string) textPlaces {
	var places textPlaces
	for offset := 0; ; {
		places = append(places, s.inside(n, text, offset))
		end := strings.IndexByte(text[offset:], '\n')
		if end < 0 {
			return places
		}
		offset += end + 1
	}
}

// at returns the place of a byte of the text.
func (p textPlaces) at(text string, offset int) place {
	before := text[:min(offset, len(text))]
	line := strings.Count(before, "\n")
	if line >= len(p) {
		return place{1, 1}
	}
	before = before[strings.LastIndexByte(before, '\n')+1:]
	return place{p[line].line, p[line].column + utf8.RuneCountInString(before)}
}

// checkTests: only rules that are said to be experimental load without tests.
func checkTests(l *linter, r *Rule) {
	if len(r.Tests) == 0 {
		l.warn(r, r.origin.keys["id"], "", "the rule has no tests: show by example what it finds, and by a near miss what it leaves alone")
	}
}
