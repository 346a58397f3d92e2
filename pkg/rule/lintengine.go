package rule

import (
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// checkMachine: a condition that closures do not cover costs a hundred times as much.
func checkMachine(l *linter, r *Rule) {
	for _, c := range r.conditions() {
		if !c.native {
			l.warn(r, c.places.at(c.source, 0), "", "the condition runs on expr's machine, which is slow: say it more simply")
		}
	}
}

// checkIndexed: a condition that the index cannot find is held against every event of its class. Alerts are few.
func checkIndexed(l *linter, r *Rule) {
	for _, t := range r.targets() {
		if n := needOf(t.cond.tree); n.why != "" && t.class != event.Alert {
			l.warn(r, t.cond.places.at(t.cond.source, 0), "", "every event of class %s is held against the condition: %s", t.class, onceOnly(nearestWhy(t.cond.tree)))
		}
	}
}

// nearestWhy says of what comes nearest to being looked up why it is not: of several that must all hold, one that says what
// an event is, before those that say what it is not.
func nearestWhy(n ast.Node) string {
	b, ok := n.(*ast.BinaryNode)
	if !ok || b.Operator != "and" {
		return needOf(n).why
	}
	if _, ok := requireRange(b); ok {
		return needOf(n).why
	}
	l, r := nearestWhy(b.Left), nearestWhy(b.Right)
	for _, why := range []string{onlyNot, notLookedUp} {
		switch why {
		case l:
			return r
		case r:
			return l
		}
	}
	return l
}

// onceOnly leaves out what a long row of or says of each side of a side.
func onceOnly(why string) string {
	const side = "one side of or: "
	if last := strings.LastIndex(why, side); last > 0 {
		return why[last:]
	}
	return why
}
