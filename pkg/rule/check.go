package rule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"github.com/shrike-sec/shrike/pkg/event"
)

// checker turns the tree that expr parsed into a total one, and notes every mistake on the way.
//
// Total means: no operator or function ever meets a missing number, boolean, address or time, because every comparison
// with one is guarded (status < 400 becomes has(status) and status < 400), and a != b is not (a == b). Closures, expr's
// machine and SQL follow the same total tree, so they cannot disagree about what is missing.
type checker struct {
	class    event.Class
	lists    *lists
	source   string
	mistakes []*mistake
	written  string // the tree as parsed

	used   []*list        // lists that the condition names
	in     []shape        // of # in the predicates around, innermost last
	spread *ast.CallNode  // each(…) of a [] path in the current comparison
	fields []*event.Field // read by the condition
}

// maxCondition bounds a condition in bytes, and with it how deep its tree can be.
const maxCondition = 16 << 10

// check parses and checks a condition; the tree is good only when there are no mistakes.
func check(source string, class event.Class, ls *lists) (*checker, *parser.Tree) {
	c := &checker{class: class, lists: ls, source: source}
	if len(source) > maxCondition {
		c.mistakes = append(c.mistakes, &mistake{message: fmt.Sprintf("a condition is at most %d bytes long: put long enumerations into a list", maxCondition)})
		return c, nil
	}
	if at := pipe(source); at >= 0 {
		c.mistakes = append(c.mistakes, &mistake{offset: at, message: "conditions have no |: write lower(x) for x | lower(), and or for ||"})
		return c, nil
	}
	tree, err := parser.ParseWithConfig(spreadBrackets(source), parserConfig())
	if err != nil {
		if e, ok := errors.AsType[*file.Error](err); ok {
			at := byteOffset(source, e.From)
			c.mistakes = append(c.mistakes, &mistake{offset: at, message: syntaxMessage(e.Message, source, at)})
		} else {
			c.mistakes = append(c.mistakes, &mistake{message: firstLine(err.Error())})
		}
		return c, nil
	}
	c.written = tree.Node.String()
	tree.Node = c.condition(tree.Node)
	return c, tree
}

// report notes a mistake where n begins; expr places a path at its last key.
func (c *checker) report(n ast.Node, hint, message string, args ...any) {
	for {
		m, ok := n.(*ast.MemberNode)
		if !ok {
			break
		}
		n = m.Node
	}
	c.mistakes = append(c.mistakes, &mistake{
		offset: byteOffset(c.source, n.Location().From), message: fmt.Sprintf(message, args...), hint: hint,
	})
}

// condition checks a part that must be true or false and returns it in total form.
func (c *checker) condition(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.BoolNode:
		return n
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return c.negation(n)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return and(c.condition(n.Left), c.condition(n.Right))
		case "or", "||":
			return &ast.BinaryNode{Operator: "or", Left: c.condition(n.Left), Right: c.condition(n.Right)}
		}
		if isComparison(n.Operator) {
			return c.atom(n)
		}
	case *ast.CallNode:
		if name, ok := conditionCall(n); ok {
			return c.function(n, name)
		}
	case *ast.BuiltinNode:
		switch n.Name {
		case "any", "all", "none", "one":
			return c.quantifier(n, truth).node
		}
	case *ast.ConditionalNode:
		return &ast.ConditionalNode{Ternary: true, Cond: c.condition(n.Cond), Exp1: c.condition(n.Exp1), Exp2: c.condition(n.Exp2)}
	}
	v := c.value(n)
	switch v.shape {
	case bad, truth:
	case flag:
		c.report(n, "", "%s may be missing: compare it (%[1]s == true, or %[1]s == false for known to be false)", describe(n))
	default:
		c.report(n, "", "%s is %s, not a condition", describe(n), v.shape)
	}
	return n
}

func (c *checker) negation(n *ast.UnaryNode) ast.Node {
	if b, ok := n.Node.(*ast.BinaryNode); ok && isComparison(b.Operator) {
		return not(c.condition(b))
	}
	if id, ok := n.Node.(*ast.IdentifierNode); ok {
		if f := event.Lookup(id.Value); f != nil && f.Type != event.TypeBool {
			c.report(n, "", "not binds tighter than comparisons: write not (%s …)", id.Value)
			return n
		}
	}
	return not(c.condition(n.Node))
}

func describe(n ast.Node) string {
	text := strings.ReplaceAll(n.String(), "."+every, "[]")
	if utf8.RuneCountInString(text) > 40 {
		return "this"
	}
	return text
}

func isComparison(operator string) bool {
	switch operator {
	case "==", "!=", "<", "<=", ">", ">=", "in", "contains", "startsWith", "endsWith", "matches":
		return true
	}
	return false
}

// atom checks one comparison and guards it.
func (c *checker) atom(n *ast.BinaryNode) ast.Node {
	outer := c.spread
	c.spread = nil
	var total ast.Node
	switch n.Operator {
	case "==":
		total = c.equal(n)
	case "!=":
		total = c.equal(n)
	case "in":
		total = c.membership(n)
	case "contains", "startsWith", "endsWith", "matches":
		total = c.search(n)
	default:
		total = c.order(n)
	}
	total = c.spreadOver(total, outer)
	if n.Operator == "!=" {
		return not(total)
	}
	return total
}

// spreadOver makes a comparison of a [] path one of any element.
func (c *checker) spreadOver(total ast.Node, outer *ast.CallNode) ast.Node {
	if c.spread != nil {
		total = &ast.BuiltinNode{Name: "any", Arguments: []ast.Node{c.spread, &ast.PredicateNode{Node: total}}}
	}
	c.spread = outer
	return total
}

// guarded puts before a comparison that everything in it is there.
func guarded(total ast.Node, operands ...operand) ast.Node {
	var seen []string
	var guards []ast.Node
	for _, o := range operands {
		for _, may := range o.may {
			if s := may.String(); !contains(seen, s) {
				seen = append(seen, s)
				guards = append(guards, call(fnHas, may))
			}
		}
	}
	for _, guard := range slices.Backward(guards) {
		total = and(guard, total)
	}
	return total
}

func (c *checker) equal(n *ast.BinaryNode) ast.Node {
	l, r := c.value(n.Left), c.value(n.Right)
	l, r = c.asAddress(l, r, n.Right, n.Left)
	l, r = c.asText(l), c.asText(r)
	switch {
	case l.shape == bad || r.shape == bad:
		return n
	case l.shape == truth || r.shape == truth:
		switch {
		case l.shape == flag || r.shape == flag:
		case l.shape == text || r.shape == text:
			c.mismatch(n, l, r)
			return n
		default:
			c.report(n, "", "== compares values; join conditions with and, or, not")
			return n
		}
	case l.shape == texts || r.shape == texts:
		c.report(n, "", `a list is compared by element: "x" in %s, or any(%[1]s, # == "x")`, describe(pick(l.shape == texts, n.Left, n.Right)))
		return n
	case l.shape != r.shape && !(l.shape.number() && r.shape.number()):
		c.mismatch(n, l, r)
		return n
	}
	c.closed(l, r, n.Right)
	c.closed(r, l, n.Left)
	return guarded(&ast.BinaryNode{Operator: "==", Left: l.node, Right: r.node}, l, r)
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// mismatch explains why two values cannot be compared.
func (c *checker) mismatch(n *ast.BinaryNode, l, r operand) {
	if r.shape == text && l.shape != text {
		l, r = r, l
	}
	inObject := l.shape == text && isLeaf(l.node)
	switch {
	case inObject && r.shape.number():
		c.report(n, "", "leaves of objects are text: compare with a text, or calculate with int(…) or float(…)")
	case inObject && (r.shape == truth || r.shape == flag):
		c.report(n, "", `leaves of objects are text: compare with "true" or "false"`)
	case l.fixed && l.shape == text && r.shape.number():
		number := describe(pick(l.node == n.Left, n.Right, n.Left))
		if v := l.node.(*ast.StringNode).Value; !isNumber(v) {
			c.report(n, numberFor(number, v), "%s is a number, and %q is none", number, v)
			return
		}
		c.report(n, "", "%s is a number: write it without quotes", number)
	case r.fixed && l.shape == text && r.shape.number():
		c.report(n, "", "%s is text: write \"%s\", in quotes", describe(l.node), r.node)
	case l.fixed && l.shape == text && r.shape == flag:
		flag := describe(pick(l.node == n.Left, n.Right, n.Left))
		c.report(n, "", "%s is true, false or missing: compare with true or false, without quotes", flag)
	case l.fixed && r.shape == instant:
		c.report(n, "", "a time is compared with times of the event only: ask what it is by hour(…), weekday(…), year(…) and their like")
	default:
		c.report(n, "", "%s cannot be compared with %s", l.shape, r.shape)
	}
}

func isNumber(text string) bool {
	_, ok := parseFloat(text)
	return ok
}

// numberFor is the number that somebody means by the name of a protocol; "" for all others.
func numberFor(field, name string) string {
	if field != "protocol" {
		return ""
	}
	return map[string]string{"icmp": "1", "tcp": "6", "udp": "17", "icmpv6": "58"}[strings.ToLower(name)]
}

func isLeaf(n ast.Node) bool {
	call, ok := n.(*ast.CallNode)
	if !ok {
		return false
	}
	name, _ := called(call)
	return name == fnLeaf || name == fnUnmapped
}

// closed reports a literal that the field's closed set does not have.
func (c *checker) closed(field, literal operand, at ast.Node) {
	if field.field == nil || len(field.field.Closed(c.class)) == 0 || !literal.fixed {
		return
	}
	s, ok := literal.node.(*ast.StringNode)
	if !ok || s.Value == "" || contains(field.field.Closed(c.class), s.Value) {
		return
	}
	c.report(at, nearest(s.Value, field.field.Closed(c.class)), "%s is never %q, only %s", field.field.Name, s.Value, strings.Join(field.field.Closed(c.class), ", "))
}

func (c *checker) order(n *ast.BinaryNode) ast.Node {
	l, r := c.asText(c.value(n.Left)), c.asText(c.value(n.Right))
	switch {
	case l.shape == bad || r.shape == bad:
		return n
	case l.shape.number() && r.shape.number(), l.shape == instant && r.shape == instant:
	case l.shape == text && r.shape == text: // a missing text is not smaller than others: it is missing
		l.may, r.may = mayLack(l), mayLack(r)
	case l.shape != r.shape:
		c.mismatch(n, l, r)
		return n
	default:
		c.report(n, "", "%s compares numbers, times or texts, not %s", n.Operator, l.shape)
		return n
	}
	return guarded(&ast.BinaryNode{Operator: n.Operator, Left: l.node, Right: r.node}, l, r)
}

func mayLack(o operand) []ast.Node {
	if o.fixed {
		return nil
	}
	return []ast.Node{o.node}
}

// search checks contains, startsWith, endsWith and matches.
func (c *checker) search(n *ast.BinaryNode) ast.Node {
	left, right := c.value(n.Left), c.value(n.Right)
	l, r := c.asText(left), c.asText(right)
	switch {
	case l.shape == bad || r.shape == bad:
		return n
	case l.shape == texts:
		c.report(n, "", `a list is searched by element: "x" in %s, or any(%[1]s, # %s "x")`, describe(n.Left), n.Operator)
		return n
	case l.shape == address:
		c.report(n, "", "an address is not text: use inCIDR(%s, \"10.0.0.0/8\")", describe(n.Left))
		return n
	case l.shape != text || r.shape != text:
		c.report(n, "", "%s needs text on both sides, not %s", n.Operator, pick(l.shape != text, l.shape, r.shape))
		return n
	}
	if n.Operator == "matches" {
		return c.pattern(n, l, r)
	}
	return &ast.BinaryNode{Operator: n.Operator, Left: l.node, Right: r.node}
}
