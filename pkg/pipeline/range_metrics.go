package pipeline

import (
	"errors"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// rangeMetrics are those of one stage; claims share them.
type rangeMetrics struct {
	lag     *prometheus.GaugeVec   // topic, partition
	holes   *prometheus.CounterVec // topic, partition
	ranges  prometheus.Counter
	replays prometheus.Counter
	retries prometheus.Counter
	bytes   prometheus.Histogram
	commits prometheus.Histogram
}

// claimMetrics are those of one partition.
type claimMetrics struct {
	*rangeMetrics
	topic, partition string
}

// newRangeMetrics registers the metrics of the stage, or finds those that an earlier Ranges of it registered.
func newRangeMetrics(reg prometheus.Registerer, stage string) (*rangeMetrics, error) {
	labels := prometheus.Labels{"stage": stage}
	at := []string{"topic", "partition"}
	m := &rangeMetrics{
		lag: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "shrike_kafka_lag_messages", ConstLabels: labels,
			Help: "Messages in Kafka that the stage has not done."}, at),
		holes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "shrike_kafka_holes_total", ConstLabels: labels,
			Help: "Offsets that the stage did not find in Kafka: messages lost to retention, or another's transaction markers."}, at),
		ranges: prometheus.NewCounter(prometheus.CounterOpts{Name: "shrike_kafka_ranges_total", ConstLabels: labels,
			Help: "Ranges done."}),
		replays: prometheus.NewCounter(prometheus.CounterOpts{Name: "shrike_kafka_replays_total", ConstLabels: labels,
			Help: "Pending ranges taken over from a process that died or gave up."}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{Name: "shrike_kafka_range_retries_total", ConstLabels: labels,
			Help: "Attempts to do a range that failed."}),
		bytes: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "shrike_kafka_range_bytes", ConstLabels: labels,
			Help: "Keys and values in one range.", Buckets: prometheus.ExponentialBuckets(1<<10, 4, 9)}),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "shrike_kafka_commit_seconds", ConstLabels: labels,
			Help: "Time of one offset commit, retries included.", Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9)}),
	}
	if reg == nil {
		return m, nil
	}
	return m, errors.Join(
		register(reg, &m.lag), register(reg, &m.holes), register(reg, &m.ranges), register(reg, &m.replays),
		register(reg, &m.retries), register(reg, &m.bytes), register(reg, &m.commits))
}

// register replaces the collector by the one that is registered already, if there is one.
func register[C prometheus.Collector](reg prometheus.Registerer, c *C) error {
	err := reg.Register(*c)
	if already, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if there, ok := already.ExistingCollector.(C); ok {
			*c = there
			return nil
		}
	}
	return err
}

// of returns the partition's metrics, its counters at 0.
func (m *rangeMetrics) of(topic string, partition int) *claimMetrics {
	c := &claimMetrics{rangeMetrics: m, topic: topic, partition: strconv.Itoa(partition)}
	m.holes.WithLabelValues(c.topic, c.partition)
	return c
}

func (c *claimMetrics) lag(messages int64) {
	c.rangeMetrics.lag.WithLabelValues(c.topic, c.partition).Set(float64(max(0, messages)))
}

// done counts a range.
func (c *claimMetrics) done(r *Range) {
	c.ranges.Inc()
	bytes := 0
	for i := range r.Messages {
		bytes += len(r.Messages[i].Key) + len(r.Messages[i].Value)
	}
	c.bytes.Observe(float64(bytes))
	for _, h := range r.Holes {
		c.holes.WithLabelValues(c.topic, c.partition).Add(float64(h[1] - h[0]))
	}
}

// close forgets the lag, which is another member's to tell from now on.
func (c *claimMetrics) close() { c.rangeMetrics.lag.DeleteLabelValues(c.topic, c.partition) }
