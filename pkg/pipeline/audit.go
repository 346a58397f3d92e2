package pipeline

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/store"
)

// auditEvery is how often the audit runs; one that takes long runs less often, so that it costs a tenth of the time at
// most.
const auditEvery = time.Minute

// Audit checks at once and again and again, until ctx ends, that every offset that is said to be stored is accounted for
// exactly once, and exports the outcome. The tables must be there.
func Audit(ctx context.Context, s *store.Store, log *zap.Logger, reg prometheus.Registerer) error {
	labels := []string{"topic", "partition", "state"}
	offsets := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "shrike_audit_offsets", Help: "What became of the offsets of a partition, over all its epochs, by the last audit.",
	}, labels)
	faults := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "shrike_audit_faults", Help: "Offsets or rows that the last audit could not account for exactly once; must be 0.",
	}, labels)
	last := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "shrike_audit_last_time_seconds", Help: "When the last audit ended, in seconds since 1970.",
	})
	reg.MustRegister(offsets, faults, last)
	wait := time.NewTimer(0) // after a crash, nobody should wait for the answer
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-wait.C:
		}
		started := time.Now()
		rows, err := s.Audit(ctx)
		if err != nil {
			if ctx.Err() == nil {
				log.Warn("audit does not get its answer", zap.Error(err))
			}
		} else {
			export(rows, offsets, faults, log)
			last.SetToCurrentTime()
		}
		wait.Reset(max(auditEvery, 10*time.Since(started)))
	}
}

func export(rows []store.AuditRow, offsets, faults *prometheus.GaugeVec, log *zap.Logger) {
	offsets.Reset()
	faults.Reset()
	for _, r := range rows {
		partition := strconv.Itoa(r.Partition)
		for state, n := range map[string]int64{
			"event": r.Events, "dead_letter": r.DeadLetters, "expired": r.Expired, "alert": r.Alerts, "control": r.Controls, "hole": r.Holes,
		} {
			offsets.WithLabelValues(r.Topic, partition, state).Add(float64(n))
		}
		for state, n := range map[string]int64{"gap": r.Gaps, "overlap": r.Overlaps, "duplicate": r.Duplicates} {
			faults.WithLabelValues(r.Topic, partition, state).Add(float64(n))
		}
		if !r.OK() {
			log.Error("audit: not every record is accounted for exactly once", zap.Any("partition", r))
		}
	}
}
