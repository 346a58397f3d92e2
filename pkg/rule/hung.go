package rule

import (
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// hung is a target in one of its places in an index. What is asked first stands here, because conditions lie all over the
// memory. What an event fits that gets as far is not asked again: rest is what is left of the condition.
type hung struct {
	*target
	rest  []*clause // all have to hold; none: the event matches
	also  *peg      // where the event must be, too; nil: nowhere
	in    uint16    // the field of also, in index.fields
	no    uint16    // from 1, of a target that hangs in several places of its index; 0 in one
	whole uint16    // from 1, of the target of which only a side hangs here; 0: it is all of it
}

// matches is target.matches for an event that the index has brought here.
func (h *hung) matches(e *event.Event) bool {
	return !slices.ContainsFunc(h.rest, func(c *clause) bool { return !c.holds(scope{event: e}) })
}

// maxAlso is how often a target hangs in one place at most.
const maxAlso = 8

// hungWhere is the planned target in a place where events fit q: once, or once for each of a few values that it requires of
// another field.
func (ix *indexing) hungWhere(p plan, q requirement) []hung {
	also := ix.also(p.tree, q)
	h := hung{target: p.target, rest: ix.left(p, q, also), no: p.no, whole: p.whole}
	if also.field == nil {
		return []hung{h}
	}
	h.in = uint16(ix.fieldOf(also))
	var all []hung
	for _, h.also = range ix.pegs(also) {
		all = append(all, h)
	}
	return all
}

// also returns the rarest that a condition requires of another field than q does, if that is one of a few values and the
// index looks at that field anyway. Its field is nil when there is none.
func (ix *indexing) also(tree ast.Node, q requirement) (also requirement) {
	least := commonplace
	for _, r := range requirements(tree) {
		at, values := ix.fieldOf(r), len(r.texts)+len(r.ints)
		if at < 0 || at >= maxKnown || values > maxAlso || values*q.values() > maxSpread || r.share() >= least {
			continue
		}
		if len(q.parts) > 0 || ix.fieldOf(q) != at {
			also, least = r, r.share()
		}
	}
	return also
}

// left returns the clauses of a planned target that do not hold already for every event that fits these.
func (ix *indexing) left(p plan, fits ...requirement) []*clause {
	var left []*clause
	if p.outcome != anyOutcome {
		left = append(left, ix.clause(&ast.BinaryNode{Operator: "==", Left: &ast.IdentifierNode{Value: "outcome"}, Right: &ast.StringNode{Value: p.outcome}}))
	}
	if p.logs {
		left = append(left, &clause{holds: func(s scope) bool { return overLogs(s.event) }})
	}
	if !p.cond.native {
		return append(left, &clause{holds: p.cond.holds})
	}
	for _, n := range operands("and", p.tree) {
		q, ok := exactly(n)
		if !ok || !slices.ContainsFunc(fits, func(fit requirement) bool { return fit.within(q) }) {
			left = append(left, ix.clause(n))
		}
	}
	return left
}
