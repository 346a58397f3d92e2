package rule

import "github.com/shrike-sec/shrike/pkg/event"

// Set is a compiled, indexed set of rules. It is immutable and safe for concurrent use.
type Set struct {
	rules []*Rule
	hash  string
}

// Rules returns the rules, sorted by id. Do not change them.
func (s *Set) Rules() []*Rule { return s.rules }

// Hash identifies the set: all rules with their lists. Frames carry it.
func (s *Set) Hash() string { return s.hash }

// Match appends the rules whose class, outcome and condition hold for e to dst and returns it; rules of mode off never
// match. It allocates nothing beyond dst.
func (s *Set) Match(e *event.Event, dst []*Rule) []*Rule {
	for _, r := range s.rules {
		if r.matches(e) {
			dst = append(dst, r)
		}
	}
	return dst
}
