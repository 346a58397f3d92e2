package rule

import (
	"slices"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

// The functions of checkfunction.go: as closures, then for expr's machine.

func globbed(n ast.Node, pattern string) predicate {
	return onText(n, func(v string) bool { return globs(v, pattern) })
}

// folding returns the test of a function that does not regard case.
func folding(name string, literals []string) func(string) bool {
	if name == fnGlobFold {
		patterns := make([][]rune, len(literals))
		for i, l := range literals {
			patterns[i] = foldedLetters(l)
		}
		return func(v string) bool {
			return slices.ContainsFunc(patterns, func(p []rune) bool { return foldedGlobs(v, p) })
		}
	}
	words := newFoldeds(literals)
	switch name {
	case fnEqualFold:
		return func(v string) bool { return slices.ContainsFunc(words, func(f folded) bool { return f.equals(v) }) }
	case fnContainsFold:
		return func(v string) bool { return slices.ContainsFunc(words, func(f folded) bool { return f.within(v) }) }
	case fnStartsFold:
		return func(v string) bool { return slices.ContainsFunc(words, func(f folded) bool { return f.begins(v) }) }
	}
	return func(v string) bool { return slices.ContainsFunc(words, func(f folded) bool { return f.ends(v) }) }
}

// geoDistance compiles the distance between two places.
func geoDistance(args []ast.Node) number {
	var at [4]func(scope) float64
	for i, a := range args {
		if at[i] = numeric(a).float(); at[i] == nil {
			return number{}
		}
	}
	return number{real: func(s scope) float64 { return distance(at[0](s), at[1](s), at[2](s), at[3](s)) }}
}

// bound compiles an end of a range of ports.
func bound(n ast.Node) func(scope) portBound {
	if f := fieldOf(n); f != nil && f.Type == event.TypeInt {
		h := f.IntField()
		return func(s scope) portBound { return numberBound(s.event.Int(h)) }
	}
	if i, ok := n.(*ast.IntegerNode); ok {
		b := numberBound(int64(i.Value), true)
		return func(scope) portBound { return b }
	}
	if name, args := called(n); name == fnLeaf {
		at, keys := base(args)
		return func(s scope) portBound {
			v := lookup(at(s), keys)
			if v == nil || v.Type() != fastjson.TypeNumber {
				return textBound(leafText(v, nil))
			}
			n, ok := leafInt(v) // numbers have no text that could be had for nothing
			if !ok {
				return portBound{state: notAPort}
			}
			return numberBound(n, true)
		}
	}
	t := textual(n)
	if t == nil {
		return nil
	}
	return func(s scope) portBound { return textBound(t(s)) }
}

func overlapping(lo, hi ast.Node, wanted ports) predicate {
	l, h := bound(lo), bound(hi)
	if l == nil || h == nil {
		return nil
	}
	return func(s scope) bool { return wanted.overlap(l(s), h(s)) }
}

// onPolicy compiles the functions on policy documents.
func onPolicy(name string, args []ast.Node) predicate {
	accounts := make([]func(scope) string, 0, len(args)-1)
	for _, a := range args[1:] {
		t := textual(a)
		if t == nil {
			return nil
		}
		accounts = append(accounts, t)
	}
	p := newPolicies()
	var document func(s scope, holds func(*fastjson.Value) bool) bool
	if of, at := called(args[0]); of == fnPart {
		value, keys := base(at)
		document = func(s scope, holds func(*fastjson.Value) bool) bool { return p.value(lookup(value(s), keys), holds) }
	} else {
		t := textual(args[0])
		if t == nil {
			return nil
		}
		document = func(s scope, holds func(*fastjson.Value) bool) bool { return p.text(t(s), holds) }
	}
	switch name {
	case fnPolicyPublic:
		return func(s scope) bool { return document(s, allowsPublic) }
	case fnPolicyAction:
		return func(s scope) bool { return document(s, allowsEveryAction) }
	}
	return func(s scope) bool {
		return document(s, func(statement *fastjson.Value) bool {
			for _, a := range accounts {
				if allowsAccount(statement, a(s)) {
					return true
				}
			}
			return false
		})
	}
}

// moreFunctions are those of this file for expr's machine.
func moreFunctions() []expr.Option {
	p := newPolicies()
	document := func(v any, holds func(*fastjson.Value) bool) bool {
		switch v := v.(type) {
		case string:
			return p.text(v, holds)
		case *fastjson.Value:
			return p.value(v, holds)
		}
		return false
	}
	options := []expr.Option{
		expr.Function(fnPart, func(p ...any) (any, error) {
			v, keys := pathOf(p)
			return lookup(v, keys), nil
		}, new(func(any, ...string) any)),
		expr.Function(fnGlob, func(p ...any) (any, error) { return globs(p[0].(string), p[1].(string)), nil }, new(func(string, string) bool)),
		expr.Function(fnPortsOverlap, func(p ...any) (any, error) {
			return p[2].(ports).overlap(boundOf(p[0]), boundOf(p[1])), nil
		}, new(func(any, any, any) bool)),
		expr.Function(fnPolicyPublic, func(p ...any) (any, error) { return document(p[0], allowsPublic), nil }, new(func(any) bool)),
		expr.Function(fnPolicyAction, func(p ...any) (any, error) { return document(p[0], allowsEveryAction), nil }, new(func(any) bool)),
		expr.Function(fnPolicyAccount, func(p ...any) (any, error) {
			return document(p[0], func(statement *fastjson.Value) bool {
				for _, a := range p[1:] {
					if allowsAccount(statement, a.(string)) {
						return true
					}
				}
				return false
			}), nil
		}, new(func(any, ...string) bool)),
		expr.Function(fnGeoDistance, func(p ...any) (any, error) {
			return distance(floatOf(p[0]), floatOf(p[1]), floatOf(p[2]), floatOf(p[3])), nil
		}, new(func(any, any, any, any) float64)),
	}
	for _, name := range []string{fnEqualFold, fnContainsFold, fnStartsFold, fnEndsFold, fnGlobFold} {
		options = append(options, expr.Function(name, func(p ...any) (any, error) {
			literals := make([]string, len(p)-1)
			for i, l := range p[1:] {
				literals[i] = l.(string)
			}
			return folding(name, literals)(p[0].(string)), nil
		}, new(func(string, ...string) bool)))
	}
	return append(append(options, ipTextFunction()), clockFunctions()...)
}

func floatOf(v any) float64 {
	if i, ok := v.(int); ok {
		return float64(i)
	}
	f, _ := v.(float64)
	return f
}

func boundOf(v any) portBound {
	switch v := v.(type) {
	case int:
		return numberBound(int64(v), true)
	case string:
		return textBound(v)
	}
	return portBound{state: noPort}
}
