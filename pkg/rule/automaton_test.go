package rule

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The automaton finds the words that the text contains, no others. (Without the edges that link copies, or without shorter, it
// fails.)
func TestAutomatonFindsWords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := map[string][]hung{}
		var all []string
		for _, w := range rapid.SliceOfN(rapid.StringMatching("[abc/]{3,5}"), 1, 12).Draw(t, "words") {
			words[w] = []hung{{no: uint16(len(all) + 1)}}
			all = append(all, w)
		}
		a := newAutomaton(words)
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(append(all, "A", "B", "c", "x", "X/")), 0, 12).Draw(t, "text"), "")
		var got, want []string
		state := uint32(0)
		for i := range len(text) {
			if state = a.after(state, text[i]); state&ends == 0 {
				continue
			}
			for n := a.node(state); n != nil; n = n.shorter {
				for _, target := range n.targets {
					got = append(got, all[target.no-1])
				}
			}
		}
		for w := range words {
			if strings.Contains(strings.ToLower(text), w) {
				want = append(want, w)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Fatalf("%v in %q: found %v, want %v", all, text, got, want)
		}
	})
}
