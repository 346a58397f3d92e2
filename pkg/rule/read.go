package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

var (
	idPattern     = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	attackPattern = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
)

// laterKinds are kinds of rules that the language has and this version does not evaluate.
var laterKinds = []string{"query"}

// readRule reads one rule file. It returns nil when the file is no YAML mapping; else the rule, which is good only if
// nothing was reported.
func readRule(s *source, text []byte, lists *lists) *Rule {
	body := s.parseYAML(text)
	if body == nil {
		return nil
	}
	m, ok := s.mapping(body, "the rule")
	if !ok {
		return nil
	}
	if m.has("detection") && m.has("logsource") {
		m.report(m.places["detection"], "", "this is a Sigma rule: shrike rules import-sigma makes a rule of it")
		return nil
	}
	if later := laterKind(m); later != "" {
		m.report(m.places[later], "", "kind %s is not available yet", later)
		return nil
	}
	r := &Rule{File: s.file, Version: versionOf(text)}
	readID(m, r)
	readStanding(m, r)
	names := readMatching
	if m.has("sequence") {
		names = readSequence
	}
	named := readWords(m, r, names(m, r, lists))
	readSeverity(m, r, lists)
	readDedup(m, r)
	readTests(m, r)
	readLint(m, r)
	readSource(m, r)
	m.done()
	r.origin.lines, r.origin.keys = s.lines, m.places
	r.Capture = union(r.GroupBy, r.Show, named)
	if r.Sequence != nil {
		r.Capture = nil
		for _, s := range r.Sequence.Steps {
			r.Capture = union(r.Capture, s.Capture)
		}
	}
	r.Hash = r.identity()
	return r
}

// readStanding reads mode and maturity.
func readStanding(m *mapping, r *Rule) {
	r.Mode, r.Maturity = Live, Stable
	if n := m.take("mode"); n != nil {
		r.Mode = Mode(m.word(n, "mode", string(Live), string(DryRun), string(Off)))
	}
	if n := m.take("maturity"); n != nil {
		r.Maturity = Maturity(m.word(n, "maturity", string(Stable), string(Trial), string(Experimental)))
	}
}

// versionOf identifies the text of a file.
func versionOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

// union joins lists of keys, each name once.
func union(lists ...[]Key) []Key {
	var all []Key
	for _, keys := range lists {
		for _, k := range keys {
			if !hasKey(all, k.Name) {
				all = append(all, k)
			}
		}
	}
	return all
}

func laterKind(m *mapping) string {
	for _, kind := range laterKinds {
		if m.has(kind) {
			return kind
		}
	}
	return ""
}

func readID(m *mapping, r *Rule) {
	n := m.need("id")
	if id, ok := m.text(n, "id"); ok {
		r.ID = id
		file := strings.TrimSuffix(path.Base(strings.ReplaceAll(m.file, `\`, "/")), ".yml")
		switch {
		case !idPattern.MatchString(id):
			m.report(nodePlace(n), "", "id must be kebab-case (a-z, 0-9, -), not %q", id)
		case id != file:
			m.report(nodePlace(n), "", "id must be the file's name, %q, not %q", file, id)
		}
	}
}

// readMatching reads what a rule of one class looks for: all kinds but sequence.
func readMatching(m *mapping, r *Rule, lists *lists) naming {
	t := readTarget(m, lists)
	r.Class, r.Outcome, r.When, r.cond = t.class, t.outcome, t.when, t.cond
	readKind(m, r)
	r.GroupBy = m.keys(m.take("group_by"), "group_by", m.key, r.Class)
	checkElements(m, r)
	r.Show = m.keys(m.take("show"), "show", m.key, r.Class)
	if r.Class == event.None {
		return nil
	}
	return func(name string) (Key, *mistake) {
		words := append(r.toldNames(), builtins...)
		if contains(words, name) {
			return Key{}, nil
		}
		k, bad := parseKey(name, r.Class)
		if bad != nil && bad.hint == "" {
			if bad.hint = nearest(name, words); bad.hint == "" && event.Lookup(name) == nil {
				bad.message += "; beside fields there are " + strings.Join(words, ", ")
			}
		}
		return k, bad
	}
}

// toldNames are the numbers that title, runbook and pivots of a rule of this kind may name beside builtins.
func (r *Rule) toldNames() []string {
	switch {
	case r.Baseline != nil: // of the highest bucket that fired, and what it was held against
		return []string{"value", "usual"}
	case r.Distinct != nil, r.Sum != nil, // what the matches of the alert come to
		r.Average != nil && r.Average.Quantile == 0: // the mean of the bucket that is the farthest out
		return []string{"value"}
	}
	return nil
}

// checkElements reports keys whose elements do not go together.
func checkElements(m *mapping, r *Rule) {
	if _, err := NewElements(r.Taken()); err != nil {
		at, ok := m.places["group_by"]
		if !ok {
			at = m.places[r.Kind()]
		}
		m.report(at, "", "%s", err)
	}
}

// written is a target as the rule writes it.
type written struct {
	class   event.Class
	outcome string
	when    string
	cond    *condition
}

// readTarget reads class, outcome and when, of a rule or of a step.
func readTarget(m *mapping, lists *lists) written {
	var t written
	if class := m.word(m.need("class"), "class", "api", "flow", "http", "dns", "alert"); class != "" {
		t.class, _ = event.ParseClass(class)
	}
	t.outcome = anyOutcome
	switch n := m.take("outcome"); {
	case t.class != event.Alert:
		t.outcome = m.word(m.need("outcome"), "outcome", event.Success, event.Failure, anyOutcome)
	case n != nil:
		m.report(m.places["outcome"], "", "alerts have no outcome: leave it out")
	}
	t.when, t.cond = readCondition(m, m.need("when"), t.class, lists)
	return t
}

// readCondition reads a condition on events of class c; without a class it is not compiled. n may be nil.
func readCondition(m *mapping, n ast.Node, c event.Class, lists *lists) (source string, cond *condition) {
	if n == nil {
		return "", nil
	}
	lit, ok := n.(*ast.LiteralNode)
	if !ok || !strings.HasPrefix(lit.Start.Value, "|") {
		m.report(nodePlace(n), "", "when must be a block: write `when: |` and the condition below it, indented (elsewhere YAML takes # and : for itself)")
		return "", nil
	}
	source = strings.TrimRight(lit.Value.Value, " \n")
	if strings.TrimSpace(source) == "" {
		m.report(nodePlace(n), "", "when is empty")
		return "", nil
	}
	if c == event.None {
		return source, nil
	}
	cond, bad := compile(source, c, lists)
	for _, b := range bad {
		m.report(m.inside(n, lit.Value.Value, b.offset), b.hint, "%s", b.message)
	}
	if cond != nil {
		cond.places = m.placesOf(n, lit.Value.Value)
	}
	return source, cond
}

// kinds lists the blocks that make a rule of another kind than match, each with what reads it.
var kinds = []struct {
	name string
	read func(b *mapping, r *Rule)
}{
	{"threshold", readThreshold},
	{"distinct", readDistinct},
	{"sum", readSum},
	{"average", readAverage},
	{"first_seen", readFirstSeen},
	{"baseline", readBaseline},
	{"absence", readAbsence},
}

// readKind reads the one block that says how matches become alerts.
func readKind(m *mapping, r *Rule) {
	var first string
	for _, kind := range kinds {
		n := m.take(kind.name)
		if n == nil {
			continue
		}
		if first != "" {
			m.report(m.places[kind.name], "", "a rule has one kind: %s is given already", first)
		}
		first = kind.name
		if block, ok := m.mapping(n, kind.name); ok {
			kind.read(block, r)
			block.done()
		}
	}
}

func readThreshold(b *mapping, r *Rule) {
	r.Threshold = &Threshold{Count: b.count(b.need("count"), "count"), Within: within(b)}
}

func readDistinct(b *mapping, r *Rule) {
	d := &Distinct{Count: b.count(b.need("count"), "count"), Within: within(b)}
	d.Of, _ = b.key(b.need("of"), "of", r.Class)
	r.Distinct = d
}

func readSum(b *mapping, r *Rule) {
	n := b.need("of")
	s := &Sum{Within: within(b)}
	var ok bool
	if s.Of, ok = b.key(n, "of", r.Class); ok && !s.Of.number() {
		b.report(nodePlace(n), "", "sum adds up numbers, and %s is %s", s.Of.Name, kindOf(s.Of.Field))
	}
	s.Total = b.amount(b.need("total"), "total", ok && s.Of.Field.Unit == "bytes")
	r.Sum = s
}

func readFirstSeen(b *mapping, r *Rule) {
	f := &FirstSeen{}
	switch n := b.need("value").(type) {
	case *ast.SequenceNode:
		f.Value = b.keys(n, "value", b.key, r.Class)
	case nil:
	default:
		if k, ok := b.key(n, "value", r.Class); ok {
			f.Value = []Key{k}
		}
	}
	f.Learning = b.duration(b.need("learning"), "learning", 0)
	if n := b.take("forget"); n != nil {
		if f.Forget = b.duration(n, "forget", time.Second); f.Forget > 0 && f.Forget < f.Learning {
			b.report(nodePlace(n), "", "forget must not be shorter than learning")
		}
	}
	r.FirstSeen = f
}

func within(b *mapping) time.Duration { return b.duration(b.need("within"), "within", time.Second) }

func readDedup(m *mapping, r *Rule) {
	if n := m.take("dedup"); n != nil {
		r.Dedup = m.duration(n, "dedup", time.Second)
		if w := r.Window(); r.Dedup > 0 && r.Dedup < w {
			m.report(nodePlace(n), "", "dedup must not be shorter than the window: one burst would be several alerts")
		}
	}
}

// readWords reads what the person who gets the alert will read; it returns the keys that title, runbook and pivots name.
func readWords(m *mapping, r *Rule, names naming) []Key {
	titleNode := m.need("title")
	title, named := m.template(titleNode, "title", names)
	r.Title = title
	if open := strings.LastIndexByte(title.Source, '{'); open > strings.LastIndexByte(title.Source, '}') {
		m.report(m.inside(titleNode, title.Source, open), "", "{ without }: a field is named {actor}")
	}
	n := needed(m, r, "attack")
	r.Attack = m.texts(n, "attack")
	for i, id := range r.Attack {
		r.origin.attack = append(r.origin.attack, elementPlace(n, i))
		if !attackPattern.MatchString(id) {
			hint := ""
			if upper := strings.ToUpper(id); attackPattern.MatchString(upper) {
				hint = `"` + upper + `"`
			}
			m.report(elementPlace(n, i), hint, "%q is not an ATT&CK technique (T1078 or T1078.004)", id)
		}
	}
	r.FalsePositives = m.texts(needed(m, r, "false_positives"), "false_positives")
	r.Tags = m.texts(m.take("tags"), "tags")
	n = m.take("references")
	r.References = m.texts(n, "references")
	for _, u := range r.References {
		if !strings.HasPrefix(u, "https://") && !strings.HasPrefix(u, "http://") {
			m.report(nodePlace(n), "", "a reference is a web address, not %q", u)
		}
	}
	runbook, more := m.template(m.need("runbook"), "runbook", names)
	r.Runbook = runbook
	return append(append(named, more...), readPivots(m, r, names)...)
}

// identity hashes what decides which alert a match belongs to: condition, kind, window and group. Severity, texts,
// dedup and learning time may change without making another rule of it, and so may blanks and comments in the condition.
func (r *Rule) identity() string {
	var b strings.Builder
	fmt.Fprintf(&b, "1\x00%s\x00%s\x00%s\x00", r.Class, r.Outcome, r.cond.canonical())
	switch {
	case r.Threshold != nil:
		fmt.Fprintf(&b, "threshold\x00%d\x00%d", r.Threshold.Count, r.Threshold.Within)
	case r.Distinct != nil:
		fmt.Fprintf(&b, "distinct\x00%s\x00%d\x00%d", r.Distinct.Of.Name, r.Distinct.Count, r.Distinct.Within)
	case r.Sum != nil:
		fmt.Fprintf(&b, "sum\x00%s\x00%g\x00%d", r.Sum.Of.Name, r.Sum.Total, r.Sum.Within)
	case r.Average != nil:
		r.Average.identify(&b)
	case r.Sequence != nil:
		r.Sequence.identify(&b)
	case r.FirstSeen != nil:
		b.WriteString("first_seen")
		for _, k := range r.FirstSeen.Value {
			b.WriteString("\x00" + k.Name)
		}
	case r.Baseline != nil:
		r.Baseline.identify(&b)
	case r.Absence != nil:
		r.Absence.identify(&b)
	default:
		b.WriteString("match")
	}
	b.WriteString("\x00group")
	for _, k := range r.GroupBy {
		b.WriteString("\x00" + k.Name)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:8])
}
