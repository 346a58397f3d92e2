package correlate

import (
	"math"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// Lateness is how far behind the watermark an event may arrive and still find all state that it belongs to.
const Lateness = 15 * time.Minute

// Options bound an engine.
type Options struct {
	MaxKeys  int   // group keys per rule; 0 means DefaultMaxKeys
	MaxBytes int64 // estimated bytes of state per rule; 0 means DefaultMaxBytes
	Shard    int   // which shard it owns, for Stats
	KeepAll  bool  // never drop state by time: the input is finite and in any order (scan)
}

// Defaults of Options.
const (
	DefaultMaxKeys  = 200_000
	DefaultMaxBytes = 128 << 20
)

// maxHeld is how many signals wait for Recall; beyond that the oldest are given up.
const maxHeld = 100_000

// maxTime bounds event times: 146 years from 1970 either way leave as much room again to add windows to.
const maxTime = int64(1) << 62

// Result is what one call brought about. The caller owns it.
type Result struct {
	Alerts  []alert.Alert // new or changed, each id at most once
	Memos   []Memo        // rows of first_seen memory: persist them before the offset is committed
	Buckets []Bucket      // likewise of the memory of baselines
	Dropped bool          // the frame had been applied before and changed nothing
	Skipped int           // signals not evaluated: of rules this set has not, of no year that can be, or held back over the bound
}

// Engine correlates one shard.
type Engine struct {
	options  Options
	rules    map[string]*slot
	order    []*slot // by rule id
	origins  origins
	touched  []*slot
	held     []heldSignal
	last     int64 // offset of the last frame
	replays  bool  // frames below progress.Offset only rebuild state
	progress Progress
	over     bool // no frame comes any more
}

// slot is one rule and the kind that correlates it.
type slot struct {
	rule    *rule.Rule
	kind    kind
	waits   bool // for Recall: kind is a rememberer
	touched bool
}

// heldSignal is a signal that came before its rule's memory did.
type heldSignal struct {
	signal match.Signal
	offset int64
}

// New returns an engine for the rules of set.
func New(set *rule.Set, o Options) *Engine { return newEngine(set.Rules(), o) }

func newEngine(rules []*rule.Rule, o Options) *Engine {
	if o.MaxKeys <= 0 {
		o.MaxKeys = DefaultMaxKeys
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	g := &Engine{options: o, origins: newOrigins()}
	g.reload(rules)
	return g
}

func newSlot(r *rule.Rule, o Options) *slot {
	s := &slot{rule: r, kind: newKind(r, o)}
	_, s.waits = s.kind.(rememberer)
	return s
}

// Apply folds a frame in. offset is the signals offset of the frame's last part; alerts that the frame changes carry it, plus
// one, as revision. A frame at or below its origin's mark was applied before and changes nothing.
func (g *Engine) Apply(f *match.Frame, offset int64) Result {
	var out Result
	if g.replays && offset >= g.progress.Offset {
		g.caughtUp(&out)
	}
	if !g.origins.accept(f) {
		out.Dropped = true
		return out
	}
	for i := range f.Signals {
		s := &f.Signals[i]
		k := g.rules[s.Rule]
		switch {
		case g.unknown(s) || s.Count == 0 || s.Time < -maxTime || s.Time > maxTime:
			out.Skipped++
		case k.waits:
			out.Skipped += g.hold(s, offset)
		default:
			g.signal(k, s, offset)
		}
	}
	g.flush(&out, offset)
	g.last = offset
	g.decide(&out)
	if !g.options.KeepAll {
		g.expire()
	}
	return out
}

// decide lets the kinds that wait for event time see how far it is. What is decided once waits for the end of a replay.
func (g *Engine) decide(out *Result) {
	for _, k := range g.order {
		g.decideRule(k, out)
	}
}

func (g *Engine) decideRule(k *slot, out *Result) {
	if _, once := k.kind.(settler); once && g.replays {
		return
	}
	if w, ok := k.kind.(waiter); ok {
		w.decide(g.timesOf(k), out, g.last)
	}
}

// timesOf is how far time has come for a rule.
func (g *Engine) timesOf(k *slot) times {
	if g.over {
		return times{watermark: math.MaxInt64, clock: max(g.origins.watermark, g.origins.clock), over: true}
	}
	return times{
		watermark: g.watermarkOf(k), clock: g.origins.clock,
		now: g.origins.now, spoken: g.origins.spoken, slowest: g.origins.slowest, behind: g.origins.behind,
	}
}

// watermarkOf is the watermark of what the rule looks at.
func (g *Engine) watermarkOf(k *slot) int64 {
	if k.rule.OverAlerts() {
		return g.origins.alerts
	}
	return g.origins.watermark
}

func (g *Engine) signal(k *slot, s *match.Signal, offset int64) {
	if !k.touched {
		k.touched = true
		g.touched = append(g.touched, k)
	}
	k.kind.signal(s, offset)
}

func (g *Engine) flush(out *Result, offset int64) {
	for _, k := range g.touched {
		k.touched = false
		k.kind.flush(out, offset)
	}
	g.touched = g.touched[:0]
}

// expire drops the state that no event on time can need any more.
func (g *Engine) expire() {
	for _, k := range g.order {
		if w := g.watermarkOf(k); w != math.MinInt64 {
			k.kind.expire(w - int64(k.rule.Window()+k.rule.Period()) - int64(Lateness))
		}
	}
}

// Finish says that no more input comes: time is over, and what still waited is decided, kinds with a memory with what there is
// of it. A silence is only decided up to the watermark: it says how far the input goes. No Apply may follow.
func (g *Engine) Finish() Result {
	var out Result
	if g.replays {
		g.caughtUp(&out)
	}
	if len(g.Waiting()) > 0 {
		recalled := g.Recall(nil)
		out.Alerts, out.Memos, out.Buckets = append(out.Alerts, recalled.Alerts...), append(out.Memos, recalled.Memos...), append(out.Buckets, recalled.Buckets...)
	}
	g.over = true
	g.decide(&out)
	out.Alerts = newestOf(out.Alerts)
	return out
}

// Unlearned returns the ids of the rules of kinds first_seen and baseline of which no group has completed its learning time:
// they could not have fired.
func (g *Engine) Unlearned() []string {
	var ids []string
	for _, k := range g.order {
		n, novel := k.kind.(*novelty)
		b, usual := k.kind.(*baselines)
		if novel && !n.memory.Learned() || usual && !b.learned {
			ids = append(ids, k.rule.ID)
		}
	}
	return ids
}
