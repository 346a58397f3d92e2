package rule

import (
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// glob checks glob(text, "arn:aws:iam::*:role/admin-?").
func (c *checker) glob(n *ast.CallNode, subject operand) ast.Node {
	pattern, ok := n.Arguments[1].(*ast.StringNode)
	if !ok {
		c.report(n.Arguments[1], "", "the pattern of glob is a literal")
		return n
	}
	if subject.shape != text {
		c.report(n.Arguments[0], "", "glob needs text, not %s", subject.shape)
		return n
	}
	return call(fnGlob, subject.node, &ast.StringNode{Value: pattern.Value})
}

// portsOverlap checks portsOverlap(lo, hi, 22, "3389,5900-5910").
func (c *checker) portsOverlap(n *ast.CallNode, lo operand) ast.Node {
	hi := c.asText(c.value(n.Arguments[1]))
	if hi.shape == bad {
		return n
	}
	for i, o := range []operand{lo, hi} {
		if o.shape != text && (o.shape != whole || o.field == nil && !o.fixed) {
			c.report(n.Arguments[i], "", "portsOverlap needs the two ports of a range as they are, not %s", o.shape)
			return n
		}
	}
	var wanted ports
	for _, a := range n.Arguments[2:] {
		var source string
		switch a := a.(type) {
		case *ast.IntegerNode:
			source = strconv.Itoa(a.Value)
		case *ast.StringNode:
			source = a.Value
		default:
			c.report(a, "", "the ports to look for are literals")
			return n
		}
		for _, part := range strings.Split(source, ",") {
			r, ok := parsePorts(strings.TrimSpace(part))
			if !ok {
				c.report(a, "", "%q is not a port, nor a range such as 8000-8100", part)
				return n
			}
			wanted = append(wanted, r)
		}
	}
	return call(fnPortsOverlap, lo.node, hi.node, &ast.ConstantNode{Value: wanted})
}

// policy checks the functions on policy documents.
func (c *checker) policy(n *ast.CallNode, name string, subject operand) ast.Node {
	if subject.shape != text {
		c.report(n.Arguments[0], "", "%s needs a policy document, not %s", name, subject.shape)
		return n
	}
	if of, args := called(subject.node); of == fnLeaf {
		subject.node = call(fnPart, args...) // a document that a log has as an object need not become text and be read again
	}
	args := []ast.Node{subject.node}
	for _, a := range n.Arguments[1:] {
		o := c.asText(c.value(a))
		if o.shape == bad {
			return n
		}
		if o.shape != text {
			c.report(a, "", "an account is text, not %s", o.shape)
			return n
		}
		args = append(args, o.node)
	}
	return call(name, args...)
}

// clock checks hour(time) and weekday(time).
func (c *checker) clock(n *ast.CallNode, name string) operand {
	if len(n.Arguments) != 1 {
		c.report(n, "", "%s takes one time", name)
		return operand{}
	}
	o := c.value(n.Arguments[0])
	if o.shape == bad {
		return o
	}
	if o.field == nil || o.field.Type != event.TypeTime {
		c.report(n, "", "%s is that of a time, not of %s", name, o.shape)
		return operand{}
	}
	return operand{shape: whole, node: call(name, o.node), may: o.may}
}
