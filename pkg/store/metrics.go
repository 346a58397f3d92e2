package store

import "github.com/prometheus/client_golang/prometheus"

// metrics are counted whether or not somebody registers them (Store.Register).
type metrics struct {
	rows    *prometheus.CounterVec
	bytes   prometheus.Counter
	seconds *prometheus.HistogramVec
	retries *prometheus.CounterVec
	mended  *prometheus.CounterVec
}

func newMetrics() *metrics {
	label := []string{"table"}
	m := &metrics{
		rows:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "shrike_insert_rows_total", Help: "Rows stored in ClickHouse."}, label),
		bytes:   prometheus.NewCounter(prometheus.CounterOpts{Name: "shrike_insert_bytes_total", Help: "Bytes of the texts stored, uncompressed, equal neighbours counted once."}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "shrike_insert_seconds", Help: "Time of one insert of one block.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 14)}, label),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "shrike_insert_retries_total", Help: "Inserts that had to be tried again."}, label),
		mended:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "shrike_insert_mended_rows_total", Help: "Rows that verification found missing and inserted."}, label),
	}
	for _, t := range insertTables() {
		m.rows.WithLabelValues(t)
		m.seconds.WithLabelValues(t)
		m.retries.WithLabelValues(t)
		m.mended.WithLabelValues(t)
	}
	return m
}

func insertTables() []string { return append(classTables(), "dead_letter", "alerts", "coverage") }

// Register exports the store's metrics. Call it once, before the first insert.
func (s *Store) Register(reg prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{s.metrics.rows, s.metrics.bytes, s.metrics.seconds, s.metrics.retries, s.metrics.mended} {
		if err := reg.Register(c); err != nil {
			return err
		}
	}
	return nil
}
