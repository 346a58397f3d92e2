package pipeline

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// parseMetrics counts what a parsing stage (store, detect) made of its records.
type parseMetrics struct {
	records, bytes, controls prometheus.Counter
	events                   *prometheus.CounterVec // class
	failures                 *prometheus.CounterVec // reason
	rangeRecords             prometheus.Histogram
	seconds                  prometheus.Histogram
}

func newParseMetrics(reg prometheus.Registerer, stage string) *parseMetrics {
	reg = prometheus.WrapRegistererWith(prometheus.Labels{"stage": stage}, reg)
	m := &parseMetrics{
		records:  counter(reg, "shrike_records_total", "Records that the stage took from Kafka."),
		bytes:    counter(reg, "shrike_record_bytes_total", "Bytes of the records that the stage took from Kafka."),
		controls: counter(reg, "shrike_control_records_total", "Records that are known to hold no event."),
		events: counters(reg, "shrike_events_total", "Events parsed.", "class",
			event.API.String(), event.Flow.String(), event.HTTP.String(), event.DNS.String()),
		failures:     counters(reg, "shrike_parse_failures_total", "Records that became dead letters.", "reason", reasons()...),
		rangeRecords: histogram(reg, "shrike_range_records", "Records in one range.", prometheus.ExponentialBuckets(1, 4, 10)),
		seconds:      histogram(reg, "shrike_range_seconds", "Time from taking a range up to its output being durable.", prometheus.ExponentialBuckets(0.001, 3, 10)),
	}
	return m
}

// add counts one range's tally and empties it.
func (m *parseMetrics) add(t *tally, classes map[event.Class]int) {
	m.records.Add(float64(t.records))
	m.bytes.Add(float64(t.bytes))
	m.controls.Add(float64(t.controls))
	for class, n := range classes {
		m.events.WithLabelValues(class.String()).Add(float64(n))
	}
	for reason, n := range t.dead {
		m.failures.WithLabelValues(string(reason)).Add(float64(n))
	}
	m.rangeRecords.Observe(float64(t.records))
	*t = tally{}
}

func reasons() []string {
	var names []string
	for _, r := range record.Reasons() {
		names = append(names, string(r))
	}
	return names
}

func counter(reg prometheus.Registerer, name, help string) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	reg.MustRegister(c)
	return c
}

// counters makes a vector with one label and a series for each value of its closed set.
func counters(reg prometheus.Registerer, name, help, label string, values ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	reg.MustRegister(c)
	for _, v := range values {
		c.WithLabelValues(v)
	}
	return c
}

// name makes the series of names that may have come since the vectors were made.
func name(values []string, vectors ...*prometheus.CounterVec) {
	for _, v := range vectors {
		for _, value := range values {
			v.WithLabelValues(value)
		}
	}
}

func histogram(reg prometheus.Registerer, name, help string, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
	reg.MustRegister(h)
	return h
}

// Values of the label memory: what rules remember in ClickHouse, by its tables.
const (
	memoryValues  = "first_seen"
	memoryBuckets = "baselines"
)

// correlateMetrics counts what the shards of this process do.
type correlateMetrics struct {
	alerts, evicted, late        *prometheus.CounterVec // rule
	lost                         *prometheus.CounterVec // memory
	dropped, skipped, unreadable prometheus.Counter
	keys, bytes                  *prometheus.GaugeVec // shard
	ruleKeys, ruleBytes          *prometheus.GaugeVec // rule, shard
	held                         *prometheus.GaugeVec // shard
	behind                       *prometheus.GaugeVec // shard, topic, partition
	gone                         *prometheus.GaugeVec // shard
}

func newCorrelateMetrics(reg prometheus.Registerer, set *rule.Set, shards int) *correlateMetrics {
	m := &correlateMetrics{
		alerts:     counters(reg, "shrike_alerts_total", "Alerts and updates of alerts sent.", "rule", ruleIDs(set)...),
		evicted:    counters(reg, "shrike_evicted_groups_total", "Groups that a rule forgot because its state was full.", "rule", ruleIDs(set)...),
		late:       counters(reg, "shrike_late_matches_total", "Matches of baselines, averages and absences that came when what they belong to was decided.", "rule", ruleIDs(set)...),
		dropped:    counter(reg, "shrike_repeated_frames_total", "Frames dropped because they were applied before."),
		skipped:    counter(reg, "shrike_skipped_signals_total", "Signals not evaluated: of unknown rules, or held back over the bound."),
		unreadable: counter(reg, "shrike_unreadable_frames_total", "Messages of the topic signals that are no frame."),
		lost:       counters(reg, "shrike_lost_memory_rows_total", "Rows of the memory given up while ClickHouse was away: after a restart, values may be told as new again and groups of baselines have a gap in their past.", "memory", memoryValues, memoryBuckets),
		keys:       gauges(reg, "shrike_state_groups", "Groups that a shard tracks.", shards),
		bytes:      gauges(reg, "shrike_state_bytes", "Estimated memory of the groups that a shard tracks, in bytes.", shards),
		ruleKeys:   ruleGauge(reg, "shrike_rule_state_groups", "Groups of a rule that a shard tracks."),
		ruleBytes:  ruleGauge(reg, "shrike_rule_state_bytes", "Estimated memory of the groups of a rule that a shard tracks, in bytes."),
		held:       gauges(reg, "shrike_held_signals", "Signals of first-seen rules that wait for the memory in ClickHouse, or for slower partitions.", shards),
		behind: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "shrike_time_behind_seconds",
			Help: "Of the partition that holds a shard's event time: how far it is behind now. 0 while all partitions are idle."}, []string{"shard", "topic", "partition"}),
		gone: gauges(reg, "shrike_silent_partitions", "Partitions that a shard's event time no longer waits for, since detect has said nothing of them for an hour.", shards),
	}
	reg.MustRegister(m.behind)
	return m
}

// exported is what a shard has exported of a rule.
type exported struct{ evicted, late uint64 }

// observe exports an engine's size. counted is what the shard exported before, by rule; it is brought up to date.
func (m *correlateMetrics) observe(stats correlate.Stats, counted map[string]exported) {
	var keys int
	var size int64
	shard := strconv.Itoa(stats.Shard)
	for _, r := range stats.Rules {
		m.ruleKeys.WithLabelValues(r.Rule, shard).Set(float64(r.Keys))
		m.ruleBytes.WithLabelValues(r.Rule, shard).Set(float64(r.Bytes))
		keys += r.Keys
		size += r.Bytes
		was := counted[r.Rule]
		m.evicted.WithLabelValues(r.Rule).Add(float64(r.Evicted - was.evicted))
		m.late.WithLabelValues(r.Rule).Add(float64(r.Late - was.late))
		counted[r.Rule] = exported{r.Evicted, r.Late}
	}
	m.keys.WithLabelValues(shard).Set(float64(keys))
	m.bytes.WithLabelValues(shard).Set(float64(size))
	m.held.WithLabelValues(shard).Set(float64(stats.Held))
}

// gauges makes a vector with a series for each shard.
func gauges(reg prometheus.Registerer, name, help string, shards int) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"shard"})
	reg.MustRegister(g)
	for i := range shards {
		g.WithLabelValues(strconv.Itoa(i))
	}
	return g
}
