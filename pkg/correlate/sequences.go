package correlate

import (
	"cmp"
	"container/list"
	"math"
	"slices"
	"unsafe"

	"github.com/shrike-sec/shrike/pkg/correlate/sequence"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// sequences correlates the rules of kind sequence: each group keeps the events of its steps as marks, and a plan finds where
// they complete the sequence.
type sequences struct {
	rule   *rule.Rule
	names  *names
	ranks  []int8 // of the severities that the rule gives
	plan   *sequence.Plan
	steps  map[string]int // index by name
	length int64          // W
	period int64          // D >= W
	waits  bool           // a later event can undo an end
	delay  int64          // by how much later than the end

	byKey    map[string]*chain
	rooms    *rooms     // nil where each step gives every key
	stalest  *list.List // of *chain and *room, the longest without a signal first
	touched  []*chain
	waiting  []*chain // those with ends that are not decided
	next     int64    // the first of these ends at the earliest
	bytes    int64
	maxKeys  int
	maxBytes int64
	maxMarks int // of one group
	evicted  uint64
	dropped  int64 // state before this event time was dropped
	buf      []byte
	ranges   []sequence.Range
}

// chain is the state of one group key.
type chain struct {
	key   string // packed values of group_by
	steps [][]sequence.Mark
	loose bool           // marks have come out of order, or twice
	open  []openSequence // by period
	size  int64          // as counted in sequences.bytes
	room  *room
	place *list.Element // nil once it was removed

	touched bool
	waits   bool
	lo, hi  int64 // event times of arrivals whose ends are not evaluated
	late    bool  // some of them older than what was dropped
}

// openSequence is an alert that may still grow.
type openSequence struct {
	steps   []tally // by step; an event that is several steps is in each
	reached reached
	count   uint64 // events
	period  int64  // number: floor(e/D)
	late    bool
	changed bool
}

func newSequences(r *rule.Rule, o Options) *sequences {
	q := r.Sequence
	g := &sequences{
		rule: r, names: newNames(r), ranks: ranks(r), steps: map[string]int{}, length: int64(r.Window()), period: int64(r.Period()),
		byKey: map[string]*chain{}, stalest: list.New(), maxKeys: o.MaxKeys, maxBytes: o.MaxBytes,
		// One group must not cost all others their memory, nor each of its signals a walk over very many.
		maxMarks: int(max(1000, o.MaxBytes/16/markBytes/2)), dropped: math.MinInt64, next: math.MaxInt64,
	}
	steps := make([]sequence.Step, len(q.Steps))
	for i, s := range q.Steps {
		g.steps[s.Name] = i
		steps[i].Unless = s.Unless
	}
	g.plan = sequence.New(g.length, q.Ordered, steps)
	g.waits, g.delay = g.plan.Waits()
	if r.Whole() {
		g.rooms = newRooms(r)
	}
	return g
}

// signal puts s into its group, or where its step does not say which that is, into all that it may belong to.
func (g *sequences) signal(s *match.Signal, _ int64) {
	step, known := g.steps[s.Step]
	if !known || len(s.Samples) == 0 || len(s.Key) != len(g.rule.GroupBy) {
		return // not of this rule's making
	}
	sample := string(g.names.appendSample(nil, s.Key, &s.Samples[0]))
	m := sequence.Mark{Time: s.Time, ID: split(sample).id, Sample: sample, Severity: int8(rule.SeverityRank(s.Severity))}
	if g.rooms != nil {
		g.roomSignal(s.Key, step, m)
		return
	}
	k, _ := g.chain(s.Key)
	g.mark(k, step, m)
}

// chain finds or makes the group of key.
func (g *sequences) chain(key []string) (k *chain, made bool) {
	g.buf = packKey(g.buf[:0], key)
	k = g.byKey[string(g.buf)]
	if k != nil {
		return k, false
	}
	k = &chain{key: string(g.buf), steps: make([][]sequence.Mark, len(g.rule.Sequence.Steps))}
	k.rest()
	k.place = g.stalest.PushBack(k)
	g.byKey[k.key] = k
	return k, true
}

// mark adds an event to a step of a group, and notes that it came.
func (g *sequences) mark(k *chain, step int, m sequence.Mark) {
	if n := len(k.steps[step]); n > 0 && compareMarks(k.steps[step][n-1], m) >= 0 {
		k.loose = true
	}
	k.steps[step] = append(k.steps[step], m)
	if !k.touched {
		k.touched = true
		g.touched = append(g.touched, k)
	}
	k.lo, k.hi = min(k.lo, m.Time), max(k.hi, m.Time)
	k.late = k.late || m.Time < g.dropped
}

func compareMarks(a, b sequence.Mark) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID))
}

// settle sorts the marks of a group; an event that came twice stays once, as it was.
func (k *chain) settle() {
	if !k.loose {
		return
	}
	k.loose = false
	for i := range k.steps {
		slices.SortStableFunc(k.steps[i], compareMarks)
		k.steps[i] = slices.CompactFunc(k.steps[i], func(a, b sequence.Mark) bool { return compareMarks(a, b) == 0 })
	}
}

// flush evaluates each touched group once, or notes that its ends wait.
func (g *sequences) flush(out *Result, offset int64) {
	if g.rooms != nil { // they touch in no order
		slices.SortFunc(g.touched, func(a, b *chain) int { return cmp.Compare(a.key, b.key) })
	}
	for _, k := range g.touched {
		k.touched = false
		if k.place == nil {
			continue
		}
		k.settle()
		if g.waits {
			g.wait(k)
		} else {
			g.evaluate(k, k.lo, k.hi+g.length)
			g.emit(k, out, offset)
			k.rest()
		}
		g.trim(k)
		g.stalest.MoveToBack(k.place)
		if k.room != nil && k.room.place != nil {
			g.stalest.MoveToBack(k.room.place) // it outlives its groups
		}
		g.resize(k)
	}
	clear(g.touched)
	g.touched = g.touched[:0]
	g.bound()
}

// rest forgets what came: it is evaluated.
func (k *chain) rest() { k.lo, k.hi, k.late = math.MaxInt64, math.MinInt64, false }

// evaluate looks at the ends in [from, to) and counts what takes part in them, each event once a period.
func (g *sequences) evaluate(k *chain, from, to int64) {
	need := g.plan.Need()
	if slices.ContainsFunc(need, func(i int) bool { return len(k.steps[i]) == 0 }) {
		return // the usual case, for nothing
	}
	period := int64(math.MinInt64)
	done := make([]int, len(need)) // marks before it are known to be counted in the alert of this period
	g.plan.Ends(k.steps, from, to, func(e int64) {
		if n := floorDiv(e, g.period); n != period {
			period = n
			clear(done)
		}
		g.ranges = g.plan.Cover(k.steps, e, g.ranges)
		for i, r := range g.ranges {
			for at := max(r.From, done[i]); at < r.To; at++ {
				g.count(k, period, need[i], at)
			}
			done[i] = max(done[i], r.To)
		}
		a := k.alert(period, len(k.steps))
		a.reached.fired = min(a.reached.fired, e+g.delay)
	})
}

// count adds a mark to the alert of a period, once.
func (g *sequences) count(k *chain, period int64, step, at int) {
	m := &k.steps[step][at]
	bit := inOwn
	if floorDiv(m.Time, g.period) != period {
		bit = inNext
	}
	if m.State&bit != 0 {
		return
	}
	m.State |= bit
	a := k.alert(period, len(k.steps))
	if !k.counted(step, m, bit) {
		a.count++
	}
	a.steps[step].add(&tally{count: 1, first: m.Time, last: m.Time, samples: evidence(appendText(nil, m.Sample)), severity: m.Severity})
	a.reached.note(g.ranks, m.Severity, m.Time)
	a.changed = true
	a.late = a.late || k.late
}

// counted reports whether the event is also another step, and as such counted.
func (k *chain) counted(step int, m *sequence.Mark, bit uint8) bool {
	for i, marks := range k.steps {
		if i == step {
			continue
		}
		if at, found := slices.BinarySearchFunc(marks, *m, compareMarks); found && marks[at].State&bit != 0 {
			return true
		}
	}
	return false
}

// alert finds or makes the alert of a period.
func (k *chain) alert(period int64, steps int) *openSequence {
	i, found := slices.BinarySearchFunc(k.open, period, func(a openSequence, p int64) int { return cmp.Compare(a.period, p) })
	if !found {
		k.open = slices.Insert(k.open, i, openSequence{period: period, steps: make([]tally, steps), reached: reached{fired: math.MaxInt64}})
	}
	return &k.open[i]
}

// emit renders the alerts that changed.
func (g *sequences) emit(k *chain, out *Result, offset int64) {
	for i := range k.open {
		if a := &k.open[i]; a.changed {
			a.changed = false
			out.Alerts = append(out.Alerts, g.render(k, a, offset))
		}
	}
}

// What state is taken to cost, beside its texts.
const (
	chainBytes = int64(unsafe.Sizeof(chain{})) + 112 // and its places in map and list
	stepBytes  = int64(unsafe.Sizeof([]sequence.Mark{}))
	markBytes  = int64(unsafe.Sizeof(sequence.Mark{}))
	tallyBytes = int64(unsafe.Sizeof(tally{}))
)

// resize counts the group's memory anew.
func (g *sequences) resize(k *chain) {
	size := chainBytes + int64(len(k.key)) + int64(len(k.steps))*stepBytes
	for _, marks := range k.steps {
		size += int64(cap(marks)) * markBytes
		for i := range marks {
			size += int64(len(marks[i].Sample))
		}
	}
	for i := range k.open {
		size += int64(unsafe.Sizeof(openSequence{})) + int64(len(k.steps))*tallyBytes + int64(cap(k.open[i].reached.levels))*levelBytes
		for _, t := range k.open[i].steps {
			size += int64(len(t.samples))
		}
	}
	g.bytes += size - k.size
	k.size = size
}

// trim drops the oldest marks of a group's longest steps while it has too many.
func (g *sequences) trim(k *chain) {
	total := 0
	for _, marks := range k.steps {
		total += len(marks)
	}
	for total > g.maxMarks {
		longest := slices.MaxFunc(k.steps, func(a, b []sequence.Mark) int { return cmp.Compare(len(a), len(b)) })
		i := slices.IndexFunc(k.steps, func(m []sequence.Mark) bool { return len(m) == len(longest) })
		drop := min(total-g.maxMarks, (len(longest)+1)/2)
		k.steps[i] = slices.Clone(longest[drop:])
		total -= drop
		g.evicted += uint64(drop)
	}
}

// bound drops the groups longest without a signal while there is more state than allowed.
func (g *sequences) bound() {
	for len(g.byKey) > g.maxKeys || g.bytes > g.maxBytes {
		front := g.stalest.Front()
		if front == nil {
			return
		}
		switch k := front.Value.(type) {
		case *chain:
			g.remove(k)
		case *room:
			g.empty(k)
		}
		g.evicted++
	}
}

func (g *sequences) remove(k *chain) {
	g.stalest.Remove(k.place)
	k.place = nil
	delete(g.byKey, k.key)
	g.bytes -= k.size
	if k.room != nil {
		g.leave(k)
	}
}

// expire drops marks and alerts before the given time.
func (g *sequences) expire(before int64) {
	if !eighth(before, g.dropped, g.length+g.period+int64(Lateness)) {
		return
	}
	g.dropped = before
	for _, k := range g.byKey {
		marks := 0
		for i := range k.steps {
			if from := slices.IndexFunc(k.steps[i], func(m sequence.Mark) bool { return m.Time >= before }); from != 0 {
				if from < 0 {
					from = len(k.steps[i])
				}
				k.steps[i] = slices.Clone(k.steps[i][from:])
			}
			marks += len(k.steps[i])
		}
		k.open = slices.DeleteFunc(k.open, func(a openSequence) bool { return (a.period+1)*g.period <= before })
		if marks == 0 && len(k.open) == 0 && !k.waits {
			g.remove(k)
			continue
		}
		g.resize(k)
	}
	if g.rooms != nil {
		g.expireRooms(before)
	}
}

// adopt is as that of groups.
func (g *sequences) adopt(r *rule.Rule) bool {
	g.rule, g.ranks = r, ranks(r)
	g.names.extend(r)
	return int64(r.Period()) == g.period
}

func (g *sequences) stats() RuleStats {
	return RuleStats{Rule: g.rule.ID, Keys: len(g.byKey), Bytes: g.bytes, Evicted: g.evicted}
}
