package correlate

import (
	"maps"
	"math"
	"slices"
	"sort"
	"unsafe"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// groups correlates the rules that have a period: the windowed kinds, and match with a dedup time, which is a window that
// always holds.
type groups struct {
	rule   *rule.Rule
	names  *names
	ranks  []int8 // of the severities that the rule gives
	once   bool   // over alerts: each match is a signal of its own and may come again; see group.again
	window Window // nil for match
	length int64  // W
	period int64  // D >= W
	hashes int    // kind distinct: how many to keep of a point
	told   int    // likewise of an alert: 0 where it does not tell how many different values there are

	state[*group]
	touched []arrivals
	dropped int64 // state before this event time was dropped
}

// group is the state of one group key.
type group struct {
	entry[*group]
	points  []point          // by time, but for those from sorted on; none for match
	open    []open           // by period
	seen    map[string]int64 // by event id, the event time; nil unless groups.once
	touched int32            // its place in groups.touched, from 1; 0: not touched
	sorted  int32            // how many of points are in their place: all, except between signal and flush
}

// arrivals are what came for a group since the last flush.
type arrivals struct {
	*group
	lo, hi int64 // event times
	late   bool  // older than what was dropped
}

// open is an alert that may still grow.
type open struct {
	tally
	reach   // kind distinct: only where the alert tells of it
	reached reached
	period  int64 // number: floor(e/D)
	late    bool
	changed bool
}

func newGroups(r *rule.Rule, w Window, o Options) *groups {
	g := &groups{
		rule: r, names: newNames(r), ranks: ranks(r), window: w, length: int64(r.Window()), period: int64(r.Period()),
		state: newState[*group](o), dropped: math.MinInt64, once: r.Class == event.Alert,
	}
	g.wants()
	return g
}

// wants says how many hashes the rule wants.
func (g *groups) wants() {
	g.hashes, g.told = match.KeptHashes(g.rule), 0
	if g.rule.Tells("value") {
		g.told = g.hashes
	}
}

// signal puts s into its group's points, and into the alerts that already count its bucket.
func (g *groups) signal(s *match.Signal, _ int64) {
	k := g.touch(s.Key, s.Time)
	if g.once && k.again(s) {
		return
	}
	delta := newTally(s, g.names)
	own := floorDiv(s.Time, g.period)
	if g.window == nil {
		a := g.grow(k, own, s.Time, &delta, nil)
		a.reached.fired = min(a.reached.fired, s.Time)
		return
	}
	p := k.point(s.Time)
	p.fold(s.Sum, s.Hashes, g.hashes)
	more := reach{sum: s.Sum, hashes: &s.Hashes}
	if p.state&inOwn != 0 {
		g.grow(k, own, s.Time, &delta, &more)
	}
	if p.state&inNext != 0 {
		g.grow(k, own+1, s.Time, &delta, &more)
	}
	if p.state&unsampled != 0 {
		delta.samples = ""
	}
	p.add(&delta)
}

// touch finds or makes the group of key and notes an arrival at t.
func (g *groups) touch(key []string, t int64) *group {
	k, packed := g.find(key)
	if k == nil {
		k = &group{}
		g.keep(k, packed)
	}
	if k.touched == 0 {
		g.touched = append(g.touched, arrivals{group: k, lo: t, hi: t})
		k.touched = int32(len(g.touched))
	}
	in := &g.touched[k.touched-1]
	in.lo, in.hi = min(in.lo, t), max(in.hi, t)
	in.late = in.late || t < g.dropped
	return k
}

// again reports whether the match has come before. An alert is told again after a restart of those before here, and there
// is nothing in Kafka that says so: its event, which is one for all time, does.
func (k *group) again(s *match.Signal) bool {
	if len(s.Samples) == 0 {
		return false // too large a frame cuts samples; then the match may count twice
	}
	id := s.Samples[0].EventUID
	if _, ok := k.seen[id]; ok {
		return true
	}
	if k.seen == nil {
		k.seen = map[string]int64{}
	}
	k.seen[id] = s.Time
	return false
}

// alert finds or makes the alert of a period.
func (k *group) alert(period int64) *open {
	i := sort.Search(len(k.open), func(i int) bool { return k.open[i].period >= period })
	if i == len(k.open) || k.open[i].period != period {
		k.open = slices.Insert(k.open, i, open{period: period, reached: reached{fired: math.MaxInt64}})
	}
	return &k.open[i]
}

// grow adds what lies at one time to the alert of a period; r is nil for kind match.
func (g *groups) grow(k *group, period, at int64, t *tally, r *reach) *open {
	a := k.alert(period)
	a.add(t)
	if r != nil {
		a.fold(r.sum, r.values(), g.told)
	}
	a.reached.note(g.ranks, t.severity, at)
	a.changed = true
	return a
}

// flush evaluates each touched group once, however many signals it got.
func (g *groups) flush(out *Result, offset int64) {
	for _, in := range g.touched {
		k := in.group
		k.touched = 0
		if g.window != nil {
			k.settle(g.hashes)
			g.evaluate(k, in.lo, in.hi)
		}
		for i := range k.open {
			a := &k.open[i]
			if !a.changed {
				continue
			}
			a.changed, a.late = false, a.late || in.late
			out.Alerts = append(out.Alerts, g.render(k, a, offset))
		}
		g.renew(k)
		g.resize(k)
	}
	clear(g.touched)
	g.touched = g.touched[:0]
	g.bound(g.remove)
}

// evaluate looks at the ends that arrivals in [lo, hi] can have changed, those in [lo, hi+W). Where several of them do not
// fire yet, the window slides over them; for one, which is the rule with events in order, it is filled from the newest
// signal backwards and only until it holds.
func (g *groups) evaluate(k *group, lo, hi int64) {
	begin := k.search(lo)
	end, quiet := begin, 0
	for ; end < len(k.points) && k.points[end].time < hi+g.length; end++ {
		if k.points[end].state&fires == 0 {
			quiet++
		}
	}
	tail := k.search(k.points[begin].time - g.length + 1)
	head := tail
	counted := 0 // points before it are known to be counted in the alert of this period
	period := int64(math.MinInt64)
	g.window.Reset()
	for i := begin; i < end; i++ {
		p := &k.points[i]
		if quiet > 1 {
			for ; head <= i; head++ {
				g.add(&k.points[head])
			}
		}
		for ; k.points[tail].time <= p.time-g.length; tail++ {
			if quiet > 1 {
				out := &k.points[tail]
				g.window.Remove(out.count, out.sum, out.values())
			}
		}
		if p.state&fires == 0 {
			if quiet == 1 {
				g.fill(k, tail, i)
			}
			if !g.window.Holds() {
				continue
			}
			p.state |= fires
		}
		if n := floorDiv(p.time, g.period); n != period {
			period, counted = n, 0
		}
		g.count(k, period, max(tail, counted), i)
		counted = i + 1
	}
}

// fill adds the points from..to to the empty window, the last first, until it holds.
func (g *groups) fill(k *group, from, to int) {
	for i := to; i >= from && !g.window.Holds(); i-- {
		g.add(&k.points[i])
	}
}

func (g *groups) add(p *point) { g.window.Add(p.count, p.sum, p.values()) }

// count adds the points from..to, which a firing window of the period covers, to the period's alert, each once.
func (g *groups) count(k *group, period int64, from, to int) {
	for i := from; i <= to; i++ {
		p := &k.points[i]
		bit := inOwn
		if floorDiv(p.time, g.period) != period {
			bit = inNext
		}
		if p.state&bit != 0 {
			continue
		}
		p.state |= bit
		g.grow(k, period, p.time, &p.tally, &p.reach)
		g.strip(p)
	}
	a := k.alert(period)
	a.reached.fired = min(a.reached.fired, k.points[to].time)
}

// strip drops the samples of a point once every alert that can count it does: they have them, and whatever joins the point
// later goes to them directly. It is what bounds the memory of a busy group.
func (g *groups) strip(p *point) {
	own := floorDiv(p.time, g.period)
	reaches := p.time > (own+1)*g.period-g.length // a window that ends in the next period
	if p.state&inOwn != 0 && (p.state&inNext != 0 || !reaches) {
		p.samples = ""
		p.state |= unsampled
	}
}

// What state is taken to cost, beside its texts and lists.
const (
	groupBytes = int64(unsafe.Sizeof(group{})) + 64 // and its place in the map
	pointBytes = int64(unsafe.Sizeof(point{}))
	openBytes  = int64(unsafe.Sizeof(open{}))

	seenBytes = 80 // an id and its place in the map
)

func (k *group) bytes() int64 {
	size := groupBytes + int64(len(k.key)) + int64(cap(k.points))*pointBytes + int64(cap(k.open))*openBytes + int64(len(k.seen))*seenBytes
	for i := range k.points {
		p := &k.points[i]
		size += int64(len(p.samples)) + p.bytes()
	}
	for i := range k.open {
		a := &k.open[i]
		size += int64(len(a.samples)) + int64(cap(a.reached.levels))*levelBytes + a.bytes()
	}
	return size
}

// expire drops points and alerts before the given time.
func (g *groups) expire(before int64) {
	if !eighth(before, g.dropped, g.length+g.period+int64(Lateness)) {
		return
	}
	g.dropped = before
	for _, k := range g.byKey {
		if i := k.search(before); i > 0 {
			k.points = slices.Clone(k.points[i:])
			k.sorted = int32(len(k.points))
		}
		k.open = slices.DeleteFunc(k.open, func(a open) bool { return (a.period+1)*g.period <= before })
		maps.DeleteFunc(k.seen, func(_ string, t int64) bool { return t < before-g.length-g.period }) // no alert that is open counts it
		if len(k.points)+len(k.open)+len(k.seen) == 0 {
			g.remove(k)
			continue
		}
		g.resize(k)
	}
}

// adopt: with another dedup time, the alerts that are open would be of other periods. What was kept for words that did not
// name {value} is all there is of it: until the period is over it may be told too low.
func (g *groups) adopt(r *rule.Rule) bool {
	g.rule, g.ranks = r, ranks(r)
	g.names.extend(r)
	g.wants()
	return int64(r.Period()) == g.period
}

func (g *groups) stats() RuleStats { return g.state.stats(g.rule.ID) }
