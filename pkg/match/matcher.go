package match

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/redact"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// Matcher turns the events of one range at a time into signals. It is not safe for concurrent use: one per goroutine.
type Matcher struct {
	find     func(e *event.Event, dst []rule.Hit) []rule.Hit
	plans    map[*rule.Rule]*plan
	matches  map[string]uint64 // by rule id
	excepted map[string]uint64 // by exception id
	cut      map[string]uint64 // by rule id
	// Conditions see the event as it came; keys, values and samples are taken from it after this. nil: as it came, too.
	redactor *redact.Redactor

	seen       map[event.UID]struct{} // events of the range that matched
	event      uint64                 // number of the one that is being folded in
	index      map[string]*folding
	folded     []*folding
	matched    []rule.Hit // scratch
	severities []string   // scratch: of each of matched
	severity   string     // of the match that is being folded
	rendered   rendering  // likewise
	alerts     alert.Events
	taken      []rule.Hit // scratch: by which an alert was taken
	buf        []byte     // scratch: combining key
	text       []byte     // scratch: values of the group key, one behind the other
	ends       []int      // where each of them ends
}

// plan is what the matcher works out once for each rule.
type plan struct {
	rule   *rule.Rule
	no     uint64    // position in the set: tells rules apart in the combining key
	bucket int64     // nanoseconds; 0: matches are never combined
	hashes int       // kind distinct: how many hashes decide it
	show   int       // how many samples a signal has
	sum    *rule.Key // what it adds up, nil for kinds that do not
	whole  bool      // lives in one shard, whatever the key

	elements *rule.Elements                // of rules with [] in what they are taken by, else nil
	steps    map[*rule.Step]*rule.Elements // likewise of a sequence's steps, for those that have
}

// folding is a signal that still grows.
type folding struct {
	Signal
	plan    *plan
	event   uint64 // the last that was folded in: with [] one may come several times, and counts once
	samples sampler
	hashes  hashSet
}

// New returns a matcher for the rules of set. What its signals show has none of the usual secrets.
func New(set *rule.Set) *Matcher { return NewRedacting(set, redact.Default()) }

// NewRedacting is like New with another list of secrets; nil cuts none.
func NewRedacting(set *rule.Set, secrets *redact.Rules) *Matcher {
	m := newMatcher(set.Rules(), set.Hits)
	if secrets != nil {
		m.redactor = redact.New(secrets)
	}
	return m
}

func newMatcher(rules []*rule.Rule, find func(*event.Event, []rule.Hit) []rule.Hit) *Matcher {
	m := &Matcher{
		find:    find,
		plans:   make(map[*rule.Rule]*plan, len(rules)),
		matches: map[string]uint64{}, excepted: map[string]uint64{}, cut: map[string]uint64{},
		seen:  map[event.UID]struct{}{},
		index: map[string]*folding{},
	}
	for i, r := range rules {
		p := &plan{rule: r, no: uint64(i), bucket: int64(Bucket(r)), whole: r.Whole(), show: SampleLimit(r), hashes: KeptHashes(r)}
		switch {
		case r.Sum != nil:
			p.sum = &r.Sum.Of
		case r.Baseline != nil && r.Baseline.Of.Field != nil:
			p.sum = &r.Baseline.Of
		}
		p.readElements()
		m.plans[r] = p
	}
	return m
}

// Profile has the matcher ask p, which is of the same set, which rules match.
func (m *Matcher) Profile(p *rule.Profiler) { m.find = p.Hits }

// Bucket returns the width of the time buckets in which matches of r are combined: 1/256 of the window, rounded down to
// whole seconds, at least one second; so a window's edge is off by less than half a percent, or a second. Those of a
// baseline and an average are the rule's own. 0 means that each match is a signal of its own, which is so where each event is
// its own alert, where order counts, and over alerts: they are few, and correlate knows one that it meets again by its id.
func Bucket(r *rule.Rule) time.Duration {
	switch {
	case r.Baseline != nil:
		return r.Baseline.Bucket
	case r.Average != nil:
		return r.Average.Bucket
	case r.Period() == 0 && r.FirstSeen == nil || r.Sequence != nil || r.Class == event.Alert:
		return 0
	}
	return max(time.Second, (r.Window() / 256).Truncate(time.Second))
}

// Begin starts a range and forgets the one before.
func (m *Matcher) Begin() {
	m.seen, m.index = emptied(m.seen), emptied(m.index)
	clear(m.matches)
	clear(m.excepted)
	clear(m.cut)
	clear(m.folded)
	m.folded = m.folded[:0]
}

// emptied returns an empty map, m itself unless it has become large: clearing costs what a map has ever held, and ranges
// come every few milliseconds.
func emptied[K comparable, V any](m map[K]V) map[K]V {
	if len(m) > 1<<14 {
		return map[K]V{}
	}
	clear(m)
	return m
}

// Event matches e and folds what matched into the range's signals. It keeps nothing of e, and cuts the secrets out of it
// if a rule matched.
func (m *Matcher) Event(e *event.Event) {
	m.matched = m.find(e, m.matched[:0])
	m.take(e)
}

// take folds m.matched in.
func (m *Matcher) take(e *event.Event) {
	if len(m.matched) == 0 {
		return
	}
	if _, again := m.seen[e.UID]; again {
		return
	}
	m.seen[e.UID] = struct{}{}
	m.except()
	if len(m.matched) == 0 {
		return
	}
	m.event++
	m.severities = m.severities[:0]
	for _, h := range m.matched {
		m.severities = append(m.severities, h.Rule.Severity.Of(e)) // may read what is now cut out
	}
	if m.redactor != nil {
		m.redactor.Event(e)
	}
	var last *rule.Rule
	for i, h := range m.matched {
		m.severity = m.severities[i]
		if h.Rule != last { // an event that is several steps is one match
			m.matches[h.Rule.ID]++
		}
		last = h.Rule
		m.rendered = rendering{}
		switch {
		case h.Rule.Mode == rule.DryRun:
		case h.Step != nil:
			m.step(m.plans[h.Rule], h.Step, e)
		default:
			m.fold(m.plans[h.Rule], e)
		}
	}
}

// except counts the hits that exceptions take away, each exception once, and drops them.
func (m *Matcher) except() {
	var last *rule.Exception
	m.matched = slices.DeleteFunc(m.matched, func(h rule.Hit) bool {
		if h.Exception != nil && h.Exception != last {
			m.excepted[h.Exception.ID]++
		}
		last = h.Exception
		return h.Exception != nil
	})
}

// fold adds a match to the signal that it belongs to, or with [] to the signals of its elements.
func (m *Matcher) fold(p *plan, e *event.Event) {
	if p.elements != nil {
		m.foldElements(p, e)
		return
	}
	r := p.rule
	value := ""
	if r.FirstSeen != nil {
		if value = novelValue(r.FirstSeen.Value, e); value == "" {
			return // what an event does not have cannot be new
		}
	}
	number := 0.0
	if r.Average != nil {
		var ok bool
		if number, ok = averaged(r.Average, e); !ok {
			return
		}
	}
	m.text, m.ends = m.text[:0], m.ends[:0]
	for _, k := range r.GroupBy {
		m.keyValue(k, e)
	}
	f := m.folding(p, e, value, "")
	m.count(f, e)
	switch {
	case p.sum != nil:
		f.Sum += amount(*p.sum, e)
	case r.Average != nil:
		f.Sum += number
	case r.Distinct != nil:
		f.distinct(r.Distinct.Of.Text(e))
	}
}

// count adds an event to a signal.
func (m *Matcher) count(f *folding, e *event.Event) {
	r, t := f.plan.rule, e.UnixNano(event.EventTime)
	if f.Count == 0 {
		f.First, f.Last, f.Severity = t, t, m.severity
	}
	f.event = m.event
	f.Count++
	f.First, f.Last = min(f.First, t), max(f.Last, t)
	shown := f.samples.add(e, t, &m.rendered, r.Capture, f.plan.show)
	if r.Absence != nil && shown || r.Absence == nil && rule.SeverityRank(m.severity) > rule.SeverityRank(f.Severity) {
		f.Severity = m.severity
	}
}

// distinct notes one of the values that kind distinct counts.
func (f *folding) distinct(value string) {
	if value != "" {
		f.hashes.add(xxh3.HashString(value), f.plan.hashes)
	}
}

// keyValue adds the event's value of one key of the group.
func (m *Matcher) keyValue(k rule.Key, e *event.Event) {
	start := len(m.text)
	m.text = k.AppendText(m.text, e)
	if v := m.text[start:]; len(v) > MaxKeyValue || !utf8.Valid(v) {
		m.text = append(m.text[:start], bounded(string(v))...)
	}
	m.ends = append(m.ends, len(m.text))
}

// folding finds the signal of (rule, key, bucket, value, step), or begins it.
func (m *Matcher) folding(p *plan, e *event.Event, value, step string) *folding {
	at := e.UnixNano(event.EventTime)
	if p.bucket > 0 {
		at = floor(at, p.bucket)
	}
	b := binary.AppendUvarint(m.buf[:0], p.no)
	b = binary.AppendVarint(b, at)
	for _, end := range m.ends {
		b = binary.AppendUvarint(b, uint64(end))
	}
	b = append(b, m.text...)
	if p.bucket == 0 {
		b = append(b, e.UID[:]...)
	}
	b = append(append(b, value...), step...) // of one rule, only one of them is used
	m.buf = b
	if f := m.index[string(b)]; f != nil {
		return f
	}
	f := &folding{plan: p, Signal: Signal{Rule: p.rule.ID, Hash: p.rule.Hash, Time: at, Value: value, Step: step}}
	if len(m.ends) > 0 {
		f.Key = make([]string, 0, len(m.ends))
	}
	start := 0
	for _, end := range m.ends {
		f.Key = append(f.Key, string(m.text[start:end]))
		start = end
	}
	m.index[string(b)] = f
	m.folded = append(m.folded, f)
	return f
}

// Signals returns the range's signals by shard, each shard's sorted by rule, key, time, value and event. It is the last that is
// asked of a range; the caller owns them.
func (m *Matcher) Signals(shards int) [][]Signal {
	for _, f := range m.folded {
		f.Samples, f.Hashes = f.samples.samples(), f.hashes.sorted(f.plan.hashes)
	}
	slices.SortFunc(m.folded, func(a, b *folding) int { return Compare(&a.Signal, &b.Signal) })
	out := make([][]Signal, shards)
	for _, f := range m.folded {
		key := f.Key
		if f.plan.whole {
			key = nil
		}
		n := Shard(f.Hash, key, shards)
		out[n] = append(out[n], f.Signal)
	}
	return out
}

// Matches returns how many events each rule matched in the range, by rule id, rules of mode dry_run included. The caller owns it.
func (m *Matcher) Matches() map[string]uint64 { return maps.Clone(m.matches) }

// Excepted returns how many events each exception took away in the range, by its id; what it took away is no match. The
// caller owns it.
func (m *Matcher) Excepted() map[string]uint64 { return maps.Clone(m.excepted) }

// Cut returns how many events in the range had, for a rule or a step of it, elements behind the MaxElements that are looked at, by
// rule id. The caller owns it.
func (m *Matcher) Cut() map[string]uint64 { return maps.Clone(m.cut) }

// Compare orders signals within a frame: by rule, key, time, value, step and first sample.
func Compare(a, b *Signal) int {
	return cmp.Or(
		cmp.Compare(a.Rule, b.Rule),
		slices.Compare(a.Key, b.Key),
		cmp.Compare(a.Time, b.Time),
		cmp.Compare(a.Value, b.Value),
		cmp.Compare(a.Step, b.Step),
		slices.CompareFunc(a.Samples, b.Samples, func(x, y Sample) int { return cmp.Compare(x.EventUID, y.EventUID) }),
	)
}

// Shard returns the shard that correlates a rule's group key. A rule that lives whole in one shard has no key here.
func Shard(hash string, key []string, shards int) int {
	var buf [256]byte
	b := append(buf[:0], hash...)
	for _, k := range key {
		b = append(binary.AppendUvarint(b, uint64(len(k))), k...)
	}
	return int(xxh3.Hash(b) % uint64(shards))
}

// floor rounds t down to a multiple of step, also below zero.
func floor(t, step int64) int64 {
	r := t % step
	if r < 0 {
		r += step
	}
	return t - r
}
