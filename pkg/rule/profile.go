package rule

import (
	"strconv"
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Cost is what evaluating one rule has cost.
type Cost struct {
	Rule        *Rule
	Evaluations uint64        // of its condition, of a sequence's steps all together: events that the index let through, to each side of an or by itself
	Matches     uint64        // evaluations that came out true, exceptions apart
	Time        time.Duration // of what the index leaves of the condition, asked of each rule by itself
}

// ProfileOptions says how closely to look.
type ProfileOptions struct {
	Now    func() time.Duration // a monotonic clock: this package has none
	Every  int                  // look at one event of so many, and count it for all of them; 1 looks at each
	Repeat int                  // evaluate so often for one reading, twice, and take the faster: against pauses; 0 evaluates once
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
	o.Every = max(o.Every, 1)
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

// append appends the target's hit, if it takes the event, and measures that.
func (p *Profiler) append(dst []Hit, t *hung, e *event.Event) []Hit {
	matches, took := p.evaluate(t, e)
	c := &p.costs[p.places[t.Rule]]
	c.Evaluations += uint64(p.o.Every)
	c.Time += took * time.Duration(p.o.Every)
	if matches {
		c.Matches += uint64(p.o.Every)
		dst = append(dst, t.hit(e))
	}
	return dst
}

// evaluate evaluates one condition and says how long that takes.
func (p *Profiler) evaluate(t *hung, e *event.Event) (matches bool, took time.Duration) {
	if p.o.Repeat == 0 {
		from := p.o.Now()
		matches = t.matches(e)
		return matches, max(0, p.o.Now()-from-p.clock)
	}
	took = time.Hour
	for range 2 {
		from := p.o.Now()
		for range p.o.Repeat {
			matches = t.matches(e)
		}
		took = min(took, max(0, p.o.Now()-from-p.clock)/time.Duration(p.o.Repeat))
	}
	return matches, took
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

// IndexedBy says by what the index finds a rule, of a sequence for each step: "event_name (3)" where one of three values is
// required, "event_name (1) or user_agent (2 parts)" where one or to contain one of two texts, "" where the rule is tried on
// every event of the class.
func (s *Set) IndexedBy(r *Rule) []string {
	var by []string
	for _, t := range r.targets() {
		by = append(by, needOf(t.cond.tree).String())
	}
	return by
}

// String says what the need is of, "" where it cannot be looked up.
func (n need) String() string {
	var all []string
	for _, q := range n.any {
		what := strconv.Itoa(len(q.texts) + len(q.ints))
		if len(q.parts) > 0 {
			what = strconv.Itoa(len(q.parts)) + " parts"
		}
		all = append(all, q.field.Name+" ("+what+")")
	}
	return strings.Join(all, " or ")
}
