package rule

// automaton finds all of many words in one pass over a text in ASCII, without regard to case (Aho and Corasick, "Efficient
// string matching: an aid to bibliographic search", 1975, as a table). Its time does not depend on how many words there are.
type automaton struct {
	class [256]uint8 // letters that no word has are one
	width uint32     // how many classes there are
	next  []uint32   // by node times width and class: the next node times width, with ends where words end there
	nodes []node
}

// node is the end of a part of some words that has been read.
type node struct {
	targets []hung // of the word that it is, if it is one
	shorter *node  // the longest word that also ends here, nil when there is none
}

// ends marks a state in which words end; without it a state is its node's place in next.
const ends = 1 << 31

// newAutomaton makes an automaton of words in ASCII, lower case, with what hangs on them.
func newAutomaton(words map[string][]hung) *automaton {
	a := &automaton{width: 1}
	for w := range words {
		for i := range len(w) {
			c := w[i]
			if a.class[c] > 0 {
				continue
			}
			a.class[c] = uint8(a.width)
			if 'a' <= c && c <= 'z' {
				a.class[c-'a'+'A'] = uint8(a.width)
			}
			a.width++
		}
	}
	a.grow()
	for w, targets := range words {
		at := uint32(0)
		for i := range len(w) {
			edge := at + uint32(a.class[w[i]])
			if a.next[edge] == 0 {
				to := a.grow()
				a.next[edge] = to
			}
			at = a.next[edge]
		}
		a.nodes[at/a.width].targets = targets
	}
	a.link()
	return a
}

// grow adds a node without edges and returns its state.
func (a *automaton) grow() uint32 {
	state := uint32(len(a.next))
	a.nodes = append(a.nodes, node{})
	a.next = append(a.next, make([]uint32, a.width)...)
	return state
}

// link gives each node, the shorter ones first, the edges of the longest end of it that begins a word.
func (a *automaton) link() {
	back := make([]uint32, len(a.nodes)) // states
	queue := []uint32{0}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		n, b := a.node(at), a.node(back[at/a.width])
		if at != 0 {
			if n.shorter = b.shorter; b.targets != nil {
				n.shorter = b
			}
		}
		for class := range a.width {
			other := uint32(0) // where the end that is carried on leads
			if at != 0 {
				other = a.next[back[at/a.width]+class]
			}
			to := &a.next[at+class]
			if *to == 0 {
				*to = other
				continue
			}
			back[*to/a.width] = other
			queue = append(queue, *to)
		}
	}
	for i, to := range a.next {
		if n := a.node(to); n.targets != nil || n.shorter != nil {
			a.next[i] |= ends
		}
	}
}

// node returns the node of a state.
func (a *automaton) node(state uint32) *node { return &a.nodes[state&^ends/a.width] }

// after returns the state after one more letter.
func (a *automaton) after(state uint32, c byte) uint32 {
	return a.next[state&^ends+uint32(a.class[c])]
}
