package rule

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

// comparison compiles one comparison of total form.
func comparison(n *ast.BinaryNode) predicate {
	switch n.Operator {
	case "==":
		return equality(n)
	case "in":
		return member(n)
	case "contains", "startsWith", "endsWith", "matches":
		return search(n)
	}
	return ordering(n)
}

func equality(n *ast.BinaryNode) predicate {
	if f := fieldOf(n.Left); f != nil && f.Type == event.TypeBool {
		return flagEquality(f, n.Right)
	}
	if f := fieldOf(n.Right); f != nil && f.Type == event.TypeBool {
		return flagEquality(f, n.Left)
	}
	if l, r := addressed(n.Left), addressed(n.Right); l != nil && r != nil {
		return func(s scope) bool { return l(s) == r(s) }
	}
	if p := textEquality(n.Left, n.Right); p != nil {
		return p
	}
	l, r := numeric(n.Left), numeric(n.Right)
	switch {
	case l.whole != nil && r.whole != nil:
		return func(s scope) bool { return l.whole(s) == r.whole(s) }
	case l.float() != nil && r.float() != nil:
		a, b := l.float(), r.float()
		return func(s scope) bool { return a(s) == b(s) }
	}
	return nil
}

// flagEquality compares a boolean that is there (its guard has asked) with a condition or another.
func flagEquality(f *event.Field, with ast.Node) predicate {
	h := f.BoolField()
	other := boolean(with)
	if g := fieldOf(with); g != nil {
		o := g.BoolField()
		other = func(s scope) bool { v, _ := s.event.Bool(o); return v }
	}
	if other == nil {
		return nil
	}
	return func(s scope) bool { v, _ := s.event.Bool(h); return v == other(s) }
}

func addressed(n ast.Node) func(scope) netip.Addr {
	if c, ok := n.(*ast.ConstantNode); ok {
		if a, ok := c.Value.(netip.Addr); ok {
			return func(scope) netip.Addr { return a }
		}
	}
	if f := fieldOf(n); f != nil && f.Type == event.TypeAddr {
		h := f.AddrField()
		return func(s scope) netip.Addr { return s.event.Addr(h) }
	}
	return nil
}

func textEquality(left, right ast.Node) predicate {
	if _, ok := left.(*ast.StringNode); ok {
		left, right = right, left
	}
	lit, literal := right.(*ast.StringNode)
	if f := fieldOf(left); f != nil && f.Type == event.TypeText && literal {
		h, v := f.TextField(), lit.Value
		return func(s scope) bool { return s.event.Text(h) == v }
	}
	if of := lowered(left); of != nil && literal {
		return onText(of, func(v string) bool { return equalLower(v, lit.Value) })
	}
	if literal {
		return onText(left, func(v string) bool { return v == lit.Value })
	}
	l, r := textual(left), textual(right)
	if l == nil || r == nil {
		return nil
	}
	return func(s scope) bool { return l(s) == r(s) }
}

func ordering(n *ast.BinaryNode) predicate {
	if l, r := textual(n.Left), textual(n.Right); l != nil && r != nil {
		return ordered(n.Operator, l, r)
	}
	l, r := numeric(n.Left), numeric(n.Right)
	switch {
	case l.whole != nil && r.whole != nil:
		return ordered(n.Operator, l.whole, r.whole)
	case l.float() != nil && r.float() != nil:
		return ordered(n.Operator, l.float(), r.float())
	}
	return nil
}

func ordered[T string | int64 | float64](operator string, l, r func(scope) T) predicate {
	switch operator {
	case "<":
		return func(s scope) bool { return l(s) < r(s) }
	case "<=":
		return func(s scope) bool { return l(s) <= r(s) }
	case ">":
		return func(s scope) bool { return l(s) > r(s) }
	case ">=":
		return func(s scope) bool { return l(s) >= r(s) }
	}
	return nil
}

// member compiles in.
func member(n *ast.BinaryNode) predicate {
	if array, ok := n.Right.(*ast.ArrayNode); ok {
		return literalMember(n.Left, array.Nodes)
	}
	t := textual(n.Left)
	if t == nil {
		return nil
	}
	if f := fieldOf(n.Right); f != nil {
		h := f.ListField()
		return func(s scope) bool { return slices.Contains(s.event.List(h), t(s)) }
	}
	if parts := splitting(n.Right); parts != nil {
		return func(s scope) bool {
			want, found := t(s), false
			parts(s, func(part string) bool { found = part == want; return !found })
			return found
		}
	}
	if name, args := called(n.Right); name == fnList {
		at, keys := base(args)
		leaf := newLeafTexts()
		return func(s scope) bool {
			want := t(s)
			return anyAt(at(s), keys, func(v *fastjson.Value) bool { return leaf.is(v, want) })
		}
	}
	return nil
}

func literalMember(left ast.Node, literals []ast.Node) predicate {
	if words, ok := literalTexts(literals); ok {
		return wordMember(left, words)
	}
	if a := addressed(left); a != nil {
		addrs := make([]netip.Addr, len(literals))
		for i, l := range literals {
			addrs[i] = l.(*ast.ConstantNode).Value.(netip.Addr)
		}
		return func(s scope) bool { return slices.Contains(addrs, a(s)) }
	}
	v := numeric(left)
	if numbers, ok := literalInts(literals); ok && v.whole != nil {
		set := make(map[int64]struct{}, len(numbers))
		for _, i := range numbers {
			set[i] = struct{}{}
		}
		return func(s scope) bool { _, ok := set[v.whole(s)]; return ok }
	}
	f := v.float()
	if f == nil {
		return nil
	}
	numbers := make([]float64, len(literals))
	for i, l := range literals {
		n := numeric(l).float()
		if n == nil {
			return nil
		}
		numbers[i] = n(scope{})
	}
	return func(s scope) bool { return slices.Contains(numbers, f(s)) }
}

func wordMember(left ast.Node, words []string) predicate {
	set := make(map[string]struct{}, len(words))
	for _, w := range words {
		set[w] = struct{}{}
	}
	if of := lowered(left); of != nil {
		return onText(of, func(v string) bool {
			return slices.ContainsFunc(words, func(w string) bool { return equalLower(v, w) })
		})
	}
	if len(words) <= 8 { // lengths differ, most often: comparing is faster than hashing
		return onText(left, func(v string) bool { return slices.Contains(words, v) })
	}
	return onText(left, func(v string) bool { _, ok := set[v]; return ok })
}

func literalTexts(nodes []ast.Node) ([]string, bool) {
	words := make([]string, len(nodes))
	for i, n := range nodes {
		s, ok := n.(*ast.StringNode)
		if !ok {
			return nil, false
		}
		words[i] = s.Value
	}
	return words, true
}

func literalInts(nodes []ast.Node) ([]int64, bool) {
	numbers := make([]int64, len(nodes))
	for i, n := range nodes {
		v := numeric(n).whole
		if v == nil {
			return nil, false
		}
		numbers[i] = v(scope{})
	}
	return numbers, true
}

// search compiles contains, startsWith, endsWith and matches.
func search(n *ast.BinaryNode) predicate {
	lit, literal := n.Right.(*ast.StringNode)
	if literal {
		of, holds := n.Left, searching(n.Operator, lit.Value)
		if low := lowered(of); low != nil && n.Operator != "matches" {
			of, holds = low, searchingLower(n.Operator, lit.Value)
		}
		return onText(of, holds)
	}
	l, r := textual(n.Left), textual(n.Right)
	if l == nil || r == nil {
		return nil
	}
	switch n.Operator {
	case "contains":
		return func(s scope) bool { return strings.Contains(l(s), r(s)) }
	case "startsWith":
		return func(s scope) bool { return strings.HasPrefix(l(s), r(s)) }
	case "endsWith":
		return func(s scope) bool { return strings.HasSuffix(l(s), r(s)) }
	}
	return nil // matches: the checker has seen to a literal
}

func searching(operator, want string) func(string) bool {
	switch operator {
	case "contains":
		return func(v string) bool { return strings.Contains(v, want) }
	case "startsWith":
		return func(v string) bool { return strings.HasPrefix(v, want) }
	case "endsWith":
		return func(v string) bool { return strings.HasSuffix(v, want) }
	}
	return matching(want)
}

func searchingLower(operator, want string) func(string) bool {
	switch operator {
	case "contains":
		return func(v string) bool { return containsLower(v, want) }
	case "startsWith":
		return func(v string) bool { return hasPrefixLower(v, want) }
	}
	return func(v string) bool { return hasSuffixLower(v, want) }
}
