package rule

import (
	"net/netip"

	"github.com/expr-lang/expr/ast"
	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

// compileCondition turns a condition in total form into closures; ok is false when it has a part that they do not
// cover. Every function below returns nil for that.
func compileCondition(n ast.Node) (p predicate, ok bool) {
	p = boolean(n)
	return p, p != nil
}

// boolean compiles a part that is true or false.
func boolean(n ast.Node) predicate {
	switch n := n.(type) {
	case *ast.BoolNode:
		return func(scope) bool { return n.Value }
	case *ast.UnaryNode:
		if p := boolean(n.Node); p != nil {
			return func(s scope) bool { return !p(s) }
		}
	case *ast.BinaryNode:
		if n.Operator == "and" || n.Operator == "or" {
			return junction(n)
		}
		return comparison(n)
	case *ast.ConditionalNode:
		cond, yes, no := boolean(n.Cond), boolean(n.Exp1), boolean(n.Exp2)
		if cond == nil || yes == nil || no == nil {
			return nil
		}
		return func(s scope) bool {
			if cond(s) {
				return yes(s)
			}
			return no(s)
		}
	case *ast.CallNode:
		return conditionFunction(n)
	case *ast.BuiltinNode:
		return quantified(n)
	}
	return nil
}

func junction(n *ast.BinaryNode) predicate {
	l, r := boolean(n.Left), boolean(n.Right)
	switch {
	case l == nil || r == nil:
		return nil
	case n.Operator == "and":
		return func(s scope) bool { return l(s) && r(s) }
	}
	return func(s scope) bool { return l(s) || r(s) }
}

// called returns the name of a function of total form and its arguments.
func called(n ast.Node) (name string, args []ast.Node) {
	c, ok := n.(*ast.CallNode)
	if !ok {
		return "", nil
	}
	return c.Callee.(*ast.IdentifierNode).Value, c.Arguments
}

// fieldOf returns the field that a node names, nil when it is something else.
func fieldOf(n ast.Node) *event.Field {
	if id, ok := n.(*ast.IdentifierNode); ok && id.Value != rawField {
		return event.Lookup(id.Value)
	}
	return nil
}

func conditionFunction(n *ast.CallNode) predicate {
	name, args := called(n)
	switch name {
	case fnHas:
		return presence(args[0])
	case fnIsPrivate:
		return onAddress(args[0], isPrivate)
	case fnInCIDR:
		nets := make([]netip.Prefix, len(args)-1)
		for i, a := range args[1:] {
			nets[i] = a.(*ast.ConstantNode).Value.(netip.Prefix)
		}
		return onAddress(args[0], func(a netip.Addr) bool {
			for _, n := range nets {
				if n.Contains(a) {
					return true
				}
			}
			return false
		})
	case fnInList:
		return inList(args[0], args[1].(*ast.ConstantNode).Value.(*list))
	case fnGlob:
		return globbed(args[0], args[1].(*ast.StringNode).Value)
	case fnEqualFold, fnContainsFold, fnStartsFold, fnEndsFold, fnGlobFold:
		words, _ := literalTexts(args[1:])
		return onText(args[0], folding(name, words))
	case fnPortsOverlap:
		return overlapping(args[0], args[1], args[2].(*ast.ConstantNode).Value.(ports))
	case fnPolicyPublic, fnPolicyAccount, fnPolicyAction:
		return onPolicy(name, args)
	}
	return nil
}

// onAddress compiles a test of an address, or of text that is one.
func onAddress(n ast.Node, holds func(netip.Addr) bool) predicate {
	if f := fieldOf(n); f != nil && f.Type == event.TypeAddr {
		h := f.AddrField()
		return func(s scope) bool { return holds(s.event.Addr(h)) }
	}
	return onText(n, func(v string) bool {
		a, ok := parseAddr(v)
		return ok && holds(a)
	})
}

func inList(n ast.Node, l *list) predicate {
	if f := fieldOf(n); f != nil && f.Type == event.TypeAddr {
		h := f.AddrField()
		return func(s scope) bool { return l.hasAddr(s.event.Addr(h)) }
	}
	if i := numeric(n).whole; i != nil {
		return func(s scope) bool { return l.hasNumber(i(s)) }
	}
	return onText(n, l.hasText)
}

// presence compiles has.
func presence(n ast.Node) predicate {
	if f := fieldOf(n); f != nil {
		return fieldPresence(f)
	}
	name, args := called(n)
	switch name {
	case fnLeaf:
		at, keys := base(args)
		return func(s scope) bool {
			v := lookup(at(s), keys)
			return v != nil && v.Type() != fastjson.TypeNull && (v.Type() != fastjson.TypeString || len(v.GetStringBytes()) > 0)
		}
	case fnInt:
		if i := wholeText(args[0]); i != nil {
			return func(s scope) bool { _, ok := i(s); return ok }
		}
		return nil
	case fnFloat:
		if t := textual(args[0]); t != nil {
			return func(s scope) bool { _, ok := parseFloat(t(s)); return ok }
		}
		return nil
	}
	if t := textual(n); t != nil {
		return func(s scope) bool { return t(s) != "" }
	}
	return nil
}

func fieldPresence(f *event.Field) predicate {
	switch f.Type {
	case event.TypeText:
		h := f.TextField()
		return func(s scope) bool { return s.event.Text(h) != "" }
	case event.TypeInt:
		h := f.IntField()
		return func(s scope) bool { _, ok := s.event.Int(h); return ok }
	case event.TypeAddr:
		h := f.AddrField()
		return func(s scope) bool { return s.event.Addr(h).IsValid() }
	}
	return func(s scope) bool { return s.event.Has(f) }
}

// base compiles the object or element that leaf, each and list start from, and returns the keys below it.
func base(args []ast.Node) (func(scope) *fastjson.Value, []string) {
	keys := make([]string, len(args)-1)
	for i, k := range args[1:] {
		keys[i] = k.(*ast.StringNode).Value
	}
	if f := fieldOf(args[0]); f != nil {
		h := f.ObjectField()
		return func(s scope) *fastjson.Value { return s.event.Object(h).Value }, keys
	}
	return func(s scope) *fastjson.Value { return s.value }, keys
}

// quantified compiles any, all, none and one.
func quantified(n *ast.BuiltinNode) predicate {
	if len(n.Arguments) != 2 {
		return nil
	}
	body := boolean(n.Arguments[1].(*ast.PredicateNode).Node)
	if body == nil {
		return nil
	}
	switch n.Name {
	case "any":
		return someElement(n.Arguments[0], body)
	case "none", "all":
		if n.Name == "all" {
			holds := body
			body = func(s scope) bool { return !holds(s) }
		}
		some := someElement(n.Arguments[0], body)
		if some == nil {
			return nil
		}
		return func(s scope) bool { return !some(s) }
	case "one":
		if count := counted(n.Arguments[0], body); count != nil {
			return func(s scope) bool { return count(s) == 1 }
		}
	}
	return nil
}

// someElement compiles whether body holds for some element of a collection.
func someElement(over ast.Node, body predicate) predicate {
	if f := fieldOf(over); f != nil {
		h := f.ListField()
		return func(s scope) bool {
			for _, el := range s.event.List(h) {
				if body(scope{event: s.event, text: el}) {
					return true
				}
			}
			return false
		}
	}
	if parts := splitting(over); parts != nil {
		return func(s scope) bool {
			some := false
			parts(s, func(part string) bool { some = body(scope{event: s.event, text: part}); return !some })
			return some
		}
	}
	name, args := called(over)
	if name != fnEach {
		return nil
	}
	at, keys := base(args)
	return func(s scope) bool {
		return anyAt(at(s), keys, func(v *fastjson.Value) bool { return body(scope{event: s.event, value: v}) })
	}
}

// counted compiles how many elements of a collection body holds for; a nil body counts all.
func counted(over ast.Node, body predicate) func(scope) int64 {
	n := func(holds bool) int64 {
		if holds {
			return 1
		}
		return 0
	}
	if f := fieldOf(over); f != nil && f.Type == event.TypeList {
		h := f.ListField()
		return func(s scope) (count int64) {
			for _, el := range s.event.List(h) {
				count += n(body == nil || body(scope{event: s.event, text: el}))
			}
			return count
		}
	}
	if parts := splitting(over); parts != nil {
		return func(s scope) (count int64) {
			parts(s, func(part string) bool {
				count += n(body == nil || body(scope{event: s.event, text: part}))
				return true
			})
			return count
		}
	}
	name, args := called(over)
	if name != fnEach {
		return nil
	}
	at, keys := base(args)
	return func(s scope) (count int64) {
		anyAt(at(s), keys, func(v *fastjson.Value) bool {
			count += n(body == nil || body(scope{event: s.event, value: v}))
			return false
		})
		return count
	}
}
