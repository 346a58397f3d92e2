package rule

import (
	"net/netip"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// ours are the functions beside expr's, and those of expr's that conditions may use; for hints.
var ours = []string{
	fnHas, fnInt, fnFloat, fnIsPrivate, fnInCIDR, fnInList, fnGlob, fnPortsOverlap, fnPolicyPublic, fnPolicyAccount, fnPolicyAction,
	fnEqualFold, fnContainsFold, fnStartsFold, fnEndsFold, fnGlobFold, fnGeoDistance, fnJSONText, fnIPText, fnMinute, fnHour, fnDay, fnWeekday,
	fnWeek, fnMonth, fnYear, "any", "all", "none", "one", "count", "len", "lower", "upper", "trim", "replace", "split", "hasPrefix", "hasSuffix",
}

// conditionCall returns the name of a call that is a condition.
func conditionCall(n *ast.CallNode) (string, bool) {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return "", false
	}
	_, _, takes := arguments(id.Value)
	return id.Value, takes != ""
}

// arguments says how many arguments a function that is a condition takes, and which; takes is "" for all others.
func arguments(name string) (least, most int, takes string) {
	switch name {
	case fnHas:
		return 1, 1, "one value"
	case fnIsPrivate:
		return 1, 1, "one address"
	case fnInCIDR:
		return 2, 100, "an address and networks"
	case fnInList:
		return 2, 2, "a value and the id of a list"
	case fnGlob:
		return 2, 2, "a text and a pattern"
	case fnEqualFold, fnContainsFold, fnStartsFold, fnEndsFold:
		return 2, maxCondition, "a text and literals"
	case fnGlobFold:
		return 2, maxCondition, "a text and patterns"
	case fnPortsOverlap:
		return 3, 100, "the first and the last port of a range, and ports to look for"
	case fnPolicyPublic, fnPolicyAction:
		return 1, 1, "one policy document"
	case fnPolicyAccount:
		return 2, 100, "a policy document and accounts"
	}
	return 0, 0, ""
}

// function checks a call that is a condition. Its arguments may be missing: then it is false.
func (c *checker) function(n *ast.CallNode, name string) ast.Node {
	outer := c.spread
	c.spread = nil
	if least, most, takes := arguments(name); len(n.Arguments) < least || len(n.Arguments) > most {
		c.report(n, "", "%s takes %s", name, takes)
		return n
	}
	subject := c.asText(c.value(n.Arguments[0]))
	if subject.shape == bad {
		return n
	}
	return c.spreadOver(c.functionOf(n, name, subject), outer)
}

func (c *checker) functionOf(n *ast.CallNode, name string, subject operand) ast.Node {
	switch name {
	case fnHas:
		return c.has(n, subject)
	case fnInList:
		return c.inList(n, subject)
	case fnGlob:
		return c.glob(n, subject)
	case fnEqualFold, fnContainsFold, fnStartsFold, fnEndsFold, fnGlobFold:
		return c.fold(n, name, subject)
	case fnPortsOverlap:
		return c.portsOverlap(n, subject)
	case fnPolicyPublic, fnPolicyAccount, fnPolicyAction:
		return c.policy(n, name, subject)
	}
	if subject.shape != address && subject.shape != text {
		c.report(n.Arguments[0], "", "%s needs an address, not %s", name, subject.shape)
		return n
	}
	args := []ast.Node{subject.node}
	for _, a := range n.Arguments[1:] {
		s, ok := a.(*ast.StringNode)
		if !ok {
			c.report(a, "", "the networks of inCIDR are literals")
			return n
		}
		p, err := netip.ParsePrefix(s.Value)
		if err != nil || p != p.Masked() {
			c.report(a, networkHint(s.Value), "%q is not a network such as 10.0.0.0/8", s.Value)
			return n
		}
		args = append(args, &ast.ConstantNode{Value: unmapped(p)})
	}
	return guarded(call(name, args...), subject)
}

// networkHint is the network that somebody means by an address, or by an address in it.
func networkHint(text string) string {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return `"` + netip.PrefixFrom(a, a.BitLen()).String() + `"`
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return `"` + p.Masked().String() + `"`
	}
	return ""
}

// has checks has(x). What is calculated is there when all of it is.
func (c *checker) has(n *ast.CallNode, subject operand) ast.Node {
	if subject.shape == truth || subject.fixed || subject.shape.number() && len(subject.may) == 0 {
		c.report(n, "", "has asks whether a field of the event is there")
		return n
	}
	if len(subject.may) == 0 {
		return call(fnHas, subject.node)
	}
	last := len(subject.may) - 1
	all := subject
	all.may = subject.may[:last]
	return guarded(call(fnHas, subject.may[last]), all)
}

func (c *checker) inList(n *ast.CallNode, subject operand) ast.Node {
	id, ok := n.Arguments[1].(*ast.StringNode)
	if !ok {
		c.report(n.Arguments[1], "", "the id of a list is a literal")
		return n
	}
	l := c.lists.byID[id.Value]
	if l == nil {
		hint, where := nearest(id.Value, c.lists.ids()), ""
		if hint == "" {
			where = ": a list is a file lists/<id>.yml in the folder of rules, or beside it"
		}
		c.report(n.Arguments[1], hint, "no list is named %q%s", id.Value, where)
		return n
	}
	switch subject.shape {
	case text, whole, address:
	default:
		c.report(n.Arguments[0], "", "inList needs text, a whole number or an address, not %s", subject.shape)
		return n
	}
	c.used = append(c.used, l)
	return guarded(call(fnInList, subject.node, &ast.ConstantNode{Value: l}), subject)
}

// membership checks in.
func (c *checker) membership(n *ast.BinaryNode) ast.Node {
	l := c.asText(c.value(n.Left))
	if l.shape == bad {
		return n
	}
	switch r := n.Right.(type) {
	case *ast.ArrayNode:
		return c.inLiterals(n, l, r)
	case *ast.BinaryNode:
		if r.Operator == ".." {
			return c.inRange(n, l, r)
		}
	}
	r := c.value(n.Right)
	switch {
	case r.shape == bad:
		return n
	case l.shape != text && (r.shape == texts || r.shape == nested || r.shape == element):
		c.report(n, "", "lists hold text, and this looks for %s", l.shape)
		return n
	case l.shape.number():
		c.report(n.Right, "", "in needs numbers on its right, not %s: [22, 443], 1..1024, or for a list file inList(x, \"id\")", r.shape)
		return n
	case r.shape == texts:
		return &ast.BinaryNode{Operator: "in", Left: l.node, Right: r.node}
	case r.shape == nested || r.shape == element:
		keys := r.keys
		if len(keys) == 0 || keys[len(keys)-1] != "[]" {
			keys = append(append([]string{}, keys...), "[]")
		}
		return &ast.BinaryNode{Operator: "in", Left: l.node, Right: call(fnList, append([]ast.Node{r.node}, stringNodes(keys)...)...)}
	}
	c.report(n.Right, "", "in needs a list on its right, not %s: [\"a\", \"b\"], a field that is a list, or for a list file inList(x, \"id\")", r.shape)
	return n
}

func (c *checker) inLiterals(n *ast.BinaryNode, l operand, r *ast.ArrayNode) ast.Node {
	if len(r.Nodes) == 0 {
		c.report(r, "", "in an empty list is nothing")
		return n
	}
	array := &ast.ArrayNode{}
	for _, el := range r.Nodes {
		o := c.value(el)
		_, o = c.asAddress(l, o, el, el)
		switch {
		case o.shape == bad:
			return n
		case !o.fixed:
			c.report(el, "", "the list after in holds literals only")
			return n
		case o.shape != l.shape && !(o.shape.number() && l.shape.number()):
			c.mismatch(&ast.BinaryNode{Left: n.Left, Right: el}, l, o)
			return n
		}
		c.closed(l, o, el)
		array.Nodes = append(array.Nodes, o.node)
	}
	return guarded(&ast.BinaryNode{Operator: "in", Left: l.node, Right: array}, l)
}

func (c *checker) inRange(n *ast.BinaryNode, l operand, r *ast.BinaryNode) ast.Node {
	from, ok1 := r.Left.(*ast.IntegerNode)
	to, ok2 := r.Right.(*ast.IntegerNode)
	if !ok1 || !ok2 || !l.shape.number() {
		c.report(n, "", "a range after in is of two whole literals, and holds numbers (port in 6881..6889)")
		return n
	}
	if from.Value > to.Value {
		c.report(n.Right, "", "nothing is in %d..%d: write x >= %[1]d or x <= %[2]d", from.Value, to.Value)
		return n
	}
	return guarded(and(
		&ast.BinaryNode{Operator: ">=", Left: l.node, Right: from},
		&ast.BinaryNode{Operator: "<=", Left: l.node, Right: to}), l)
}

// quantifier checks any, all, none, one (a condition) and count (a number).
func (c *checker) quantifier(n *ast.BuiltinNode, result shape) operand {
	if len(n.Arguments) != 2 {
		c.report(n, "", "%s takes a list and a condition on #", n.Name)
		return operand{}
	}
	over, shape := c.elements(n.Arguments[0])
	if shape == bad {
		return operand{node: n}
	}
	body, ok := n.Arguments[1].(*ast.PredicateNode)
	if !ok {
		c.report(n, "", "%s takes a list and a condition on #", n.Name)
		return operand{node: n}
	}
	c.in = append(c.in, shape)
	total := c.condition(body.Node)
	c.in = c.in[:len(c.in)-1]
	return operand{shape: result, node: &ast.BuiltinNode{Name: n.Name, Arguments: []ast.Node{over, &ast.PredicateNode{Node: total}}}}
}

// valueCall checks calls that give a value: int, float, hour and its like, and everything that is no function at all.
func (c *checker) valueCall(n *ast.CallNode) operand {
	id, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		c.notAFunction(n)
		return operand{}
	}
	if word := asOperator(id.Value); word != "" {
		c.report(n, "", "%s stands between two values: x %[1]s y", word)
		return operand{}
	}
	if _, ok := conditionCall(n); ok {
		return operand{shape: truth, node: c.condition(n)}
	}
	if clockNamed(id.Value) != nil {
		return c.clock(n, id.Value)
	}
	switch id.Value {
	case fnGeoDistance:
		return c.geoDistance(n)
	case fnJSONText:
		return c.jsonText(n)
	case fnIPText:
		return c.ipText(n)
	}
	if id.Value != fnInt && id.Value != fnFloat {
		c.report(n, nearest(id.Value, ours), "unknown function %s", id.Value)
		return operand{}
	}
	if len(n.Arguments) != 1 {
		c.report(n, "", "%s takes one text", id.Value)
		return operand{}
	}
	o := c.asText(c.value(n.Arguments[0]))
	if o.shape == bad {
		return o
	}
	if o.shape != text {
		c.report(n, "", "%s makes a number of text, not of %s", id.Value, o.shape)
		return operand{}
	}
	node := call(id.Value, o.node)
	return operand{shape: pick(id.Value == fnInt, whole, real), node: node, may: []ast.Node{node}}
}

// notAFunction reports a call of something that has no name, most often a method of another language.
func (c *checker) notAFunction(n *ast.CallNode) {
	if m, ok := n.Callee.(*ast.MemberNode); ok {
		if name, ok := m.Property.(*ast.StringNode); ok {
			switch word := asOperator(name.Value); {
			case word != "":
				c.report(n, "", "%s stands between two values: x %[1]s y", word)
				return
			case contains(ours, name.Value):
				c.report(n, "", "%s is no method: write %[1]s(x)", name.Value)
				return
			}
		}
	}
	c.report(n, "", "%s is not a function", describe(n.Callee))
}

// builtin checks expr's own functions: those that cannot fail.
func (c *checker) builtin(n *ast.BuiltinNode) operand {
	switch n.Name {
	case "any", "all", "none", "one":
		return operand{shape: truth, node: c.condition(n)}
	case "count":
		return c.quantifier(n, whole)
	case "len":
		return c.length(n)
	}
	arity := map[string]int{"lower": 1, "upper": 1, "trim": 1, "split": 2, "replace": 3, "hasPrefix": 2, "hasSuffix": 2}[n.Name]
	if arity == 0 {
		c.report(n, nearest(n.Name, ours), "conditions have no function %s", n.Name)
		return operand{}
	}
	if len(n.Arguments) != arity {
		c.report(n, "", "%s takes %s", n.Name, [...]string{1: "one text", 2: "two texts", 3: "three texts"}[arity])
		return operand{}
	}
	o := operand{shape: text, node: &ast.BuiltinNode{Name: n.Name}}
	switch n.Name {
	case "split":
		o.shape = texts
	case "hasPrefix", "hasSuffix":
		c.report(n, "", "write x %s y", strings.Replace(strings.Replace(n.Name, "hasPrefix", "startsWith", 1), "hasSuffix", "endsWith", 1))
		return operand{}
	}
	args := make([]ast.Node, arity)
	for i, a := range n.Arguments {
		v := c.asText(c.value(a))
		if v.shape == bad {
			return v
		}
		if v.shape != text {
			c.report(a, "", "%s takes text, not %s", n.Name, v.shape)
			return operand{}
		}
		args[i] = v.node
	}
	o.node = &ast.BuiltinNode{Name: n.Name, Arguments: args}
	return o
}

func (c *checker) length(n *ast.BuiltinNode) operand {
	if len(n.Arguments) != 1 {
		c.report(n, "", "len takes one text or list")
		return operand{}
	}
	o := c.value(n.Arguments[0])
	switch o.shape {
	case bad:
		return o
	case text, texts:
		return operand{shape: whole, node: &ast.BuiltinNode{Name: "len", Arguments: []ast.Node{o.node}}}
	case nested, element:
		over, _ := c.elements(n.Arguments[0])
		return operand{shape: whole, node: &ast.BuiltinNode{Name: "len", Arguments: []ast.Node{over}}}
	}
	c.report(n, "", "len takes one text or list, not %s", o.shape)
	return operand{}
}
