package rule

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// units are the sizes that conditions may write as words.
var units = map[string]int{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

// value checks a part that is compared, searched or passed on.
func (c *checker) value(n ast.Node) operand {
	switch n := n.(type) {
	case *ast.StringNode:
		return operand{shape: text, node: n, fixed: true}
	case *ast.IntegerNode:
		return operand{shape: whole, node: n, fixed: true}
	case *ast.FloatNode:
		return operand{shape: real, node: n, fixed: true}
	case *ast.BoolNode:
		return operand{shape: truth, node: n, fixed: true}
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.PointerNode:
		return c.pointer(n)
	case *ast.ChainNode: // a?.b: everything may be missing anyway
		return c.value(n.Node)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.UnaryNode:
		return c.sign(n)
	case *ast.BinaryNode:
		return c.arithmetic(n)
	case *ast.CallNode:
		return c.valueCall(n)
	case *ast.BuiltinNode:
		return c.builtin(n)
	case *ast.NilNode:
		c.report(n, "", "there is no nil: ask has(x), or compare text with \"\"")
	case *ast.ArrayNode:
		c.report(n, "", "a list stands only to the right of in")
	case *ast.ConditionalNode:
		c.report(n.Cond, "", "c ? a : b chooses between conditions, not between values: write c ? f(a) : f(b), or f(a) or f(b)")
	default:
		c.report(n, "", "conditions do not have this: %s", describe(n))
	}
	return operand{}
}

func (c *checker) identifier(n *ast.IdentifierNode) operand {
	if size, ok := units[n.Value]; ok {
		return operand{shape: whole, node: &ast.IntegerNode{Value: size}, fixed: true}
	}
	f, wrong := lookupField(n.Value, c.class)
	if n.Value == rawField {
		f, wrong = event.Lookup(rawField), nil
	}
	if u := event.Lookup(unmappedField); n.Value == unmappedField && u.In(c.class) {
		wrong = &mistake{message: unmappedAlone}
	}
	if wrong != nil {
		c.report(n, wrong.hint, "%s", wrong.message)
		return operand{}
	}
	o := operand{shape: shapeOf(f), node: n, field: f}
	switch o.shape {
	case flag, whole, real, address, instant:
		o.may = []ast.Node{n}
	}
	c.reads(o)
	return o
}

func (c *checker) reads(o operand) {
	if slices.Contains(c.fields, o.field) {
		return
	}
	c.fields = append(c.fields, o.field)
}

func (c *checker) pointer(n *ast.PointerNode) operand {
	if len(c.in) == 0 || n.Name != "" {
		c.report(n, "", "# is the element inside any, all, none, one and count")
		return operand{}
	}
	return operand{shape: c.in[len(c.in)-1], node: &ast.PointerNode{}}
}

func (c *checker) member(n *ast.MemberNode) operand {
	if o, ok := c.unmappedMember(n); ok {
		return o
	}
	before := len(c.mistakes)
	base := c.value(n.Node)
	if base.shape == bad {
		if hint := vendorHint(strings.ReplaceAll(n.String(), "?.", "."), c.class); hint != "" && len(c.mistakes) == before+1 {
			c.mistakes[before].hint = hint
		}
		return base
	}
	var key string
	switch p := n.Property.(type) {
	case *ast.StringNode:
		key = p.Value
	case *ast.IntegerNode:
		key = strconv.Itoa(p.Value)
	}
	if (base.shape != nested && base.shape != element) || n.Method {
		c.report(n, vendorHint(n.String(), c.class), "%s is %s: it has no parts", describe(n.Node), base.shape)
		return operand{}
	}
	if key == "" {
		c.report(n, "", "a key is written .key or [\"key\"]")
		return operand{}
	}
	if key == every {
		key = "[]"
	}
	base.keys = append(append([]string{}, base.keys...), key)
	base.field = nil
	return base
}

// asText makes the text of a place inside an object, and leaves all else as it is.
func (c *checker) asText(o operand) operand {
	if o.shape != nested && o.shape != element {
		return o
	}
	last := -1
	for i, k := range o.keys {
		if k == "[]" {
			last = i
		}
	}
	base, keys := o.node, o.keys
	if last >= 0 {
		if c.spread != nil || len(c.in) > 0 {
			c.report(o.node, "", "one comparison has at most one path with [], and none inside any, all …: use any(path, …)")
			return operand{}
		}
		c.spread = call(fnEach, append([]ast.Node{o.node}, stringNodes(keys[:last+1])...)...).(*ast.CallNode)
		base, keys = &ast.PointerNode{}, keys[last+1:]
	}
	return operand{shape: text, node: call(fnLeaf, append([]ast.Node{base}, stringNodes(keys)...)...)}
}

// elements makes the collection of a list or of the array at a place inside an object; # in it has the shape returned.
func (c *checker) elements(n ast.Node) (ast.Node, shape) {
	o := c.value(n)
	switch o.shape {
	case bad:
	case texts:
		return o.node, text
	case nested, element:
		keys := o.keys
		if len(keys) == 0 || keys[len(keys)-1] != "[]" {
			keys = append(append([]string{}, keys...), "[]")
		}
		return call(fnEach, append([]ast.Node{o.node}, stringNodes(keys)...)...), element
	default:
		c.report(n, "", "%s is %s, not a list", describe(n), o.shape)
	}
	return n, bad
}

// asAddress reads the text that an address is compared with.
func (c *checker) asAddress(l, r operand, rightAt, leftAt ast.Node) (operand, operand) {
	if l.shape == address && r.shape == text && r.fixed {
		r = c.addressLiteral(r, rightAt)
	} else if r.shape == address && l.shape == text && l.fixed {
		l = c.addressLiteral(l, leftAt)
	}
	return l, r
}

func (c *checker) addressLiteral(o operand, at ast.Node) operand {
	s := o.node.(*ast.StringNode).Value
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil && strings.Contains(s, "/"):
		c.report(at, "", "%q is a network: use inCIDR(…, %[1]q)", s)
		return operand{}
	case err != nil && s == "":
		c.report(at, "", "an address is not text: ask has(…)")
		return operand{}
	case err != nil:
		c.report(at, "", "%q is not an address", s)
		return operand{}
	}
	return operand{shape: address, node: &ast.ConstantNode{Value: a.Unmap()}, fixed: true}
}

// pattern checks a regular expression; it must be a literal so that it is compiled once, at load.
func (c *checker) pattern(n *ast.BinaryNode, l, r operand) ast.Node {
	p, ok := r.node.(*ast.StringNode)
	if !ok {
		c.report(n.Right, "", "the pattern of matches must be a literal")
		return n
	}
	if _, err := regexp.Compile(p.Value); err != nil {
		c.badPattern(n.Right, err)
		return n
	}
	return &ast.BinaryNode{Operator: "matches", Left: l.node, Right: p}
}

// badPattern reports where in the literal the pattern is wrong, as far as its source shows that.
func (c *checker) badPattern(at ast.Node, err error) {
	m := &mistake{offset: byteOffset(c.source, at.Location().From), message: firstLine(err.Error())}
	if e, ok := errors.AsType[*syntax.Error](err); ok {
		m.message = fmt.Sprintf("%s in the pattern `%s`", e.Code, e.Expr)
		if e.Code == syntax.ErrInvalidPerlOp || e.Code == syntax.ErrInvalidEscape {
			m.message += ": RE2 has no look-around and no back-references"
		}
		literal := c.source[m.offset:min(byteOffset(c.source, at.Location().To), len(c.source))]
		m.offset += max(0, strings.Index(literal, e.Expr))
	}
	c.mistakes = append(c.mistakes, m)
}

func isZero(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return n.Value == 0
	case *ast.FloatNode:
		return n.Value == 0
	}
	return false
}

func (c *checker) sign(n *ast.UnaryNode) operand {
	if n.Operator != "-" && n.Operator != "+" {
		before := len(c.mistakes)
		node := c.condition(n)
		if len(c.mistakes) > before {
			return operand{}
		}
		return operand{shape: truth, node: node}
	}
	o := c.value(n.Node)
	if o.shape == bad {
		return o
	}
	if !o.shape.number() {
		c.report(n, "", "%s needs a number, not %s", n.Operator, o.shape)
		return operand{}
	}
	if i, ok := o.node.(*ast.IntegerNode); ok && n.Operator == "-" {
		return operand{shape: whole, node: &ast.IntegerNode{Value: -i.Value}, fixed: true}
	}
	return operand{shape: o.shape, node: &ast.UnaryNode{Operator: n.Operator, Node: o.node}, may: o.may, fixed: o.fixed}
}

func (c *checker) arithmetic(n *ast.BinaryNode) operand {
	switch n.Operator {
	case "+", "-", "*", "/", "%":
		return c.calculation(n)
	case "..":
		c.report(n, "", "a range stands only to the right of in")
	case "??":
		c.report(n, "", "?? has no use, nothing fails for being missing: for one or the other write f(a) or f(b)")
	default:
		if isComparison(n.Operator) || n.Operator == "and" || n.Operator == "or" || n.Operator == "&&" || n.Operator == "||" {
			return operand{shape: truth, node: c.condition(n)}
		}
		c.report(n, "", "conditions have no operator %s", n.Operator)
	}
	return operand{}
}

func (c *checker) calculation(n *ast.BinaryNode) operand {
	l, r := c.asText(c.value(n.Left)), c.asText(c.value(n.Right))
	o := operand{shape: whole, may: append(append([]ast.Node{}, l.may...), r.may...), fixed: l.fixed && r.fixed}
	switch {
	case l.shape == bad || r.shape == bad:
		return operand{}
	case n.Operator == "+" && l.shape == text && r.shape == text:
		o.shape = text
	case !l.shape.number() || !r.shape.number():
		c.report(n, "", "%s calculates with numbers, not %s (int(…) and float(…) make a number of text)", n.Operator, pick(l.shape.number(), r.shape, l.shape))
		return operand{}
	case n.Operator == "%":
		if k, ok := r.node.(*ast.IntegerNode); !ok || k.Value == 0 || l.shape != whole {
			c.report(n, "", "%% divides a whole number by a literal other than 0")
			return operand{}
		}
	case n.Operator == "/" && isZero(r.node):
		c.report(n, "", "/ divides by something other than 0")
		return operand{}
	case n.Operator == "/" || l.shape == real || r.shape == real:
		o.shape = real
	}
	o.node = &ast.BinaryNode{Operator: n.Operator, Left: l.node, Right: r.node}
	return o
}
