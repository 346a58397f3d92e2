// Package firstseen is the kind first_seen: whether a group has a value that it never had before.
//
// A Memory holds rows (group, value) with the smallest signals offset that wrote them. Rows come in through Learn (from long
// memory) and See (from signals). A value that was not seen here is new at offset o if it has no row, or only rows of offset o
// or later: so a frame applied again, after a crash, with rows of its own first attempt already there, gets the same answer. A
// rule that forgets keeps rows by stretches of an eighth of that time; a value is new again when none of the last eight
// stretches has it. In which order signals are seen decides what is new: it should be that of their times.
package firstseen

import (
	"container/list"
	"math"
)

// steps is how many stretches Forget is cut into: the error of forgetting is one of them, and so is the number of rows
// that a value writes in that time.
const steps = 8

// Options are a rule's times in nanoseconds, and the bounds of its memory.
type Options struct {
	Learning int64
	Forget   int64 // 0: never
	MaxKeys  int
	MaxBytes int64
}

// Memory is what is known of one rule's groups. It is not safe for concurrent use.
type Memory struct {
	options Options
	groups  map[string]*group
	young   *list.List // of *group that have not learned, the longest untouched first
	grown   *list.List // likewise of those that have
	bytes   int64
	evicted uint64
	learned bool
	start   int64  // see Begin; -1: unknown
	torn    *group // that was dropped while its rows were learned; nil: none
}

type group struct {
	name        string
	first, last int64 // event times
	began       int64 // event time from which it learns: of its signals here, and of rows from before the first of them
	seen        bool  // has had a signal here
	rows        map[row]*kept
	bytes       int64
	grown       bool // has learned
	place       *list.Element
}

type row struct {
	value string
	step  int64
}

// kept is a row in memory.
type kept struct {
	Row
	here bool // a signal saw it: then it came before all that is asked from here on, whatever its offset
}

// Row is what is known of a group's value in one stretch; Step is 0 for a rule that never forgets.
type Row struct {
	Step        int64
	Offset      int64
	First, Last int64
	Moved       int64 // largest offset that moved First back; 0: none
}

// Answer is what See found.
type Answer struct {
	New     bool // nothing before had the value
	Learned bool // the group's learning time is over at this event
	Changed bool // Row should be persisted
	Row     Row
}

// New returns an empty memory.
func New(o Options) *Memory {
	return &Memory{options: o, groups: map[string]*group{}, young: list.New(), grown: list.New(), start: -1}
}

// SetLearning changes how long a group learns; what has been learned stays.
func (m *Memory) SetLearning(learning int64) { m.options.Learning = learning }

// step returns the stretch that t lies in.
func (m *Memory) step(t int64) int64 {
	if m.options.Forget == 0 {
		return 0
	}
	size := m.stepSize()
	q := t / size
	if t%size < 0 {
		q--
	}
	return q
}

func (m *Memory) stepSize() int64 { return max(1, m.options.Forget/steps) }

// Begin says from which offset on signals come, in whatever order they are seen. Only the first call counts.
func (m *Memory) Begin(offset int64) {
	if m.start < 0 {
		m.start = offset
	}
}

// Learn merges a row of long memory in. The rows of a group come one after the other: where they are too many for the bounds, the
// group is dropped, and what comes of it after that is none of its past.
func (m *Memory) Learn(name, value string, r Row) {
	if m.torn != nil && m.torn.name == name {
		return
	}
	g := m.group(name)
	m.span(g, r.First)
	m.span(g, r.Last)
	m.merge(g, value, r, false)
	if m.bound(g); m.groups[name] == nil {
		m.torn = g
	}
}

// See notes that at offset a group had a value, first and last at these event times, and says what is new about it. Begin must
// have been called.
func (m *Memory) See(name, value string, offset, first, last int64) Answer {
	g := m.group(name)
	m.span(g, first)
	m.span(g, last)
	r := Row{Step: m.step(first), Offset: offset, First: first, Last: last}
	a := Answer{New: !m.known(g, value, r.Step, offset), Learned: first-m.learns(g, first) >= m.options.Learning}
	a.Row, a.Changed = m.merge(g, value, r, true)
	m.bound(g)
	return a
}

// known reports whether something seen here, or an offset before this one, had the value, in a stretch that is not forgotten.
func (m *Memory) known(g *group, value string, step, offset int64) bool {
	from, to := step, step
	if m.options.Forget > 0 {
		from, to = step-steps, step+steps
	}
	for s := from; s <= to; s++ {
		if r := g.rows[row{value, s}]; r != nil && (r.here || r.Offset < offset) {
			return true
		}
	}
	return false
}

// learns notes an event of the group and returns since when it has learned. Rows of long memory that are no older than the
// first offset here do not count: what wrote them is applied again, and counts when it comes. Otherwise a frame that is applied
// again after a crash would have learned from what came behind it. Nor does an older row whose time such an offset moved: what it
// had been is not known, so at worst an alert is not told once more.
func (m *Memory) learns(g *group, first int64) int64 {
	if !g.seen {
		g.seen = true
		for _, r := range g.rows {
			if r.Offset < m.start && r.Moved < m.start {
				g.began = min(g.began, r.First)
			}
		}
	}
	g.began = min(g.began, first)
	return g.began
}

// merge folds r into the row of its stretch. It reports whether more than the last time changed: that one is not worth a
// write, since nothing is decided by it.
func (m *Memory) merge(g *group, value string, r Row, here bool) (Row, bool) {
	at := row{value, r.Step}
	have := g.rows[at]
	if have == nil {
		g.rows[at] = &kept{Row: r, here: here}
		size := rowBytes + int64(len(value))
		g.bytes += size
		m.bytes += size
		return r, true
	}
	changed := r.Offset < have.Offset || r.First < have.First
	if here && r.First < have.First {
		r.Moved = r.Offset
	}
	have.Moved = max(have.Moved, r.Moved)
	have.Offset = min(have.Offset, r.Offset)
	have.First = min(have.First, r.First)
	have.Last = max(have.Last, r.Last)
	have.here = have.here || here
	return have.Row, changed
}

// Estimated cost of a group and of a row, beside their texts.
const (
	groupBytes = 256
	rowBytes   = 112
)

func (m *Memory) group(name string) *group {
	if g := m.groups[name]; g != nil {
		m.among(g).MoveToBack(g.place)
		return g
	}
	g := &group{name: name, first: math.MaxInt64, last: math.MinInt64, began: math.MaxInt64, rows: map[row]*kept{}, bytes: groupBytes + int64(len(name))}
	g.place = m.young.PushBack(g)
	m.groups[name] = g
	m.bytes += g.bytes
	return g
}

func (m *Memory) span(g *group, t int64) {
	g.first, g.last = min(g.first, t), max(g.last, t)
	if g.grown || g.last-g.first < m.options.Learning {
		return
	}
	m.learned = true
	m.young.Remove(g.place)
	g.grown, g.place = true, m.grown.PushBack(g)
}

// among returns the list that the group is in.
func (m *Memory) among(g *group) *list.List {
	if g.grown {
		return m.grown
	}
	return m.young
}

// bound drops whole groups, the longest untouched first: a group that lost some of its values would call them new, a
// group that lost all begins to learn again. Whoever writes groups, or their values, must not have all others forgotten: a group that
// is more than half of it all goes itself, and groups that have learned, which takes its time, stay as long as they are fewer than
// those that have not.
func (m *Memory) bound(growing *group) {
	if m.bytes > m.options.MaxBytes && growing.bytes > m.options.MaxBytes/2 {
		m.remove(growing)
		m.evicted++
	}
	for len(m.groups) > m.options.MaxKeys || m.bytes > m.options.MaxBytes {
		front := m.grown.Front()
		if front == nil || m.young.Len() > m.grown.Len() {
			front = m.young.Front()
		}
		if front == nil {
			return
		}
		m.remove(front.Value.(*group))
		m.evicted++
	}
}

func (m *Memory) remove(g *group) {
	m.among(g).Remove(g.place)
	delete(m.groups, g.name)
	m.bytes -= g.bytes
}

// Expire drops the rows that are forgotten at the given event time. It does nothing for rules that never forget. A group
// without rows stays, since when it began decides whether it has learned; only bound drops groups.
func (m *Memory) Expire(before int64) {
	if m.options.Forget == 0 {
		return
	}
	oldest := m.step(before) - steps
	for _, g := range m.groups {
		for at := range g.rows {
			if at.step < oldest {
				delete(g.rows, at)
				size := rowBytes + int64(len(at.value))
				g.bytes -= size
				m.bytes -= size
			}
		}
	}
}

// Learned reports whether some group has completed its learning time.
func (m *Memory) Learned() bool { return m.learned }

// Size returns the number of groups, their estimated bytes, and how many groups were dropped over the bounds.
func (m *Memory) Size() (groups int, bytes int64, evicted uint64) {
	return len(m.groups), m.bytes, m.evicted
}
