package rule

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Closures and expr's machine run the same tree and must agree on every condition and event of every class; the machine
// must not fail. A pair that is false says little, so a fifth of the pairs must be true, and everything that the language
// has must be in a thousand of them. All conditions run as closures: else the machine would be compared with itself. (Without the
// guard that order in check.go returns, or one of the cases of ordered in compare.go, it fails.)
func TestClosuresAgreeWithMachine(t *testing.T) {
	t.Parallel()
	const conditions, events, leastTrue = 110, 25, 1000
	var vocabularies []*vocabulary
	for _, c := range event.LogClasses() {
		vocabularies = append(vocabularies, newVocabulary(c).narrowed())
	}
	pairs, hold, trueOf := 0, 0, map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(append(vocabularies, vocabularies[0], vocabularies[0])).Draw(t, "class") // only api has objects
		seed := rapid.Uint64().Draw(t, "seed")
		var all []*event.Event
		for i := range events {
			all = append(all, randomEvent(v, seed+uint64(i)))
		}
		for range conditions {
			source := generator{t: t, v: v}.condition(2)
			cond := mustCompileFor(t, source, v.class)
			if !cond.native {
				t.Fatalf("%s as %s does not run as closures", source, cond.tree)
			}
			n := 0
			for _, e := range all {
				want, err := cond.machine.eval(e)
				if err != nil {
					t.Fatalf("%s as %s: %v", source, cond.tree, err)
				}
				if got := cond.holds(scope{event: e}); got != want {
					t.Fatalf("%s as %s on %s: closures say %v, the machine %v", source, cond.tree, e.AppendJSON(nil), got, want)
				}
				if want {
					n++
				}
			}
			pairs, hold = pairs+events, hold+n
			for _, feature := range featuresOf(source) {
				trueOf[feature] += n
			}
		}
	})
	t.Logf("%d pairs, %d true (%d %%)", pairs, hold, 100*hold/pairs)
	if hold*5 < pairs {
		t.Errorf("only %d of %d pairs are true", hold, pairs)
	}
	for _, name := range slices.Sorted(maps.Keys(trueOf)) {
		t.Logf("%7d true pairs: %s", trueOf[name], name)
	}
	for _, name := range language() {
		if trueOf[name] < leastTrue {
			t.Errorf("%s is in %d true pairs, want %d", name, trueOf[name], leastTrue)
		}
	}
}

// language lists what conditions are made of: all operators, functions and types.
func language() []string {
	all := []string{
		"and", "or", "&&", "||", "not", "!", "?:", "?.", "+", "-", "*", "/", "%", "sign -", "sign +", "..", "#", "[]", "raw", "unmapped",
		"==", "!=", "<", "<=", ">", ">=", "in", "contains", "startsWith", "endsWith", "matches",
		"text literal", "whole literal", "real literal", "boolean literal", "list literal",
	}
	for _, name := range ours {
		if name != "hasPrefix" && name != "hasSuffix" { // which are hints only
			all = append(all, name)
		}
	}
	for _, f := range event.Fields() {
		if name := "type " + f.Type.String(); !f.Meta && !contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// featuresOf says what of the language a condition has, each once.
func featuresOf(source string) []string {
	tree, err := parser.ParseWithConfig(spreadBrackets(source), parserConfig())
	if err != nil {
		panic(err)
	}
	var c collector
	ast.Walk(&tree.Node, &c)
	if strings.Contains(source, "&&") {
		c = append(c, "&&")
	}
	if strings.Contains(source, "||") {
		c = append(c, "||")
	}
	slices.Sort(c)
	return slices.Compact(c)
}

type collector []string

func (c *collector) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.BinaryNode:
		*c = append(*c, n.Operator)
	case *ast.UnaryNode:
		*c = append(*c, map[string]string{"-": "sign -", "+": "sign +", "not": "not", "!": "!"}[n.Operator])
	case *ast.BuiltinNode:
		*c = append(*c, n.Name)
	case *ast.CallNode:
		*c = append(*c, fmt.Sprint(n.Callee))
	case *ast.ConditionalNode:
		*c = append(*c, "?:")
	case *ast.ChainNode:
		*c = append(*c, "?.")
	case *ast.PointerNode:
		*c = append(*c, "#")
	case *ast.MemberNode:
		if p, ok := n.Property.(*ast.StringNode); ok && p.Value == every {
			*c = append(*c, "[]")
		}
	case *ast.StringNode:
		*c = append(*c, "text literal")
	case *ast.IntegerNode:
		*c = append(*c, "whole literal")
	case *ast.FloatNode:
		*c = append(*c, "real literal")
	case *ast.BoolNode:
		*c = append(*c, "boolean literal")
	case *ast.ArrayNode:
		*c = append(*c, "list literal")
	case *ast.IdentifierNode:
		if n.Value == rawField {
			*c = append(*c, "raw")
		} else if n.Value == unmappedField {
			*c = append(*c, "unmapped")
		} else if f := event.Lookup(n.Value); f != nil {
			*c = append(*c, "type "+f.Type.String())
		}
	}
}
