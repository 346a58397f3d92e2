package rule

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// index finds the rules that an event of one class can match: each rule (of a sequence each step) hangs on
// one predicate that its condition requires, a field that must have one of a few values. Those that require none are tried
// on every event.
type index struct {
	texts []textIndex
	ints  []intIndex
	rest  []*target
}

type textIndex struct {
	field   event.TextField
	targets map[string][]*target
	fold    bool // the values are folded, and the longest has so many bytes
	longest int
}

// find returns the targets that hang on the event's value.
func (x *textIndex) find(e *event.Event) []*target {
	v := e.Text(x.field)
	if !x.fold {
		return x.targets[v]
	}
	var room [128]byte
	b, ok := appendFolded(room[:0], v, x.longest)
	if !ok {
		return nil
	}
	return x.targets[string(b)]
}

type intIndex struct {
	field   event.IntField
	targets map[int64][]*target
}

// selective lists the fields to index by, the most telling first; any other field comes after these, outcome last.
var selective = []string{
	"event_name", "rule_id", "query_name", "operation", "error_code", "dst_port", "url_path", "status", "event_source",
	"access_key_id", "actor_type", "method", "src_port", "protocol", "action",
}

func rank(f *event.Field) int {
	if f.Name == "outcome" {
		return len(selective) + 1
	}
	if i := slices.Index(selective, f.Name); i >= 0 {
		return i
	}
	return len(selective)
}

func newIndex(targets []*target) *index {
	ix := &index{}
	for _, t := range targets {
		required := requirements(t.cond.tree)
		if len(required) == 0 {
			ix.rest = append(ix.rest, t)
			continue
		}
		best := required[0]
		for _, q := range required[1:] {
			if rank(q.field) < rank(best.field) {
				best = q
			}
		}
		ix.add(t, best)
	}
	return ix
}

func (ix *index) add(t *target, q requirement) {
	if q.field.Type == event.TypeText {
		h := q.field.TextField()
		i := slices.IndexFunc(ix.texts, func(x textIndex) bool { return x.field == h && x.fold == q.fold })
		if i < 0 {
			i = len(ix.texts)
			ix.texts = append(ix.texts, textIndex{field: h, fold: q.fold, targets: map[string][]*target{}})
		}
		for v := range q.texts {
			ix.texts[i].longest = max(ix.texts[i].longest, len(v))
			ix.texts[i].targets[v] = append(ix.texts[i].targets[v], t)
		}
		return
	}
	h := q.field.IntField()
	i := slices.IndexFunc(ix.ints, func(x intIndex) bool { return x.field == h })
	if i < 0 {
		i = len(ix.ints)
		ix.ints = append(ix.ints, intIndex{h, map[int64][]*target{}})
	}
	for v := range q.ints {
		ix.ints[i].targets[v] = append(ix.ints[i].targets[v], t)
	}
}

// match appends the targets that match e, measured by p unless it is nil. A target hangs on one field and one value of the
// event: it comes once.
func (ix *index) match(e *event.Event, dst []Hit, p *Profiler) []Hit {
	before := len(dst)
	for i := range ix.texts {
		dst = appendMatches(dst, ix.texts[i].find(e), e, p)
	}
	for i := range ix.ints {
		if v, ok := e.Int(ix.ints[i].field); ok {
			dst = appendMatches(dst, ix.ints[i].targets[v], e, p)
		}
	}
	dst = appendMatches(dst, ix.rest, e, p)
	if len(dst)-before > 1 {
		slices.SortFunc(dst[before:], byPlace)
	}
	return dst
}

func appendMatches(dst []Hit, candidates []*target, e *event.Event, p *Profiler) []Hit {
	if p != nil {
		return p.append(dst, candidates, e)
	}
	for _, t := range candidates {
		if t.matches(e) {
			dst = append(dst, t.hit(e))
		}
	}
	return dst
}

func byID(a, b *Rule) int { return strings.Compare(a.ID, b.ID) }

// byPlace orders hits by rule, and those of a sequence by step.
func byPlace(a, b Hit) int {
	if c := byID(a.Rule, b.Rule); c != 0 || a.Step == nil || b.Step == nil {
		return c
	}
	return a.Step.no - b.Step.no
}

// requirement says that a condition can hold only where the field has one of the values.
type requirement struct {
	field *event.Field
	texts map[string]bool
	ints  map[int64]bool
	fold  bool // the texts are folded, and the field's value has to be for comparing
}

// folded returns the requirement without regard to case; false when a text has no folded form.
func (q requirement) folded() (requirement, bool) {
	if q.fold || len(q.ints) > 0 {
		return q, true
	}
	f := requirement{field: q.field, texts: map[string]bool{}, fold: true}
	for v := range q.texts {
		b, ok := appendFolded(nil, v, maxCondition)
		if !ok {
			return q, false
		}
		f.texts[string(b)] = true
	}
	return f, true
}

// requirements reads them off a condition in total form, at most one a field.
func requirements(n ast.Node) []requirement {
	if name, args := called(n); name == fnEqualFold {
		if q, ok := require(args[0], args[1:]...); ok {
			if q, ok = q.folded(); ok {
				return []requirement{q}
			}
		}
		return nil
	}
	b, ok := n.(*ast.BinaryNode)
	if !ok {
		return nil
	}
	switch b.Operator {
	case "and":
		return both(requirements(b.Left), requirements(b.Right))
	case "or":
		return either(requirements(b.Left), requirements(b.Right))
	case "==":
		if q, ok := require(b.Left, b.Right); ok {
			return []requirement{q}
		}
		if q, ok := require(b.Right, b.Left); ok {
			return []requirement{q}
		}
	case "in":
		if array, ok := b.Right.(*ast.ArrayNode); ok {
			if q, ok := require(b.Left, array.Nodes...); ok {
				return []requirement{q}
			}
		}
	}
	return nil
}

// both keeps one requirement a field: either is true of what matches, and the one with fewer values tells more.
func both(l, r []requirement) []requirement {
	for _, q := range r {
		i := slices.IndexFunc(l, func(p requirement) bool { return p.field == q.field })
		switch {
		case i < 0:
			l = append(l, q)
		case len(q.texts)+len(q.ints) < len(l[i].texts)+len(l[i].ints):
			l[i] = q
		}
	}
	return l
}

// either keeps the fields that both sides require something of.
func either(l, r []requirement) []requirement {
	var kept []requirement
	for _, p := range l {
		for _, q := range r {
			if p.field != q.field {
				continue
			}
			if p.fold != q.fold {
				var ok, too bool
				if p, ok = p.folded(); !ok {
					continue
				}
				if q, too = q.folded(); !too {
					continue
				}
			}
			for v := range q.texts {
				p.texts[v] = true
			}
			for v := range q.ints {
				p.ints[v] = true
			}
			kept = append(kept, p)
		}
	}
	return kept
}

// require reads field == literal, or field in literals.
func require(n ast.Node, literals ...ast.Node) (requirement, bool) {
	f := fieldOf(n)
	if f == nil || (f.Type != event.TypeText && f.Type != event.TypeInt) {
		return requirement{}, false
	}
	q := requirement{field: f, texts: map[string]bool{}, ints: map[int64]bool{}}
	for _, l := range literals {
		switch l := l.(type) {
		case *ast.StringNode:
			q.texts[l.Value] = true
		case *ast.IntegerNode:
			q.ints[int64(l.Value)] = true
		default:
			return requirement{}, false
		}
	}
	return q, true
}
