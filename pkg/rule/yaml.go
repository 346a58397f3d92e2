package rule

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/shrike-sec/shrike/pkg/rule/internal/yamltree"
)

// parseYAML returns the file's one document, nil after reporting why there is none.
func (s *source) parseYAML(text []byte) ast.Node {
	if !s.isText() {
		return nil
	}
	file, err := yamltree.Parse(text)
	var syntax *yaml.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Token != nil && syntax.Token.Position != nil:
		s.report(placeOf(syntax.Token), "", "%s", s.inWords(firstLine(syntax.Message), placeOf(syntax.Token)))
	case err != nil:
		s.report(place{1, 1}, "", "%s", firstLine(err.Error()))
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		s.report(place{1, 1}, "", "the file is empty")
	case len(file.Docs) > 1 && file.Docs[1].Body != nil:
		s.report(nodePlace(file.Docs[1].Body), "", "one file holds one document: put the second into a file of its own")
	default:
		return file.Docs[0].Body
	}
	return nil
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return s
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}

// nodePlace returns where a node begins: for block mappings that is their first key, not the colon after it.
func nodePlace(n ast.Node) place {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return nodePlace(n.Values[0])
		}
	case *ast.MappingValueNode:
		if n.Key != nil {
			return placeOf(n.Key.GetToken())
		}
	case nil:
		return place{1, 1}
	}
	return placeOf(n.GetToken())
}

// mapping is a YAML mapping being read: every key asked for is known, the rest is reported by done.
type mapping struct {
	*source
	what   string // for messages: "rule", "threshold", "test"
	at     place
	values map[string]ast.Node
	places map[string]place
	order  []string
	known  []string
}

// mapping reads n as a mapping, or reports that it is none.
func (s *source) mapping(n ast.Node, what string) (*mapping, bool) {
	m := &mapping{source: s, what: what, at: nodePlace(n), values: map[string]ast.Node{}, places: map[string]place{}}
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		s.report(m.at, "", "%s must be a mapping (key: value), not %s", what, nodeKind(n))
		return nil, false
	}
	for _, p := range pairs {
		key, ok := scalar(p.Key)
		if !ok {
			s.report(nodePlace(p), "", "a key must be plain text, not %s", nodeKind(p.Key))
			continue
		}
		if _, twice := m.values[key]; twice {
			s.report(nodePlace(p), "", "%s is given twice", key)
			continue
		}
		m.values[key], m.places[key] = p.Value, nodePlace(p)
		m.order = append(m.order, key)
	}
	return m, true
}

// take returns the value of key, nil when it is absent.
func (m *mapping) take(key string) ast.Node {
	m.known = append(m.known, key)
	n, ok := m.values[key]
	if !ok {
		return nil
	}
	if _, null := n.(*ast.NullNode); null || n == nil {
		m.report(m.places[key], "", "%s has no value", key)
		return nil
	}
	return n
}

// need is take for a key that must be there.
func (m *mapping) need(key string) ast.Node {
	if _, ok := m.values[key]; !ok {
		m.known = append(m.known, key)
		m.report(m.at, "", "%s has no %s", m.what, key)
		return nil
	}
	return m.take(key)
}

// has reports whether the key is there, whatever its value.
func (m *mapping) has(key string) bool { _, ok := m.values[key]; return ok }

// done reports every key that nobody asked for.
func (m *mapping) done() {
	for _, key := range m.order {
		if !contains(m.known, key) {
			m.report(m.places[key], nearest(key, m.known), "unknown key %q in %s", key, m.what)
		}
	}
}

func contains(list []string, s string) bool {
	return slices.Contains(list, s)
}

// scalar returns a scalar's source text (017 stays 017, yes stays yes); ok is false for anything else.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func nodeKind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode, nil:
		return "nothing"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias (rules do not use them)"
	case *ast.TagNode:
		return "a tag (rules do not use them)"
	}
	return "text"
}

// text returns n's text; false after reporting that it has none. n may be nil (absent: no report).
func (s *source) text(n ast.Node, what string) (string, bool) {
	if n == nil {
		return "", false
	}
	v, ok := scalar(n)
	if !ok {
		s.report(nodePlace(n), "", "%s must be text, not %s", what, nodeKind(n))
		return "", false
	}
	if strings.TrimSpace(v) == "" {
		s.report(nodePlace(n), "", "%s is empty", what)
		return "", false
	}
	return v, true
}

// list returns n's elements; a nil n gives none. A single text stands for a list of one only where one is true.
func (s *source) list(n ast.Node, what string) ([]ast.Node, bool) {
	if n == nil {
		return nil, false
	}
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		s.report(nodePlace(n), "", "%s must be a list, not %s", what, nodeKind(n))
		return nil, false
	}
	return seq.Values, true
}

// texts returns the texts of a list.
func (s *source) texts(n ast.Node, what string) []string {
	nodes, ok := s.list(n, what)
	if ok && len(nodes) == 0 {
		s.report(nodePlace(n), "", "%s is an empty list: leave it out, or name something", what)
	}
	var texts []string
	for _, el := range nodes {
		if v, ok := s.text(el, "each of "+what); ok {
			texts = append(texts, strings.TrimSpace(v))
		}
	}
	return texts
}

// word returns a text that must be one of a few.
func (s *source) word(n ast.Node, what string, allowed ...string) string {
	if _, ok := n.(*ast.SequenceNode); ok {
		s.report(nodePlace(n), "", "%s must be one of %s, not a list", what, strings.Join(allowed, ", "))
		return ""
	}
	v, ok := s.text(n, what)
	if !ok {
		return ""
	}
	if !contains(allowed, v) {
		s.report(nodePlace(n), nearest(v, allowed), "%s must be one of %s, not %q", what, strings.Join(allowed, ", "), v)
		return ""
	}
	return v
}

// count returns a whole number of at least 1.
func (s *source) count(n ast.Node, what string) uint64 {
	v, ok := s.text(n, what)
	if !ok {
		return 0
	}
	c, err := strconv.ParseUint(v, 10, 32)
	if err != nil || c == 0 || v[0] == '0' || v[0] == '+' {
		s.report(nodePlace(n), "", "%s must be a whole number from 1 to 4294967295, not %q", what, v)
		return 0
	}
	return c
}

var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

var durationPart = regexp.MustCompile(`^(\d{1,7})(ms|s|m|h|d)`)

// ParseDuration reads a duration as rules write it: 30s, 10m, 24h, 14d or a sequence of them (1h30m).
func ParseDuration(text string) (time.Duration, bool) {
	var d time.Duration
	rest := text
	for rest != "" {
		part := durationPart.FindStringSubmatch(rest)
		if part == nil {
			return 0, false
		}
		n, err := strconv.ParseInt(part[1], 10, 64)
		if err != nil || n > int64((100*365*24*time.Hour)/durationUnits[part[2]]) {
			return 0, false
		}
		d += time.Duration(n) * durationUnits[part[2]]
		rest = rest[len(part[0]):]
	}
	return d, text != "" && d >= 0
}

var everyPart = regexp.MustCompile(`^(\d+(ms|s|m|h|d))+$`)

var durationWords = regexp.MustCompile(`^(\d{1,7}(?:\.\d{1,3})?) ?(s|m|h|d|w)[a-z]*$`)

// durationHint is the duration that somebody means by 1.5h, 2w or 30 minutes, quoted; "" when that is not clear.
func durationHint(text string) string {
	part := durationWords.FindStringSubmatch(strings.ToLower(text))
	if part == nil {
		return ""
	}
	n, err := strconv.ParseFloat(part[1], 64)
	unit := durationUnits[part[2]]
	if part[2] == "w" {
		unit = 7 * 24 * time.Hour
	}
	d := time.Duration(n * float64(unit)).Round(time.Second)
	if _, ok := ParseDuration(FormatDuration(d)); err != nil || !ok || d <= 0 || n > 1e5 {
		return ""
	}
	return `"` + FormatDuration(d) + `"`
}

// duration returns a duration; least is the smallest that is allowed.
func (s *source) duration(n ast.Node, what string, least time.Duration) time.Duration {
	v, ok := s.text(n, what)
	if !ok {
		return 0
	}
	d, ok := ParseDuration(v)
	switch {
	case !ok && everyPart.MatchString(v):
		s.report(nodePlace(n), "", "%s is longer than 100 years: %s", what, v)
	case !ok:
		s.report(nodePlace(n), durationHint(v), "%s must be a duration such as 30s, 10m, 24h or 14d, not %q", what, v)
	case d < least:
		s.report(nodePlace(n), "", "%s must be at least %s, not %q", what, FormatDuration(least), v)
	default:
		return d
	}
	return 0
}

var sizeUnits = map[string]float64{
	"": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
}

var sizePattern = regexp.MustCompile(`^(\d{1,15}(?:\.\d{1,6})?) ?([A-Za-z]*)$`)

// amount returns a number above 0, of bytes when sized: then it may have a unit.
func (s *source) amount(n ast.Node, what string, sized bool) float64 {
	v, ok := s.text(n, what)
	if !ok {
		return 0
	}
	part := sizePattern.FindStringSubmatch(v)
	if part != nil && (sized || part[2] == "") {
		number, err := strconv.ParseFloat(part[1], 64)
		if unit, known := sizeUnits[part[2]]; known && err == nil && number > 0 {
			return number * unit
		}
	}
	if sized {
		s.report(nodePlace(n), "", "%s must be a size such as 500MiB or 10GiB, not %q", what, v)
	} else {
		s.report(nodePlace(n), "", "%s must be a number above 0, not %q", what, v)
	}
	return 0
}
