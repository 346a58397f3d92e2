package rule

// automaton finds all of many words in one pass over a text in ASCII, without regard to case (Aho and Corasick, "Efficient
// string matching: an aid to bibliographic search", 1975, as a table). Its time does not depend on how many words there are.
type automaton struct {
	class [256]uint8 // letters that no word has are one
	width uint32     // how many classes there are
	next  []uint32   // by node and class: the next node shifted by one, and in the lowest bit whether words end there
	nodes []node
}

// node is the end of a part of some words that has been read.
type node struct {
	targets []*target // of the word that it is, if it is one
	shorter *node     // the longest word that also ends here, nil when there is none
}

// ends marks a state in which words end.
const ends = 1

// newAutomaton makes an automaton of words in ASCII, lower case, with what hangs on them.
func newAutomaton(words map[string][]*target) *automaton {
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
			edge := at*a.width + uint32(a.class[w[i]])
			if a.next[edge] == 0 {
				a.next[edge] = a.grow() << 1
			}
			at = a.next[edge] >> 1
		}
		a.nodes[at].targets = targets
	}
	a.link()
	return a
}

// grow adds a node without edges.
func (a *automaton) grow() uint32 {
	a.nodes = append(a.nodes, node{})
	a.next = append(a.next, make([]uint32, a.width)...)
	return uint32(len(a.nodes) - 1)
}

// link gives each node, the shorter ones first, the edges of the longest end of it that begins a word.
func (a *automaton) link() {
	back := make([]uint32, len(a.nodes))
	queue := []uint32{0}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		if b := back[at]; at != 0 {
			if a.nodes[at].shorter = a.nodes[b].shorter; a.nodes[b].targets != nil {
				a.nodes[at].shorter = &a.nodes[b]
			}
		}
		for class := range a.width {
			edge := at*a.width + class
			other := uint32(0) // where the end that is carried on leads
			if at != 0 {
				other = a.next[back[at]*a.width+class]
			}
			if a.next[edge] == 0 {
				a.next[edge] = other
				continue
			}
			to := a.next[edge] >> 1
			back[to] = other >> 1
			queue = append(queue, to)
		}
	}
	for i, edge := range a.next {
		if n := &a.nodes[edge>>1]; n.targets != nil || n.shorter != nil {
			a.next[i] |= ends
		}
	}
}

// after returns the state after one more letter.
func (a *automaton) after(state uint32, c byte) uint32 {
	return a.next[state>>1*a.width+uint32(a.class[c])]
}
