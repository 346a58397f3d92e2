package rule

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

// condition is a compiled `when`. It is immutable and safe for concurrent use.
type condition struct {
	tree    ast.Node // total form
	holds   predicate
	native  bool     // closures; false: expr's machine
	machine *machine // the same tree for expr's machine
	lists   []*list
	written string // as parsed: without blanks and comments

	source string     // as in the file
	places textPlaces // of source's lines in the file
}

// scope is what a part of a condition is evaluated against: the event and, inside any, all … the element #. It is
// passed by value so that evaluation allocates nothing.
type scope struct {
	event *event.Event
	text  string          // # of a list
	value *fastjson.Value // # of an array inside an object
}

type predicate func(scope) bool

// compile checks and compiles a condition. With mistakes there is no condition.
func compile(source string, class event.Class, ls *lists) (*condition, []*mistake) {
	c, tree := check(source, class, ls)
	if len(c.mistakes) > 0 {
		return nil, c.mistakes
	}
	m, err := newMachine(tree, c.fields)
	if err != nil {
		return nil, []*mistake{{message: fmt.Sprintf("the condition cannot be compiled: %s", firstLine(err.Error()))}}
	}
	cond := &condition{tree: tree.Node, machine: m, lists: c.used, written: c.written, source: source}
	if cond.holds, cond.native = compileCondition(tree.Node); !cond.native {
		cond.holds = func(s scope) bool { return m.holds(s.event) }
	}
	return cond, nil
}

// canonical returns the condition as its author wrote it but for blanks and comments, "" for none. It is taken before
// the tree is made total, so that how that is done may change without making another rule of it.
func (c *condition) canonical() string {
	if c == nil {
		return ""
	}
	return c.written
}

// conditions returns all conditions of the rule, those of its severity too.
func (r *Rule) conditions() []*condition {
	var all []*condition
	for _, t := range r.targets() {
		all = append(all, t.cond)
	}
	for _, c := range r.Severity.cases {
		all = append(all, c.cond)
	}
	return all
}

// Native reports whether all conditions of the rule run as closures (about ten nanoseconds) and none on expr's machine.
func (r *Rule) Native() bool {
	return !slices.ContainsFunc(r.conditions(), func(c *condition) bool { return !c.native })
}
