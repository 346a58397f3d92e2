package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/redact"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/ruleset"
)

// DetectOptions is what the detect stage needs. All are required but Redact.
type DetectOptions struct {
	Bus       *bus.Client
	Producer  *bus.Producer
	Formats   *format.Registry
	Rules     *ruleset.Holder
	Shards    int // partitions of signals
	Retention Retention
	Redact    *redact.Rules // which secrets samples do not show; nil is the built-in list
	Log       *zap.Logger
	Metrics   prometheus.Registerer
}

const (
	detectMessages = 8192
	detectBytes    = 16 << 20
	detectWait     = 50 * time.Millisecond // an alert waits at most this long for its range to be cut
	heartbeat      = 5 * time.Second       // a shard hears from every partition at least this often
	maxFrame       = 900_000               // bytes of one signals message
)

// Detect parses records, holds them and the alerts of other rules against the rules, and sends frames of signals until ctx
// ends. It needs no ClickHouse.
func Detect(ctx context.Context, o DetectOptions) error {
	o.Redact = cmp.Or(o.Redact, redact.Default())
	parsers := version(o.Formats, o.Redact)
	return Ranges(ctx, o.Bus, RangeOptions{
		Group: "detect", Topics: DetectTopics(), Version: func() string { return parsers + "." + o.Rules.Set().Hash() },
		MaxMessages: detectMessages, MaxBytes: detectBytes, MaxWait: detectWait, Idle: heartbeat,
		Epoch: firstEpoch, Do: newDetector(o).do, Log: o.Log, Registerer: o.Metrics,
	})
}

func newDetector(o DetectOptions) *detector {
	set := o.Rules.Set()
	return &detector{
		DetectOptions: o,
		watchers:      newPartitioned(func() *watcher { return newWatcher(&o) }),
		metrics:       newParseMetrics(o.Metrics, "detect"),
		matches:       counters(o.Metrics, "shrike_matches_total", "Events that a rule matched.", "rule", ruleIDs(set)...),
		excepts: counters(o.Metrics, "shrike_exception_hits_total", "Events that an exception took out of what its rule found.", "exception",
			exceptionIDs(set)...),
		cut: counters(o.Metrics, "shrike_cut_events_total", "Events whose array had more groups for a rule than are looked at: what lay behind the first 1000 was not.",
			"rule", ruleIDs(set)...),
		costs:   newCostMetrics(o.Metrics, set),
		repeats: counter(o.Metrics, "shrike_repeated_events_total", "Events that detect dropped as delivered before."),
	}
}

// firstEpoch starts a partition that this group has no commit for at its beginning, under an epoch of its own. Signals
// of records that an earlier epoch already sent repeat alert ids, which is harmless.
func firstEpoch(_ context.Context, _ string, _ int, first, _ int64) (uint64, int64, error) {
	return uint64(time.Now().UnixMilli()), first, nil
}

// RecordTopics returns the topics of log records, one a class.
func RecordTopics() []string {
	var topics []string
	for _, c := range event.LogClasses() {
		topics = append(topics, bus.TopicOf(c))
	}
	return topics
}

// DetectTopics returns the topics that detect reads: records, and the alerts that rules over alerts look at.
func DetectTopics() []string { return append(RecordTopics(), bus.Alerts) }

func ruleIDs(set *rule.Set) []string {
	var ids []string
	for _, r := range set.Rules() {
		ids = append(ids, r.ID)
	}
	return ids
}

func exceptionIDs(set *rule.Set) []string {
	var ids []string
	for _, x := range set.Exceptions() {
		ids = append(ids, x.ID)
	}
	return ids
}

type detector struct {
	DetectOptions
	metrics *parseMetrics
	matches *prometheus.CounterVec
	excepts *prometheus.CounterVec
	cut     *prometheus.CounterVec
	repeats prometheus.Counter
	costs   *costMetrics

	watchers *partitioned[watcher]
}

// watcher is what detect keeps of one partition between ranges. None of it decides what is detected, save that a
// record delivered twice is met once.
type watcher struct {
	parser  parser
	set     *rule.Set
	matcher *match.Matcher // of set
	costs   *rule.Profiler // what the matcher asks
	recent  recent
	began   time.Time
	latest  map[string]progress // by source
	sent    []time.Time         // when each shard last heard from here
	idle    bool                // what the shards heard last is that nothing comes
	classes map[event.Class]int
}

func newWatcher(o *DetectOptions) *watcher {
	return &watcher{
		parser:  parser{decoder: format.NewDecoder(o.Formats), keep: o.Retention},
		began:   time.Now(),
		latest:  make(map[string]progress),
		sent:    make([]time.Time, o.Shards),
		classes: make(map[event.Class]int),
	}
}

// follow takes the rules that are in force now. A range that was tried before is tried with the same rules again, if this
// process knows them: shards that have its frame would drop the new one, and the rules it is of.
func (d *detector) follow(w *watcher, r *Range) {
	set := d.Rules.Set()
	if set == w.set || w.set != nil && r.Replay {
		return
	}
	w.set, w.matcher, w.costs = set, match.NewRedacting(set, d.Redact), newProfiler(set)
	w.matcher.Profile(w.costs)
	name(ruleIDs(set), d.matches, d.cut, d.costs.evaluations, d.costs.seconds)
	name(exceptionIDs(set), d.excepts)
}

func (d *detector) do(ctx context.Context, r *Range) error {
	started := time.Now()
	w := d.watchers.of(r)
	d.follow(w, r)
	w.matcher.Begin()
	w.parser.tally = tally{} // an attempt before may have left its counts
	clear(w.classes)
	repeats := 0
	for i := range r.Messages {
		if r.Topic == bus.Alerts {
			w.alert(&r.Messages[i])
		} else {
			repeats += w.records(&r.Messages[i], started)
		}
	}
	if err := d.send(ctx, r, w); err != nil {
		return err
	}
	if err := lost(ctx, d.Producer, "detect", r); err != nil {
		return err
	}
	for id, n := range w.matcher.Matches() {
		d.matches.WithLabelValues(id).Add(float64(n))
	}
	for id, n := range w.matcher.Excepted() {
		d.excepts.WithLabelValues(id).Add(float64(n))
	}
	for id, n := range w.matcher.Cut() {
		d.cut.WithLabelValues(id).Add(float64(n))
	}
	w.costs.Take(d.costs.add)
	d.repeats.Add(float64(repeats))
	d.metrics.add(&w.parser.tally, w.classes)
	d.metrics.seconds.Observe(time.Since(started).Seconds())
	return nil
}

// records matches the events of one message. It returns how many of them were delivered before.
func (w *watcher) records(m *bus.Message, now time.Time) (repeats int) {
	w.parser.message(m, func(e *event.Event) {
		w.classes[e.Class]++
		if w.recent.repeated(e.UID, m.Offset) {
			repeats++
			return
		}
		w.advance(e.Text(event.Source), e.UnixNano(event.EventTime), max(now.UnixNano(), e.UnixNano(event.ReceivedTime)), now)
		w.matcher.Event(e)
	}, func(*record.DeadLetter) {}) // store keeps the dead letters; here they are only counted
	return repeats
}

// alert matches one revision of an alert. One that is told again, after a restart of correlate, is the same events again:
// correlate knows them.
func (w *watcher) alert(m *bus.Message) {
	w.parser.tally.records++
	w.parser.tally.bytes += len(m.Value)
	a, err := decodeAlert(m.Value)
	if err != nil {
		w.parser.tally.buried(record.ReasonSyntax) // to store it is a dead letter
		return
	}
	if n := len(a.Levels()); n > 0 {
		w.parser.tally.events++
		w.classes[event.Alert]++
	} else {
		w.parser.tally.controls++
	}
	w.matcher.Alert(&a)
}

// send sends each shard its frame of the range: those with signals, and those that have not heard for a heartbeat. All hear of
// the first after a partition was idle: logs that come a few a minute would else never be seen to take time on.
func (d *detector) send(ctx context.Context, r *Range, w *watcher) error {
	now := time.Now()
	var messages []bus.Message
	var told []int
	for shard, signals := range w.matcher.Signals(d.Shards) {
		if len(signals) == 0 && !r.Idle && !w.idle && now.Sub(w.sent[shard]) < heartbeat {
			continue
		}
		frame := &match.Frame{
			Schema:  1,
			Origin:  record.Position{Epoch: r.Epoch, Topic: r.Topic, Partition: r.Partition, Offset: r.From},
			Alerts:  r.Topic == bus.Alerts,
			To:      r.To,
			RuleSet: w.set.Hash(), Watermark: w.watermark(r.Idle || r.Topic == bus.Alerts, now), Clock: now.UnixNano(), Signals: signals,
		}
		parts, err := match.Encode(frame, maxFrame)
		if err != nil {
			return fmt.Errorf("encode the frame of %s: %w", r, err)
		}
		for _, part := range parts {
			messages = append(messages, bus.Message{Topic: bus.Signals, Partition: shard, Value: part})
		}
		told = append(told, shard)
	}
	w.idle = w.idle || r.Idle // some may hear of it even where Send fails
	if len(messages) > 0 {
		if err := d.Producer.Send(ctx, messages...); err != nil {
			return err
		}
	}
	for _, shard := range told {
		w.sent[shard] = now
	}
	w.idle = r.Idle
	return nil
}

// progress is how far one source has come.
type progress struct {
	event int64     // newest event time, Unix nanoseconds
	seen  time.Time // when its last record was detected
}

// sourceIdle is how long a source may be silent before it no longer holds the watermark back.
const sourceIdle = 5 * time.Minute

// advance notes an event of the source. One of the future moves time no further than the present: a single wrong clock, or a line
// that somebody made up, would else close buckets and tell silences of all that is yet to come. The present is what is later,
// now or when the record was received: where detect's own clock is hours behind, time would be held by as much.
func (w *watcher) advance(source string, eventTime, present int64, now time.Time) {
	w.latest[source] = progress{event: max(w.latest[source].event, min(eventTime, present)), seen: now}
}

// watermark is the event time that the slowest source of the partition has reached, 0 when nobody knows; an idle
// partition holds nobody back, nor one that has brought no event for long, but garbage. Nor do alerts ever: they come of logs
// that the watermark has heard of, and rules over alerts have a time of their own (correlate's origins).
func (w *watcher) watermark(idle bool, now time.Time) int64 {
	if idle {
		return math.MaxInt64
	}
	low := int64(math.MaxInt64)
	for source, p := range w.latest {
		if now.Sub(p.seen) > sourceIdle {
			delete(w.latest, source)
			continue
		}
		low = min(low, p.event)
	}
	if low == math.MaxInt64 && now.Sub(w.began) <= sourceIdle {
		return 0
	}
	return low
}

// recent remembers which events a partition brought lately. The zero value is ready to use.
type recent struct {
	young, old map[event.UID]int64 // offset that brought the event first
}

// recentEvents is how many events one generation holds; two are kept: at most 2^18 events, about 12 MB a partition.
const recentEvents = 1 << 17

// repeated reports whether another record, at a lower offset, brought the event before. The offset makes a
// replayed range answer as it did the first time.
func (r *recent) repeated(id event.UID, offset int64) bool {
	first, ok := r.young[id]
	if !ok {
		first, ok = r.old[id]
	}
	if ok {
		return first < offset
	}
	if r.young == nil || len(r.young) >= recentEvents {
		r.old, r.young = r.young, make(map[event.UID]int64, recentEvents/8)
	}
	r.young[id] = offset
	return false
}
