package rule

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// index finds the rules that an event of one class can match: each rule (of a sequence each step) hangs on what its
// condition needs (see needOf), of all that it needs on what the fewest events have. Those that need nothing that can be
// looked up are tried on every event.
type index struct {
	texts []textIndex
	ints  []intIndex
	parts []partIndex
	rest  []hung

	numbered int    // targets that hang in several places; see target.no
	next     *index // of the targets that there were no more numbers for
}

// maxNumbered is how many targets of an index can hang in several places.
const maxNumbered = 64 * len(tried{})

// tried are the numbered targets that an event has met already, and those of which it fits a side.
type tried [64]uint64

func (s *tried) has(no int) bool { return s[(no-1)/64]&(1<<((no-1)%64)) != 0 }

// first reports whether the target comes for the first time.
func (s *tried) first(no int) bool {
	word, bit := &s[(no-1)/64], uint64(1)<<((no-1)%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}

// hung is a target in its place. Many hang under the same call, and most of these want another field to have one value, too:
// that stands here, because conditions lie all over the memory.
type hung struct {
	*target
	also  bool
	field event.TextField
	value string
}

// newHung is the target in a place where the event fits q.
func newHung(t *target, q requirement) hung {
	h := hung{target: t}
	least := commonplace
	for _, r := range requirements(t.cond.tree) {
		if len(r.texts) != 1 || r.fold || r.field == q.field && !q.fold && len(q.parts) == 0 || r.share() >= least {
			continue
		}
		least, h.also, h.field = r.share(), true, r.field.TextField()
		for v := range r.texts {
			h.value = v
		}
	}
	return h
}

// textIndex has what hangs on the value of a text field.
type textIndex struct {
	field   event.TextField
	targets map[string][]hung
	fold    bool // the values are folded, and the longest has so many bytes
	longest int
}

// find returns the targets that hang on the event's value.
func (x *textIndex) find(e *event.Event) []hung {
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

// intIndex has what hangs on the value of a number.
type intIndex struct {
	field   event.IntField
	targets map[int64][]hung
}

// partIndex has what hangs on a text that a field contains.
type partIndex struct {
	field *event.Field
	words *automaton
	all   []hung
}

func (x *partIndex) text(e *event.Event) string {
	if x.field.Name == rawField {
		return rawText(e)
	}
	return e.Text(x.field.TextField())
}

func newIndex(targets []*target) *index {
	ix := &index{}
	parts := map[*event.Field]map[string][]hung{}
	for i, t := range targets {
		sides := t.sides()
		if ix.numbered+len(sides)+1 > maxNumbered {
			ix.next = newIndex(targets[i:])
			break
		}
		if needOf(t.cond.tree).why != "" {
			ix.rest = append(ix.rest, hung{target: t})
			continue
		}
		whole := 0
		if len(sides) > 1 {
			whole = ix.number()
		}
		for _, side := range sides {
			need := needOf(side.cond.tree)
			side.no, side.whole = 0, whole
			if len(need.any) > 1 || len(need.any[0].parts) > 0 {
				side.no = ix.number()
			}
			for _, q := range need.any {
				ix.hang(side, q, parts)
			}
		}
	}
	for f, targets := range parts {
		x := partIndex{field: f, words: newAutomaton(targets)}
		for _, all := range targets {
			x.all = append(x.all, all...)
		}
		ix.parts = append(ix.parts, x)
	}
	return ix
}

func (ix *index) number() int {
	ix.numbered++
	return ix.numbered
}

// maxSides is how many sides of or hang by themselves at most.
const maxSides = 64

// sides takes a target whose condition is a or b or … apart: an event that the index finds by what b needs is not held
// against a. The target itself is the only side where it is not of that kind.
func (t *target) sides() []*target {
	var trees []ast.Node
	var walk func(n ast.Node)
	walk = func(n ast.Node) {
		if b, ok := n.(*ast.BinaryNode); ok && b.Operator == "or" {
			walk(b.Left)
			walk(b.Right)
			return
		}
		trees = append(trees, n)
	}
	walk(t.cond.tree)
	if len(trees) == 1 || len(trees) > maxSides || !t.cond.native {
		return []*target{t}
	}
	sides := make([]*target, len(trees))
	for i, tree := range trees {
		side, cond := *t, *t.cond
		cond.tree, cond.holds = tree, boolean(tree)
		side.cond = &cond
		sides[i] = &side
	}
	return sides
}

func (ix *index) hang(target *target, q requirement, parts map[*event.Field]map[string][]hung) {
	t := newHung(target, q)
	switch {
	case len(q.parts) > 0:
		if parts[q.field] == nil {
			parts[q.field] = map[string][]hung{}
		}
		for _, p := range q.parts {
			parts[q.field][p] = append(parts[q.field][p], t)
		}
	case q.field.Type == event.TypeText:
		x := ix.textIndex(q.field.TextField(), q.fold)
		for v := range q.texts {
			x.longest = max(x.longest, len(v))
			x.targets[v] = append(x.targets[v], t)
		}
	default:
		x := ix.intIndex(q.field.IntField())
		for v := range q.ints {
			x.targets[v] = append(x.targets[v], t)
		}
	}
}

func (ix *index) textIndex(f event.TextField, fold bool) *textIndex {
	i := slices.IndexFunc(ix.texts, func(x textIndex) bool { return x.field == f && x.fold == fold })
	if i < 0 {
		i = len(ix.texts)
		ix.texts = append(ix.texts, textIndex{field: f, fold: fold, targets: map[string][]hung{}})
	}
	return &ix.texts[i]
}

func (ix *index) intIndex(f event.IntField) *intIndex {
	i := slices.IndexFunc(ix.ints, func(x intIndex) bool { return x.field == f })
	if i < 0 {
		i = len(ix.ints)
		ix.ints = append(ix.ints, intIndex{f, map[int64][]hung{}})
	}
	return &ix.ints[i]
}

// trial is one event's way through an index.
type trial struct {
	event *event.Event
	p     *Profiler // nil: nothing is measured
	tried tried
}

// match appends the targets that match e, measured by p unless it is nil; each comes once.
func (ix *index) match(e *event.Event, dst []Hit, p *Profiler) []Hit {
	before := len(dst)
	for ; ix != nil; ix = ix.next {
		s := trial{event: e, p: p}
		for i := range ix.texts {
			dst = s.try(dst, ix.texts[i].find(e))
		}
		for i := range ix.ints {
			if v, ok := e.Int(ix.ints[i].field); ok {
				dst = s.try(dst, ix.ints[i].targets[v])
			}
		}
		for i := range ix.parts {
			dst = s.parts(dst, &ix.parts[i])
		}
		dst = s.try(dst, ix.rest)
	}
	if len(dst)-before > 1 {
		slices.SortFunc(dst[before:], byPlace)
	}
	return dst
}

// try appends the candidates that match.
func (s *trial) try(dst []Hit, candidates []hung) []Hit {
	for i := range candidates {
		t := &candidates[i]
		if t.also && s.event.Text(t.field) != t.value {
			continue
		}
		if t.no > 0 && !s.tried.first(t.no) || t.whole > 0 && s.tried.has(t.whole) {
			continue
		}
		before := len(dst)
		if s.p != nil {
			dst = s.p.append(dst, t.target, s.event)
		} else if t.matches(s.event) {
			dst = append(dst, t.hit(s.event))
		}
		if t.whole > 0 && len(dst) > before {
			s.tried.first(t.whole)
		}
	}
	return dst
}

// parts tries what hangs on texts that the field contains. Where case is odd all are tried: a letter beyond ASCII may be one
// in ASCII when folded.
func (s *trial) parts(dst []Hit, x *partIndex) []Hit {
	text, state := x.text(s.event), uint32(0)
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return s.try(dst, x.all)
		}
		if state = x.words.after(state, text[i]); state&ends != 0 {
			for n := x.words.node(state); n != nil; n = n.shorter {
				dst = s.try(dst, n.targets)
			}
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
