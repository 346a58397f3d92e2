package jsonrec

import "strings"

// Set puts a value into the walker's event; false says that it does not fit, and the value goes to unmapped. Values
// are valid until the parser's emit returns; null never gets here.
type Set func(w *Walker, v Value) bool

// Member is one line of a format's table.
type Member struct {
	path []string
	set  Set
}

// At is the member of that dotted path. A name that ends in "[]" is a list whose elements are meant: "answers[].Rdata"
// is a member of each. A list with a member of no name ("answers[]") has elements that are no objects.
func At(path string, set Set) Member { return Member{strings.Split(path, "."), set} }

// AtKeys is At for names that hold dots.
func AtKeys(set Set, names ...string) Member { return Member{names, set} }

// Schema is a format's table. It never changes after New and may be shared.
type Schema struct {
	root  *node
	depth int // how many objects and lists lie in each other at most
}

// node is an object, a list or a value of the table; a name may be one thing in one record and another in the next.
type node struct {
	path    string
	set     Set
	members map[string]*node
	element *node // of a list
}

// New makes a Schema. A path that is listed twice is a bug and panics.
func New(members ...Member) *Schema {
	root, depth := &node{}, 0
	for _, m := range members {
		n := root
		depth = max(depth, 2*len(m.path))
		for _, name := range m.path {
			name, list := strings.CutSuffix(name, "[]")
			n = n.child(name)
			if list {
				if n.element == nil {
					n.element = &node{path: n.path}
				}
				n = n.element
			}
		}
		if n.set != nil {
			panic("BUG: member " + n.path + " is listed twice")
		}
		n.set = m.set
	}
	return &Schema{root, depth}
}

func (n *node) child(name string) *node {
	if n.members == nil {
		n.members = map[string]*node{}
	}
	c := n.members[name]
	if c == nil {
		c = &node{path: name}
		if n.path != "" {
			c.path = n.path + "." + name
		}
		n.members[name] = c
	}
	return c
}
