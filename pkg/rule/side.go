package rule

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// maxSides is how many sides of or hang by themselves at most.
const maxSides = 64

// sides takes a condition apart that is a or b or …: an event that the index finds by what b needs is not held against a. The
// condition itself is the only side where it is not of that kind.
func (t *target) sides() []ast.Node {
	if !t.cond.native {
		return []ast.Node{t.cond.tree}
	}
	var sides []ast.Node
	for _, side := range operands("or", t.cond.tree) {
		sides = append(sides, rareSides(side)...)
	}
	if len(sides) > maxSides {
		return []ast.Node{t.cond.tree}
	}
	return sides
}

// rareSides takes one or inside of and apart, as in a and (b or c or d): an alternative that fewer events fit than what the
// whole would hang on becomes a side by itself (a and b), and the others stay together (a and (c or d)).
func rareSides(tree ast.Node) []ast.Node {
	all, whole := operands("and", tree), needOf(tree)
	for i, n := range all {
		var rare, others []ast.Node
		for _, side := range operands("or", n) {
			if need := needOf(side); need.why == "" && need.share < whole.share {
				rare = append(rare, side)
			} else {
				others = append(others, side)
			}
		}
		if len(rare) == 0 || len(rare)+len(others) == 1 {
			continue
		}
		if len(others) > 0 {
			rare = append(rare, join("or", others))
		}
		for j, side := range rare {
			one := slices.Clone(all)
			one[i] = side
			rare[j] = join("and", one)
		}
		return rare
	}
	return []ast.Node{tree}
}

// operands returns the conditions that n joins by and, or by or; n itself when it does not. A range stays one.
func operands(operator string, n ast.Node) []ast.Node {
	if b, ok := n.(*ast.BinaryNode); ok && b.Operator == operator {
		if _, ok := requireRange(b); !ok {
			return append(operands(operator, b.Left), operands(operator, b.Right)...)
		}
	}
	return []ast.Node{n}
}

// join is the reverse of operands.
func join(operator string, nodes []ast.Node) ast.Node {
	n := nodes[0]
	for _, right := range nodes[1:] {
		n = &ast.BinaryNode{Operator: operator, Left: n, Right: right}
	}
	return n
}
