package rule

import (
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// requirement says that a condition can hold only where the field has one of the values.
type requirement struct {
	field *event.Field
	texts map[string]bool
	ints  map[int64]bool
	fold  bool // the texts are folded, and the field's value has to be for comparing

	// The text of the field (or of raw) contains one of these, in lower case and ASCII, whatever the text's case; or it is not
	// ASCII. For needs only: texts and ints are empty then.
	parts []string
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

// exactly returns the requirement that n is: true of every event that fits it and has the field, and of no other. There is
// none for most conditions.
func exactly(n ast.Node) (q requirement, ok bool) {
	if b, ok := n.(*ast.BinaryNode); ok {
		switch b.Operator {
		case "and":
			return q, false
		case "or":
			l, ok := exactly(b.Left)
			r, too := exactly(b.Right)
			if !ok || !too || l.field != r.field || l.fold != r.fold {
				return q, false
			}
			return l.or(r), true
		}
	}
	if name, args := called(n); name == fnInList {
		return requireList(args[0], args[1].(*ast.ConstantNode).Value.(*list))
	}
	all := requirements(n)
	if len(all) != 1 {
		return q, false
	}
	return all[0], true
}

// values is of how many the field must have one.
func (q requirement) values() int { return len(q.texts) + len(q.ints) + len(q.parts) }

// within reports whether every event that fits q fits the other, too.
func (q requirement) within(other requirement) bool {
	if q.field != other.field || q.fold != other.fold || len(q.parts)+len(other.parts) > 0 {
		return false
	}
	for v := range q.texts {
		if !other.texts[v] {
			return false
		}
	}
	for v := range q.ints {
		if !other.ints[v] {
			return false
		}
	}
	return true
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
