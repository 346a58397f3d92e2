// Package sequence is the kind sequence: where the events of a group complete its steps.
//
// A Plan knows the steps and times, nothing of alerts. An end is the time e of an event at which a match completes: one
// event of each step, none of them twice, all in (e−W, e]; ordered, their times do not fall from step to step. Between two
// steps may stand unless steps: no event of theirs lies between the two events, both ends included. Unless steps behind the
// last: none of theirs lies in [e, e+W). Without unless, more events never take an end away.
//
// correlate keeps each group's marks, calls Ends for the stretch of time that arrivals can have changed, and Cover for what
// takes part in an end.
package sequence

import (
	"math"
	"sort"
)

// Mark is what is kept of one step's event.
type Mark struct {
	Time     int64 // event time, Unix nanoseconds
	ID       string
	Sample   string // the event as evidence, packed
	Severity int8
	State    uint8 // correlate's
}

// Step says what a Plan has to know of a step.
type Step struct{ Unless bool }

// Plan finds the ends of one rule. It is used for all groups of the rule in turn.
type Plan struct {
	within   int64
	ordered  bool
	need     []int   // the steps that must be, by their index
	between  [][]int // between[i]: unless steps between need[i-1] and need[i]
	trailing []int   // unless steps behind the last

	best, next []int64  // scratch, see ordered; index i: i steps are complete
	heads      []int    // scratch: by step
	now        [][]Mark // scratch: marks of one time, by needed step
	blocked    []bool   // scratch: whether a match of so many steps ends at that time
	owner      map[string]int
}

// New returns a plan; the first step is not unless, and none is if the order is open.
func New(within int64, ordered bool, steps []Step) *Plan {
	p := &Plan{within: within, ordered: ordered, between: make([][]int, 1), owner: map[string]int{}}
	var unless []int
	for i, s := range steps {
		if s.Unless {
			unless = append(unless, i)
			continue
		}
		if len(p.need) > 0 {
			p.between = append(p.between, unless)
		}
		p.need, unless = append(p.need, i), nil
	}
	p.trailing = unless
	p.best, p.next = make([]int64, len(p.need)+1), make([]int64, len(p.need)+1)
	p.heads, p.now, p.blocked = make([]int, len(steps)), make([][]Mark, len(p.need)), make([]bool, len(p.need)+1)
	return p
}

// Need lists the steps that must be, by their index.
func (p *Plan) Need() []int { return p.need }

// Waits reports whether a later event can take an end away; delay is by how much later than the end it may be.
func (p *Plan) Waits() (waits bool, delay int64) {
	if len(p.trailing) > 0 {
		return true, p.within
	}
	for _, b := range p.between {
		waits = waits || len(b) > 0
	}
	return waits, 0
}

// Ends calls fire for each end in [from, to), in their order. steps has each step's marks, sorted by time, each event once.
func (p *Plan) Ends(steps [][]Mark, from, to int64, fire func(e int64)) {
	for i, marks := range steps {
		p.heads[i] = after(marks, from-p.within)
	}
	if p.ordered {
		p.orderedEnds(steps, from, to, fire)
		return
	}
	for {
		t := p.soonest(steps, to)
		if t == math.MaxInt64 {
			return
		}
		for _, i := range p.need {
			for p.heads[i] < len(steps[i]) && steps[i][p.heads[i]].Time == t {
				p.heads[i]++
			}
		}
		if t >= from && p.complete(steps, t) {
			fire(t)
		}
	}
}

// complete reports whether (t−W, t], which ends at the heads, has a match.
func (p *Plan) complete(steps [][]Mark, t int64) bool {
	sets := make([][]Mark, 0, 10)
	for _, i := range p.need {
		in := steps[i][:p.heads[i]]
		in = in[after(in, t-p.within):]
		if len(in) == 0 {
			return false
		}
		sets = append(sets, in)
	}
	return p.distinct(sets)
}

// none says that no match has come so far.
const none = math.MinInt64

// orderedEnds goes through the marks once, time by time. best[i] is the latest first event of the matches of i steps that
// nothing has forbidden to go on: where a later event can complete any of them, it completes that one.
func (p *Plan) orderedEnds(steps [][]Mark, from, to int64, fire func(e int64)) {
	n := len(p.need)
	for i := range p.best {
		p.best[i] = none
	}
	for {
		t := p.soonest(steps, to)
		if t == math.MaxInt64 {
			return
		}
		p.advance(steps, t)
		if e := p.next[n]; e > t-p.within && t >= from && !p.forbidden(steps, t) {
			fire(t)
		}
	}
}

// soonest returns the time of the next marks before to, MaxInt64 when there are none. Trailing steps are looked up, not
// passed by.
func (p *Plan) soonest(steps [][]Mark, to int64) int64 {
	t := int64(math.MaxInt64)
	see := func(i int) {
		if h := p.heads[i]; h < len(steps[i]) && steps[i][h].Time < to {
			t = min(t, steps[i][h].Time)
		}
	}
	for k, i := range p.need {
		see(i)
		for _, u := range p.between[k] {
			see(u)
		}
	}
	return t
}

// advance takes in all marks of one time, whose order among each other is open.
func (p *Plan) advance(steps [][]Mark, t int64) {
	n := len(p.need)
	now, blocked := p.now, p.blocked
	for k, i := range p.need {
		now[k], blocked[k] = p.take(steps[i], i, t), false
		for _, u := range p.between[k] {
			blocked[k] = len(p.take(steps[u], u, t)) > 0 || blocked[k]
		}
	}
	for i := range p.next {
		p.next[i] = none
	}
	for a := range n {
		first := t
		if a > 0 {
			first = p.best[a]
		}
		if first == none || blocked[a] {
			continue
		}
		for b := a + 1; b <= n && len(now[b-1]) > 0 && p.distinct(now[a:b]) && !blocked[b]; b++ {
			p.next[b] = max(p.next[b], first)
		}
	}
	for i := 1; i < n; i++ {
		if blocked[i] {
			p.best[i] = none
		}
		p.best[i] = max(p.best[i], p.next[i])
	}
}

// take moves a step's head over its marks of time t and returns them.
func (p *Plan) take(marks []Mark, step int, t int64) []Mark {
	from := p.heads[step]
	for p.heads[step] < len(marks) && marks[p.heads[step]].Time == t {
		p.heads[step]++
	}
	return marks[from:p.heads[step]]
}

// forbidden reports whether a trailing step lies in [e, e+W).
func (p *Plan) forbidden(steps [][]Mark, e int64) bool {
	for _, u := range p.trailing {
		if i := after(steps[u], e-1); i < len(steps[u]) && steps[u][i].Time < e+p.within {
			return true
		}
	}
	return false
}

// distinct reports whether each set can give an event that no other gives: a matching, found along augmenting paths. Of
// each set as many events as there are sets are enough, since the others cannot take more.
func (p *Plan) distinct(sets [][]Mark) bool {
	if len(sets) == 1 {
		return len(sets[0]) > 0
	}
	clear(p.owner)
	var give func(set int, tried map[string]bool) bool
	give = func(set int, tried map[string]bool) bool {
		for _, m := range sets[set][:min(len(sets[set]), len(sets))] {
			if tried[m.ID] {
				continue
			}
			tried[m.ID] = true
			if other, taken := p.owner[m.ID]; !taken || give(other, tried) {
				p.owner[m.ID] = set
				return true
			}
		}
		return false
	}
	for i := range sets {
		if !give(i, map[string]bool{}) {
			return false
		}
	}
	return true
}

// Range is a stretch of a step's marks, by their index.
type Range struct{ From, To int }

// Cover returns for each needed step the marks that take part in the end e: unordered, all in (e−W, e]; ordered, those of
// chains that lie there and end at e. Neither end of a range falls when e or the marks grow.
func (p *Plan) Cover(steps [][]Mark, e int64, ranges []Range) []Range {
	ranges = ranges[:0]
	bound := e - p.within
	for k, i := range p.need {
		r := Range{From: after(steps[i], bound), To: after(steps[i], e)}
		if p.ordered && r.From < r.To {
			bound = steps[i][r.From].Time - 1
		}
		if p.ordered && k == len(p.need)-1 {
			r.From = after(steps[i], e-1)
		}
		ranges = append(ranges, r)
	}
	if !p.ordered {
		return ranges
	}
	bound = e
	for k := len(p.need) - 1; k >= 0; k-- {
		marks := steps[p.need[k]]
		ranges[k].To = after(marks, bound)
		if ranges[k].To > 0 {
			bound = min(bound, marks[ranges[k].To-1].Time)
		}
	}
	return ranges
}

// after returns the index of the first mark later than t.
func after(marks []Mark, t int64) int {
	return sort.Search(len(marks), func(i int) bool { return marks[i].Time > t })
}
