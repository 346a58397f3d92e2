package rule

import (
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// textual compiles a text, nil when it is none. Those of upper, lower, replace and + are built for each event, and those of
// addresses and of leaves that are no text: see onText.
func textual(n ast.Node) func(scope) string {
	switch n := n.(type) {
	case *ast.StringNode:
		return func(scope) string { return n.Value }
	case *ast.PointerNode:
		return func(s scope) string { return s.text }
	case *ast.IdentifierNode:
		if n.Value == rawField {
			return func(s scope) string { return rawText(s.event) }
		}
		if f := fieldOf(n); f != nil && f.Type == event.TypeText {
			h := f.TextField()
			return func(s scope) string { return s.event.Text(h) }
		}
	case *ast.CallNode:
		if h, ok := ipField(n); ok {
			return func(s scope) string { return string(s.event.Addr(h).AppendTo(nil)) }
		}
		if name, args := called(n); name == fnLeaf {
			at, keys := base(args)
			return func(s scope) string { return leafText(at(s), keys) }
		} else if name == fnUnmapped {
			key := args[1].(*ast.StringNode).Value
			return func(s scope) string { return unmappedText(s.event.Unmapped, key) }
		}
	case *ast.BinaryNode:
		l, r := textual(n.Left), textual(n.Right)
		if n.Operator == "+" && l != nil && r != nil {
			return func(s scope) string { return l(s) + r(s) }
		}
	case *ast.BuiltinNode:
		return converted(n)
	}
	return nil
}

// converted compiles expr's functions from text to text.
func converted(n *ast.BuiltinNode) func(scope) string {
	args := make([]func(scope) string, len(n.Arguments))
	for i, a := range n.Arguments {
		if args[i] = textual(a); args[i] == nil {
			return nil
		}
	}
	switch n.Name {
	case "trim":
		return func(s scope) string { return strings.TrimSpace(args[0](s)) }
	case "lower":
		return func(s scope) string { return strings.ToLower(args[0](s)) }
	case "upper":
		return func(s scope) string { return strings.ToUpper(args[0](s)) }
	case "replace":
		return func(s scope) string { return strings.ReplaceAll(args[0](s), args[1](s), args[2](s)) }
	}
	return nil
}

// splitting compiles split(text, separator): found is called with each part until it returns false.
func splitting(n ast.Node) func(s scope, found func(part string) bool) {
	b, ok := n.(*ast.BuiltinNode)
	if !ok || b.Name != "split" {
		return nil
	}
	t, by := textual(b.Arguments[0]), textual(b.Arguments[1])
	if t == nil || by == nil {
		return nil
	}
	return func(s scope, found func(string) bool) { strings.SplitSeq(t(s), by(s))(found) }
}

// onText compiles a test of a text, nil when n is none; holds must not keep the text. Of lower(…), which comparisons fold
// while they compare, it takes the argument: see lowered.
func onText(n ast.Node, holds func(string) bool) predicate {
	if f := fieldOf(n); f != nil && f.Type == event.TypeText {
		h := f.TextField()
		return func(s scope) bool { return holds(s.event.Text(h)) }
	}
	if name, args := called(n); name == fnLeaf {
		at, keys := base(args)
		leaf := newLeafTexts()
		return func(s scope) bool { return leaf.with(lookup(at(s), keys), holds) }
	}
	if h, ok := ipField(n); ok {
		ip := newLeafTexts()
		return func(s scope) bool { return ip.withIP(s.event.Addr(h), holds) }
	}
	t := textual(n)
	if t == nil {
		return nil
	}
	return func(s scope) bool { return holds(t(s)) }
}

// lowered returns the argument of lower(…), nil when n is no such call: comparisons fold case while they compare.
func lowered(n ast.Node) ast.Node {
	if b, ok := n.(*ast.BuiltinNode); ok && b.Name == "lower" {
		return b.Arguments[0]
	}
	return nil
}

// number is a compiled number: whole or real, or neither when it is not covered.
type number struct {
	whole func(scope) int64
	real  func(scope) float64
}

// float returns the number as a float.
func (n number) float() func(scope) float64 {
	if n.real != nil || n.whole == nil {
		return n.real
	}
	return func(s scope) float64 { return float64(n.whole(s)) }
}

// numeric compiles a number or a time. What may be missing has been asked for by a guard: here it is 0.
func numeric(n ast.Node) number {
	switch n := n.(type) {
	case *ast.IntegerNode:
		v := int64(n.Value)
		return number{whole: func(scope) int64 { return v }}
	case *ast.FloatNode:
		return number{real: func(scope) float64 { return n.Value }}
	case *ast.IdentifierNode:
		return numericField(fieldOf(n))
	case *ast.UnaryNode:
		return signed(n)
	case *ast.BinaryNode:
		return calculated(n)
	case *ast.CallNode:
		switch name, args := called(n); name {
		case fnInt:
			if i := wholeText(args[0]); i != nil {
				return number{whole: func(s scope) int64 { v, _ := i(s); return v }}
			}
		case fnFloat:
			if t := textual(args[0]); t != nil {
				return number{real: func(s scope) float64 { v, _ := parseFloat(t(s)); return v }}
			}
		case fnGeoDistance:
			return geoDistance(args)
		default:
			if c := clockNamed(name); c != nil {
				return c.number(args)
			}
		}
	case *ast.BuiltinNode:
		return size(n)
	}
	return number{}
}

func numericField(f *event.Field) number {
	if f == nil {
		return number{}
	}
	switch f.Type {
	case event.TypeInt:
		h := f.IntField()
		return number{whole: func(s scope) int64 { v, _ := s.event.Int(h); return v }}
	case event.TypeTime:
		h := f.TimeField()
		return number{whole: func(s scope) int64 { return s.event.UnixNano(h) }}
	case event.TypeFloat:
		h := f.FloatField()
		return number{real: func(s scope) float64 { v, _ := s.event.Float(h); return v }}
	}
	return number{}
}

func signed(n *ast.UnaryNode) number {
	v := numeric(n.Node)
	switch {
	case n.Operator == "+":
		return v
	case v.whole != nil:
		return number{whole: func(s scope) int64 { return -v.whole(s) }}
	case v.real != nil:
		return number{real: func(s scope) float64 { return -v.real(s) }}
	}
	return v
}

func calculated(n *ast.BinaryNode) number {
	l, r := numeric(n.Left), numeric(n.Right)
	if l.float() == nil || r.float() == nil {
		return number{}
	}
	if l.whole != nil && r.whole != nil && n.Operator != "/" {
		v := calculatedWhole(n.Operator, l.whole, r.whole)
		_, constL := n.Left.(*ast.IntegerNode)
		if _, constR := n.Right.(*ast.IntegerNode); constL && constR && v != nil {
			k := v(scope{})
			return number{whole: func(scope) int64 { return k }}
		}
		return number{whole: v}
	}
	a, b := l.float(), r.float()
	switch n.Operator {
	case "+":
		return number{real: func(s scope) float64 { return a(s) + b(s) }}
	case "-":
		return number{real: func(s scope) float64 { return a(s) - b(s) }}
	case "*":
		return number{real: func(s scope) float64 { return a(s) * b(s) }}
	case "/":
		return number{real: func(s scope) float64 { return a(s) / b(s) }}
	}
	return number{}
}

func calculatedWhole(operator string, a, b func(scope) int64) func(scope) int64 {
	switch operator {
	case "+":
		return func(s scope) int64 { return a(s) + b(s) }
	case "-":
		return func(s scope) int64 { return a(s) - b(s) }
	case "*":
		return func(s scope) int64 { return a(s) * b(s) }
	case "%":
		return func(s scope) int64 { return a(s) % b(s) } // b is a literal other than 0
	}
	return nil
}

// size compiles len and count.
func size(n *ast.BuiltinNode) number {
	switch n.Name {
	case "len":
		if t := textual(n.Arguments[0]); t != nil {
			return number{whole: func(s scope) int64 { return int64(utf8.RuneCountInString(t(s))) }}
		}
		return number{whole: counted(n.Arguments[0], nil)}
	case "count":
		if body := boolean(n.Arguments[1].(*ast.PredicateNode).Node); body != nil {
			return number{whole: counted(n.Arguments[0], body)}
		}
	}
	return number{}
}

// wholeText compiles int(…).
func wholeText(n ast.Node) func(scope) (int64, bool) {
	if name, args := called(n); name == fnLeaf {
		at, keys := base(args)
		return func(s scope) (int64, bool) { return leafInt(lookup(at(s), keys)) }
	}
	if t := textual(n); t != nil {
		return func(s scope) (int64, bool) { return parseInt(t(s)) }
	}
	return nil
}
