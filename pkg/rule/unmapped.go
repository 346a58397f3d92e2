package rule

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// unmappedField is what a log has and no field holds, as names and texts. It is no field that events hold as they hold others;
// conditions and keys name what is in it: unmapped.insightDetails.state, which is unmapped["insightDetails.state"], as in SQL
// unmapped['insightDetails.state']. Names are those that shrike parse prints.
const unmappedField = "unmapped"

const (
	unmappedAlone = `unmapped has many values: name one, unmapped.x or unmapped["x.y"], as shrike parse prints it`
	unmappedArray = `unmapped has texts only, and no elements: name it as shrike parse prints it`
)

// unmappedName is the name that a path means: keys with a dot in them are as good as two.
func unmappedName(keys []string) (string, *mistake) {
	switch {
	case len(keys) == 0:
		return "", &mistake{message: unmappedAlone}
	case slices.Contains(keys, "[]"), slices.Contains(keys, every):
		return "", &mistake{message: unmappedArray}
	}
	return strings.Join(keys, "."), nil
}

// unmappedText returns the text of a name, "" when the event has none.
func unmappedText(pairs []event.Pair, name string) string {
	for i := range pairs {
		if pairs[i].Key == name {
			return pairs[i].Value
		}
	}
	return ""
}

// unmappedMember checks a path below unmapped; ok is false when the node is none.
func (c *checker) unmappedMember(n *ast.MemberNode) (o operand, ok bool) {
	var keys []string
	var at ast.Node = n
	for {
		if chain, ok := at.(*ast.ChainNode); ok {
			at = chain.Node
		}
		m, ok := at.(*ast.MemberNode)
		if !ok {
			break
		}
		key, ok := m.Property.(*ast.StringNode)
		if !ok {
			key = &ast.StringNode{Value: every} // an index
		}
		keys = append(keys, key.Value)
		at = m.Node
	}
	id, ok := at.(*ast.IdentifierNode)
	if !ok || id.Value != unmappedField {
		return operand{}, false
	}
	f := event.Lookup(unmappedField)
	if !f.In(c.class) {
		return operand{}, false // as any field that the class has not
	}
	slices.Reverse(keys)
	name, wrong := unmappedName(keys)
	if wrong != nil {
		c.report(n, "", "%s", wrong.message)
		return operand{}, true
	}
	c.reads(operand{field: f})
	return operand{shape: text, node: call(fnUnmapped, id, &ast.StringNode{Value: name})}, true
}
