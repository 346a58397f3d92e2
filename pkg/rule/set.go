package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Set is a compiled, indexed set of rules. It is immutable and safe for concurrent use.
type Set struct {
	rules      []*Rule
	exceptions []*Exception
	hash       string
	indexes    [classes]*index // by class
}

// classes is how many event.Class there are, None included.
const classes = int(event.Alert) + 1

// NewSet returns the set of these rules, which Load has read, without exceptions: as their tests see them.
func NewSet(rules []*Rule) *Set { return newSet(rules, nil) }

// NewSetExcept is NewSet with exceptions from the rules: as the tests of an exception see them.
func NewSetExcept(rules []*Rule, exceptions ...*Exception) *Set { return newSet(rules, exceptions) }

// Filter returns the set of the rules to keep, with their exceptions.
func (s *Set) Filter(keep func(*Rule) bool) *Set {
	var rules []*Rule
	for _, r := range s.rules {
		if keep(r) {
			rules = append(rules, r)
		}
	}
	return newSet(rules, s.exceptions)
}

// With returns the set with further rules, whose ids it does not have.
func (s *Set) With(rules []*Rule) *Set { return newSet(slices.Concat(s.rules, rules), s.exceptions) }

// newSet makes a set. Exceptions of other rules are left out.
func newSet(rules []*Rule, exceptions []*Exception) *Set {
	s := &Set{rules: slices.Clone(rules)}
	slices.SortFunc(s.rules, byID)
	for _, x := range exceptions {
		if s.Rule(x.Rule) != nil {
			s.exceptions = append(s.exceptions, x)
		}
	}
	slices.SortFunc(s.exceptions, byExceptionID)
	s.index()
	s.hash = s.sum()
	return s
}

// index makes the indexes of the rules that are not off.
func (s *Set) index() {
	var byClass [classes][]*target
	for _, r := range s.rules {
		if r.Mode == Off {
			continue
		}
		for _, t := range r.targets() {
			for _, x := range s.exceptions {
				if x.covers(t) {
					t.exceptions = append(t.exceptions, x)
				}
			}
			byClass[t.class] = append(byClass[t.class], t)
		}
	}
	for c, targets := range byClass {
		s.indexes[c] = newIndex(targets)
	}
}

// sum is the hash of all rules with their lists, and of the exceptions from them.
func (s *Set) sum() string {
	h := sha256.New()
	for _, r := range s.rules {
		h.Write([]byte(r.ID + "\x00" + r.Version + "\x00"))
		for _, c := range r.conditions() {
			for _, l := range c.lists {
				h.Write([]byte(l.hash()))
			}
		}
	}
	for _, x := range s.exceptions {
		h.Write([]byte(x.hash()))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Exceptions returns the exceptions from these rules, sorted by id. Do not change them.
func (s *Set) Exceptions() []*Exception { return s.exceptions }

// Rules returns the rules, sorted by id. Do not change them.
func (s *Set) Rules() []*Rule { return s.rules }

// Rule returns the rule of that id, nil when there is none.
func (s *Set) Rule(id string) *Rule {
	i, ok := slices.BinarySearchFunc(s.rules, id, func(r *Rule, id string) int { return strings.Compare(r.ID, id) })
	if !ok {
		return nil
	}
	return s.rules[i]
}

// Hash identifies the set: all rules with their lists and exceptions. Frames carry it.
func (s *Set) Hash() string { return s.hash }

// Hits appends the rules whose class, outcome and condition hold for e to dst and returns it, in the order of their ids; a
// sequence comes once for each of its steps that matches, in their order. Hits that an exception takes away are among them,
// and say so. Rules of mode off never match. It allocates nothing beyond dst.
func (s *Set) Hits(e *event.Event, dst []Hit) []Hit { return s.indexes[e.Class].match(e, dst, nil) }
