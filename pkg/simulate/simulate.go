package simulate

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Options says what to simulate.
type Options struct {
	Seed     uint64        // same seed, same logs
	Start    time.Time     // first event time; whole seconds
	Duration time.Duration // 0 is one day
	Records  int           // about how many background records; 0 is 100,000
	// History puts the instance launches of that long before Start in front, a few a day. It is what a rule that
	// learns (first_seen) must have seen before it can speak; 0 is none.
	History time.Duration
	Attacks []Attack
}

// Log is one record. Raw is valid until the next call of Next.
type Log struct {
	Time   time.Time // event time, to the second in all formats but alb
	Format string
	Layout string // columns of a flow log, space separated; "" is the format's default
	Raw    []byte
}

// Generator yields the records. It is not safe for concurrent use.
type Generator struct {
	o       Options
	rng     *rand.Rand
	co      *company
	streams weighted[stream]
	calls   map[class]*weighted[*action]
	pending queue  // what earlier records and the calendar bring about
	attack  []step // what is left of the attacks, by time
	end     int64  // Unix nanoseconds, as all times in here

	slice, left, size int   // the background goes slice by slice: which, records still to come in it, of how many
	cumulative        []int // background records up to the end of each slice
}

// sliceLength is how finely the rhythm of the day is cut.
const sliceLength = time.Minute

// none is later than every time.
const none = math.MaxInt64

// New prepares a generator; records are made by Next.
func New(o Options) *Generator {
	if o.Duration <= 0 {
		o.Duration = 24 * time.Hour
	}
	if o.Records <= 0 {
		o.Records = 100_000
	}
	o.Start = o.Start.UTC().Truncate(time.Second)
	days := math.Max(o.Duration.Hours()/24, 1.0/24)
	g := &Generator{
		o:   o,
		rng: rand.New(rand.NewPCG(o.Seed, 0x5ca1ab1e)),
		end: o.Start.Add(o.Duration).UnixNano(),
	}
	g.co = newCompany(g.rng, float64(o.Records)/days)
	g.streams = newStreams()
	g.calls = byClass()
	planned := g.schedule()
	g.pace(int(float64(max(o.Records-planned, o.Records/2)) / followed))
	for _, a := range o.Attacks {
		g.attack = append(g.attack, g.script(a)...)
	}
	slices.SortStableFunc(g.attack, func(a, b step) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	return g
}

// pace shares n background records out over the slices: by day three times as many as by night.
func (g *Generator) pace(n int) {
	weights := make([]float64, int(math.Ceil(float64(g.o.Duration)/float64(sliceLength))))
	var total float64
	for i := range weights {
		weights[i] = rhythm(g.o.Start.Add(time.Duration(i) * sliceLength))
		total += weights[i]
	}
	var sum float64
	g.cumulative = make([]int, len(weights))
	for i, w := range weights {
		sum += w
		g.cumulative[i] = int(sum / total * float64(n))
	}
	g.slice = -1
}

// rhythm is how busy the day is: least at two in the morning, most at two in the afternoon.
func rhythm(t time.Time) float64 {
	hour := float64(t.Hour()) + float64(t.Minute())/60
	return 1 - 0.5*math.Cos((hour-2)/24*2*math.Pi)
}

// background returns the time of the next background record, none after the last one.
func (g *Generator) background() int64 {
	for g.left == 0 {
		if g.slice+1 >= len(g.cumulative) {
			return none
		}
		g.slice++
		g.size = g.cumulative[g.slice]
		if g.slice > 0 {
			g.size -= g.cumulative[g.slice-1]
		}
		g.left = g.size
	}
	begin := g.o.Start.UnixNano() + int64(g.slice)*int64(sliceLength)
	length := min(int64(sliceLength), g.end-begin)
	return begin + int64(float64(length)*float64(g.size-g.left)/float64(g.size))
}

// Next fills dst with the next record, in the order of event time to the second, and reports whether there was one.
func (g *Generator) Next(dst *Log) bool {
	dst.Raw, dst.Layout = dst.Raw[:0], ""
	for {
		next, due, hidden := g.background(), g.pending.first(), int64(none)
		if len(g.attack) > 0 {
			hidden = g.attack[0].at
		}
		switch {
		case due <= next && due <= hidden:
			if due == none {
				return false
			}
			f := g.pending.pop()
			if f.at >= g.end { // sessions do not outlive the simulation
				continue
			}
			if f.do(g, dst, &f) {
				return true
			}
		case hidden <= next:
			s := g.attack[0]
			g.attack = g.attack[1:]
			s.do(dst, s.at)
			return true
		default:
			g.left--
			g.streams.pick(g.rng)(g, dst, next)
			return true
		}
	}
}

// log names what was just written into dst.
func (dst *Log) log(format string, at int64) { dst.Format, dst.Time = format, time.Unix(0, at).UTC() }

// follow is something that is due at a time. do reports whether it wrote a record.
type follow struct {
	at  int64
	seq uint64 // keeps equal times in the order in which they were planned
	do  func(g *Generator, dst *Log, f *follow) bool

	who    *principal
	script []*action
	left   int
	access access
}

// queue is a heap of follows by time. container/heap would allocate for each.
type queue struct {
	items []follow
	seq   uint64
}

func (q *queue) first() int64 {
	if len(q.items) == 0 {
		return none
	}
	return q.items[0].at
}

func (q *queue) less(i, j int) bool {
	a, b := &q.items[i], &q.items[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (q *queue) push(f follow) {
	q.seq++
	f.seq = q.seq
	q.items = append(q.items, f)
	for i := len(q.items) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.less(i, parent) {
			return
		}
		q.items[i], q.items[parent] = q.items[parent], q.items[i]
		i = parent
	}
}

func (q *queue) pop() follow {
	top := q.items[0]
	last := len(q.items) - 1
	q.items[0] = q.items[last]
	q.items[last] = follow{}
	q.items = q.items[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return top
		}
		if child+1 < last && q.less(child+1, child) {
			child++
		}
		if !q.less(child, i) {
			return top
		}
		q.items[i], q.items[child] = q.items[child], q.items[i]
		i = child
	}
}

// weighted draws values by weight.
type weighted[T any] struct {
	values []T
	sums   []int
}

func (w *weighted[T]) add(weight int, v T) {
	if n := len(w.sums); n > 0 {
		weight += w.sums[n-1]
	}
	w.values, w.sums = append(w.values, v), append(w.sums, weight)
}

func (w *weighted[T]) pick(r *rand.Rand) T {
	x := r.IntN(w.sums[len(w.sums)-1])
	i, found := slices.BinarySearch(w.sums, x)
	if found {
		i++
	}
	return w.values[i]
}
