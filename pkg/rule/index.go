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
//
// Each field is looked up once an event, and gives a peg. What hangs there and wants another field to be on a peg of its own
// takes comparing two pointers; only of what is left then are conditions asked, without what the pegs say already. So what
// many rules cost is what they differ in, and not how many they are.
type index struct {
	fields []fieldIndex
	parts  []partIndex
	rest   []hung // tried on every event

	numbered int    // targets that hang in several places; see hung.no
	next     *index // of the targets that there were no more numbers for
}

// maxKnown is of how many fields an event's pegs are known while it is held against targets: the first of index.fields.
const maxKnown = 32

// maxNumbered is how many targets of an index can hang in several places.
const maxNumbered = 64 * len(tried{})

// tried are the numbered targets that an event has met already, and those of which it fits a side.
type tried [64]uint64

func (s *tried) has(no uint16) bool { return s[(no-1)/64]&(1<<((no-1)%64)) != 0 }

// first reports whether the target comes for the first time.
func (s *tried) first(no uint16) bool {
	word, bit := &s[(no-1)/64], uint64(1)<<((no-1)%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
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

// plan is a target that is to be hung, or a side of one.
type plan struct {
	*target
	tree      ast.Node // of the condition, or the side
	need      need
	no, whole uint16 // see hung
}

// indexing is an index that is being made.
type indexing struct {
	*index
	plans   []plan
	words   map[*event.Field]map[string][]hung // of parts
	clauses map[string]*clause                 // by how they are spelled
	shared  int                                // clauses with a number
}

func newIndex(targets []*target) *index {
	ix := &indexing{index: &index{}, words: map[*event.Field]map[string][]hung{}, clauses: map[string]*clause{}}
	for i, t := range targets {
		if !ix.plan(t) {
			ix.next = newIndex(targets[i:])
			break
		}
	}
	for _, p := range ix.plans {
		for _, q := range p.need.any {
			ix.hang(ix.hungWhere(p, q), q)
		}
	}
	for f, words := range ix.words {
		x := partIndex{field: f, words: newAutomaton(words)}
		for _, all := range words {
			x.all = append(x.all, all...)
		}
		ix.parts = append(ix.parts, x)
	}
	return ix.index
}

// plan plans where the target is to hang; false when there are not enough numbers.
func (ix *indexing) plan(t *target) bool {
	sides := t.sides()
	if ix.numbered+len(sides)+1 > maxNumbered {
		return false
	}
	if needOf(t.cond.tree).why != "" {
		ix.rest = append(ix.rest, hung{target: t, rest: ix.left(plan{target: t, tree: t.cond.tree})})
		return true
	}
	whole := uint16(0)
	if len(sides) > 1 {
		whole = ix.number()
	}
	for _, side := range sides {
		p := plan{target: t, tree: side, need: needOf(side), whole: whole}
		if len(p.need.any) > 1 || len(p.need.any[0].parts) > 0 {
			p.no = ix.number()
		}
		for _, q := range p.need.any {
			if len(q.parts) == 0 {
				ix.addField(q)
			}
		}
		ix.plans = append(ix.plans, p)
	}
	return true
}

func (ix *index) number() uint16 {
	ix.numbered++
	return uint16(ix.numbered)
}

// hang hangs all where events fit q.
func (ix *indexing) hang(all []hung, q requirement) {
	if len(q.parts) == 0 {
		for _, p := range ix.pegs(q) {
			p.targets = append(p.targets, all...)
		}
		return
	}
	if ix.words[q.field] == nil {
		ix.words[q.field] = map[string][]hung{}
	}
	for _, w := range q.parts {
		ix.words[q.field][w] = append(ix.words[q.field][w], all...)
	}
}

// trial is one event's way through an index.
type trial struct {
	event *event.Event
	p     *Profiler      // nil: nothing is measured
	at    [maxKnown]*peg // of the event, in the order of index.fields
	tried tried
	answers
}

// match appends the targets that match e, measured by p unless it is nil; each comes once.
func (ix *index) match(e *event.Event, dst []Hit, p *Profiler) []Hit {
	before := len(dst)
	for ; ix != nil; ix = ix.next {
		s := trial{event: e, p: p}
		known := ix.fields[:min(len(ix.fields), maxKnown)]
		for i := range known {
			s.at[i] = known[i].find(e)
		}
		for i := range known {
			dst = s.hanging(dst, s.at[i])
		}
		for _, x := range ix.fields[len(known):] {
			dst = s.hanging(dst, x.find(e))
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

// hanging appends the targets on a peg that match.
func (s *trial) hanging(dst []Hit, p *peg) []Hit {
	if p == nil {
		return dst
	}
	return s.try(dst, p.targets)
}

// try appends the candidates that match.
func (s *trial) try(dst []Hit, candidates []hung) []Hit {
	for i := range candidates {
		t := &candidates[i]
		if t.also != nil && s.at[t.in] != t.also {
			continue
		}
		if t.no > 0 && !s.tried.first(t.no) || t.whole > 0 && s.tried.has(t.whole) {
			continue
		}
		before := len(dst)
		if s.p != nil {
			dst = s.p.append(dst, t, s.event)
		} else if s.matches(t) {
			dst = append(dst, t.hit(s.event))
		}
		if t.whole > 0 && len(dst) > before {
			s.tried.first(t.whole)
		}
	}
	return dst
}

// matches is hung.matches that asks a clause once for all targets.
func (s *trial) matches(h *hung) bool {
	for _, c := range h.rest {
		if !s.holds(c, s.event) {
			return false
		}
	}
	return true
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
