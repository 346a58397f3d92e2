package rule

import (
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
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

// fold checks equalFold(text, "a", "b") and its like.
func (c *checker) fold(n *ast.CallNode, name string, subject operand) ast.Node {
	switch subject.shape {
	case text:
	case texts:
		c.report(n.Arguments[0], "", `a list is searched by element: any(%s, %s(#, …))`, describe(n.Arguments[0]), name)
		return n
	default:
		c.report(n.Arguments[0], "", "%s needs text, not %s", name, subject.shape)
		return n
	}
	args := []ast.Node{subject.node}
	for _, a := range n.Arguments[1:] {
		s, ok := a.(*ast.StringNode)
		switch {
		case !ok:
			c.report(a, "", "%s compares with literals only", name)
			return n
		case s.Value == "" && name != fnEqualFold:
			c.report(a, "", "every text has an empty one: %s needs something to look for", name)
			return n
		}
		if name == fnEqualFold {
			c.closedFold(subject, s)
		}
		args = append(args, s)
	}
	return call(name, args...)
}

// closedFold is closed for comparisons that do not regard case.
func (c *checker) closedFold(field operand, literal *ast.StringNode) {
	if field.field == nil || len(field.field.Closed(c.class)) == 0 || literal.Value == "" {
		return
	}
	f := newFolded(literal.Value)
	if !slices.ContainsFunc(field.field.Closed(c.class), f.equals) {
		c.report(literal, nearest(literal.Value, field.field.Closed(c.class)), "%s is never %q, only %s", field.field.Name, literal.Value, strings.Join(field.field.Closed(c.class), ", "))
	}
}

// geoDistance checks geoDistance(lat1, lon1, lat2, lon2).
func (c *checker) geoDistance(n *ast.CallNode) operand {
	if len(n.Arguments) != 4 {
		c.report(n, "", "geoDistance takes two places: latitude, longitude, latitude, longitude")
		return operand{}
	}
	o := operand{shape: real}
	args := make([]ast.Node, len(n.Arguments))
	for i, a := range n.Arguments {
		v := c.asText(c.value(a))
		switch {
		case v.shape == bad:
			return operand{}
		case !v.shape.number():
			c.report(a, "", "geoDistance needs numbers, not %s", v.shape)
			return operand{}
		}
		args[i], o.may = v.node, append(o.may, v.may...)
	}
	o.node = call(fnGeoDistance, args...)
	return o
}

// jsonText checks jsonText(object): in total form it is the leaf there, whose text is JSON where it is an object or array.
func (c *checker) jsonText(n *ast.CallNode) operand {
	if len(n.Arguments) != 1 {
		c.report(n, "", "jsonText takes one object")
		return operand{}
	}
	o := c.value(n.Arguments[0])
	switch o.shape {
	case bad:
		return o
	case nested, element:
		return c.asText(o)
	}
	c.report(n.Arguments[0], "", "jsonText needs an object, or something inside one, not %s", o.shape)
	return operand{}
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
		for part := range strings.SplitSeq(source, ",") {
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
