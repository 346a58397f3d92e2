package rule

import (
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// checkNever: what can hardly be true loads, since somebody may mean it, and finds nothing.
func checkNever(l *linter, r *Rule) {
	l.eachLiteral(r, func(at site, lit literal) {
		v := lit.node.Value
		if lit.prefix || len(v) < 2 || !strings.Contains(v, "*") || !named(lit.field.Name) {
			return
		}
		l.warnIn(at, lit.node, "", "%s is compared with %q as it stands: * is any text in glob(%[1]s, %[2]q)", lit.field.Name, v)
	})
	for _, t := range r.targets() {
		at := site{t.cond, r.File, r.origin.lines}
		if t.outcome != anyOutcome {
			wants := requirement{field: event.Lookup("outcome"), texts: map[string]bool{t.outcome: true}}
			l.never(at, t.cond.tree, []requirement{wants})
		} else {
			l.never(at, t.cond.tree, nil)
		}
		l.clocks(at, t.cond.tree)
	}
}

// named reports whether a text field holds a name that has no * in it.
func named(field string) bool {
	for _, end := range []string{"actor", "_arn", "_id", "event_name", "native_name", "actor_name", "event_source", "region", "_type"} {
		if strings.HasSuffix(field, end) {
			return true
		}
	}
	return false
}

// never warns of parts that must all hold and require of one field what it cannot be at once. It returns what they require.
func (l *linter) never(at site, n ast.Node, held []requirement) []requirement {
	if b, ok := n.(*ast.BinaryNode); ok && b.Operator == "and" {
		if _, ok := requireRange(b); !ok {
			return l.never(at, b.Right, l.never(at, b.Left, held))
		}
	}
	for _, q := range requirements(n) {
		for _, h := range held {
			if h.field != q.field || h.fold || q.fold || len(h.parts)+len(q.parts) > 0 || h.meets(q) {
				continue
			}
			l.warnIn(at, literalIn(n), "", "this never holds: %s must be %s at once", q.field.Name, h.said()+" and "+q.said())
		}
		held = append(held, q)
	}
	return held
}

// literalIn is the first literal of a part: comparisons in total form have no place in the source, their literals do.
func literalIn(n ast.Node) ast.Node {
	switch part := n.(type) {
	case *ast.BinaryNode:
		switch part.Right.(type) {
		case *ast.StringNode, *ast.IntegerNode:
			return part.Right
		}
		return literalIn(part.Right)
	case *ast.ArrayNode:
		return part.Nodes[0]
	case *ast.CallNode:
		return part.Arguments[len(part.Arguments)-1]
	}
	return n
}

// meets reports whether one value fits both.
func (q requirement) meets(other requirement) bool {
	for v := range q.texts {
		if other.texts[v] {
			return true
		}
	}
	for v := range q.ints {
		if other.ints[v] {
			return true
		}
	}
	return false
}

// said is what a requirement asks for, in words; of numbers nothing.
func (q requirement) said() string {
	if len(q.texts) == 0 {
		return "one number"
	}
	return strings.Join(slices.Sorted(maps.Keys(q.texts)), " or ")
}
