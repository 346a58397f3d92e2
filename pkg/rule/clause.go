package rule

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// clause is a condition, one of those that and joins to a larger one. Where several targets have the same there is only one:
// it lies in one place of the memory, and is asked once an event.
type clause struct {
	holds predicate
	no    uint16 // from 1, of one that stands in several places; 0: its answer need not be remembered
}

// maxShared is how many clauses of an index have a number.
const maxShared = 64 * len(answers{}.known)

// answers are what came of the clauses with a number that an event has been asked.
type answers struct{ known, yes [16]uint64 }

// holds reports whether the clause does.
func (a *answers) holds(c *clause, e *event.Event) bool {
	if c.no == 0 {
		return c.holds(scope{event: e})
	}
	word, bit := (c.no-1)/64, uint64(1)<<((c.no-1)%64)
	if a.known[word]&bit == 0 {
		a.known[word] |= bit
		if c.holds(scope{event: e}) {
			a.yes[word] |= bit
		}
	}
	return a.yes[word]&bit != 0
}

// clause returns the clause of a condition, the same for the same.
func (ix *indexing) clause(n ast.Node) *clause {
	spelled, ok := spell(n)
	c := ix.clauses[spelled]
	switch {
	case !ok:
		return &clause{holds: boolean(n)}
	case c == nil:
		c = &clause{holds: boolean(n)}
		ix.clauses[spelled] = c
	case c.no == 0 && ix.shared < maxShared:
		ix.shared++
		c.no = uint16(ix.shared)
	}
	return c
}

// spell returns a text that only the same conditions have; ok is false for what it does not know. Lists are told apart by
// where they lie, so the text is good as long as they are there. (The text that expr has for a tree is the same for 1 and 1.0,
// and for all lists.)
func spell(n ast.Node) (text string, ok bool) {
	s := speller{ok: true}
	ast.Walk(&n, &s)
	return string(s.text), s.ok
}

type speller struct {
	text []byte
	ok   bool
}

// Visit spells a node after those below it, with how many there are: so nothing is said in two ways.
func (s *speller) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		s.add(n, n.Value, 0)
	case *ast.StringNode:
		s.add(n, n.Value, 0)
	case *ast.IntegerNode:
		s.add(n, n.Value, 0)
	case *ast.FloatNode:
		s.add(n, n.Value, 0)
	case *ast.BoolNode:
		s.add(n, n.Value, 0)
	case *ast.ConstantNode:
		s.constant(n)
	case *ast.PointerNode:
		s.add(n, n.Name, 0)
	case *ast.PredicateNode:
		s.add(n, "", 1)
	case *ast.UnaryNode:
		s.add(n, n.Operator, 1)
	case *ast.BinaryNode:
		s.add(n, n.Operator, 2)
	case *ast.ConditionalNode:
		s.add(n, "", 3)
	case *ast.ArrayNode:
		s.add(n, "", len(n.Nodes))
	case *ast.CallNode:
		s.add(n, "", 1+len(n.Arguments))
	case *ast.BuiltinNode:
		s.add(n, n.Name, len(n.Arguments))
	default:
		s.ok = false
	}
}

func (s *speller) constant(n *ast.ConstantNode) {
	switch v := n.Value.(type) {
	case *list:
		s.text = fmt.Appendf(s.text, "list %p;", v)
	case netip.Addr, netip.Prefix, ports, *time.Location:
		s.text = fmt.Appendf(s.text, "%T %v;", v, v)
	default:
		s.ok = false
	}
}

func (s *speller) add(n ast.Node, value any, below int) {
	s.text = fmt.Appendf(s.text, "%T %#v %d;", n, value, below)
}
