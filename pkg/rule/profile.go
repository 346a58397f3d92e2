package rule

import (
	"slices"
	"strconv"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Cost is what evaluating one rule has cost.
type Cost struct {
	Rule        *Rule
	Evaluations uint64 // of its condition, of a sequence's steps all together: events that the index let through
	Matches     uint64 // evaluations that came out true, exceptions apart
	Time        time.Duration
}

// ProfileOptions says how closely to look.
type ProfileOptions struct {
	Now    func() time.Duration // a monotonic clock: this package has none
	Every  int                  // look at one event of so many, and count it for all of them; 1 looks at each
	Repeat int                  // evaluate so often for one reading of the clock, for what takes less than reading it; 0 is 1
}

// Profiler matches events as its set does and measures, for some of them, what each rule costs. It is not safe for
// concurrent use: one per goroutine. Events that it does not look at cost nothing more, and nothing allocates.
type Profiler struct {
	set    *Set
	o      ProfileOptions
	left   int           // events until the next that is looked at
	clock  time.Duration // what reading the clock costs
	costs  []Cost        // by place of the rule in the set
	places map[*Rule]int // in costs
}

// NewProfiler makes a profiler. It reads the clock some hundred times, to know what that costs.
func NewProfiler(set *Set, o ProfileOptions) *Profiler {
	o.Every, o.Repeat = max(o.Every, 1), max(o.Repeat, 1)
	p := &Profiler{set: set, o: o, left: o.Every, costs: make([]Cost, len(set.rules)), places: make(map[*Rule]int, len(set.rules))}
	for i, r := range set.rules {
		p.costs[i].Rule = r
		p.places[r] = i
	}
	p.clock = time.Hour
	for range 200 {
		from := o.Now()
		p.clock = min(p.clock, o.Now()-from)
	}
	return p
}

// Hits is Set.Hits.
func (p *Profiler) Hits(e *event.Event, dst []Hit) []Hit {
	if p.left--; p.left > 0 {
		return p.set.Hits(e, dst)
	}
	p.left = p.o.Every
	return p.set.indexes[e.Class].match(e, dst, p)
}

// append is appendMatches, measured.
func (p *Profiler) append(dst []Hit, candidates []*target, e *event.Event) []Hit {
	for _, t := range candidates {
		matches := false
		from := p.o.Now()
		for range p.o.Repeat {
			matches = t.matches(e)
		}
		took := max(0, p.o.Now()-from-p.clock)
		c := &p.costs[p.places[t.Rule]]
		c.Evaluations += uint64(p.o.Every)
		c.Time += took * time.Duration(p.o.Every) / time.Duration(p.o.Repeat)
		if matches {
			c.Matches += uint64(p.o.Every)
			dst = append(dst, t.hit(e))
		}
	}
	return dst
}

// Take gives the costs since the last call to add, in the order of the rules' ids and only of rules that had any, and
// starts anew.
func (p *Profiler) Take(add func(Cost)) {
	for i := range p.costs {
		if c := &p.costs[i]; c.Evaluations > 0 {
			add(*c)
			*c = Cost{Rule: c.Rule}
		}
	}
}

// IndexedBy says by which field the index finds a rule, of a sequence for each step: "event_name (3)" where one of three
// values is required, "" where the rule is tried on every event of the class.
func (s *Set) IndexedBy(r *Rule) []string {
	var by []string
	for _, t := range r.targets() {
		by = append(by, s.indexes[t.class].by(t))
	}
	return by
}

// by finds the one place where a target of the same rule and step hangs.
func (ix *index) by(t *target) string {
	same := func(o *target) bool { return o.Rule == t.Rule && o.Step == t.Step }
	for _, f := range event.Fields() {
		if f.Meta {
			continue
		}
		n := 0
		switch f.Type {
		case event.TypeText:
			for _, x := range ix.texts {
				if x.field == f.TextField() {
					n += countTargets(x.targets, same)
				}
			}
		case event.TypeInt:
			for _, x := range ix.ints {
				if x.field == f.IntField() {
					n += countTargets(x.targets, same)
				}
			}
		}
		if n > 0 {
			return f.Name + " (" + strconv.Itoa(n) + ")"
		}
	}
	return ""
}

// countTargets counts the values under which such a target hangs.
func countTargets[K comparable](targets map[K][]*target, same func(*target) bool) int {
	n := 0
	for _, ts := range targets {
		if slices.ContainsFunc(ts, same) {
			n++
		}
	}
	return n
}
