package pipeline

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/correlate"
)

// quiet is for how long detect says nothing of a partition that time waits for before the log speaks of it.
const quiet = 5 * time.Minute

// stragglers tells of the partitions that hold time: averages, baselines, absences and what must not follow in a sequence
// are decided by it.
type stragglers struct {
	warned *correlate.Origin // that time waits for, and the log has said so
	gone   []correlate.Origin
	shown  []string // labels topic and partition of the metric
}

// export has one series a shard: of the partition that holds time, or of the last one that did, at 0.
func (l *stragglers) export(behind *prometheus.GaugeVec, slow *correlate.Slowest) {
	if slow == nil {
		if l.shown != nil {
			behind.WithLabelValues(l.shown...).Set(0)
		}
		return
	}
	shown := []string{slow.Topic, strconv.Itoa(slow.Partition)}
	behind.WithLabelValues(shown...).Set(slow.Behind.Seconds())
	if l.shown != nil && !slices.Equal(shown, l.shown) {
		behind.DeleteLabelValues(l.shown...)
	}
	l.shown = shown
}

// watch exports which partition holds time, logs each that says nothing, and lets go of what was begun of those that are gone.
func (s *shard) watch(stats *correlate.Stats) {
	shard := strconv.Itoa(s.claim.Partition)
	s.late.export(s.metrics.behind.MustCurryWith(prometheus.Labels{"shard": shard}), stats.Slowest)
	s.metrics.gone.WithLabelValues(shard).Set(float64(len(stats.Gone)))
	s.late.tell(s.log, stats)
	if len(stats.Gone) > 0 && s.partial >= 0 {
		for _, o := range stats.Gone {
			s.assembler.Drop(o.Topic, o.Partition)
		}
		if !s.assembler.Pending() {
			s.partial = -1
		}
	}
}

// tell logs what has changed.
func (l *stragglers) tell(log *zap.Logger, stats *correlate.Stats) {
	slow := stats.Slowest
	switch {
	case slow == nil || slow.Silent < quiet:
		l.warned = nil
	case l.warned == nil || *l.warned != slow.Origin:
		l.warned = &slow.Origin
		log.Warn("time waits for a partition that detect says nothing of: averages, baselines, absences and sequences with unless wait with it, for an hour at most; is detect running, and can it read the partition?",
			zap.String("topic", slow.Topic), zap.Int("partition", slow.Partition), zap.Duration("silent", slow.Silent))
	}
	for _, o := range stats.Gone {
		if !slices.Contains(l.gone, o) {
			log.Warn("time no longer waits for a partition that detect has said nothing of for an hour: what it may bring yet is late for averages, baselines and absences",
				zap.String("topic", o.Topic), zap.Int("partition", o.Partition))
		}
	}
	for _, o := range l.gone {
		if !slices.Contains(stats.Gone, o) {
			log.Info("time takes account of a partition again", zap.String("topic", o.Topic), zap.Int("partition", o.Partition))
		}
	}
	l.gone = stats.Gone
}

// Time is how far event time has come in a shard.
type Time struct {
	Reached time.Time          // zero: unknown
	Slowest *correlate.Slowest // what holds it; nil: nothing does
}

// ReadTime reads what a commit of correlate says of time. ok is false where it says nothing, as before the first commit.
func ReadTime(c bus.Commit) (t Time, ok bool) {
	var p correlate.Progress
	if json.Unmarshal([]byte(c.Metadata), &p) != nil {
		return Time{}, false
	}
	t.Slowest = p.Slowest
	if p.Watermark != math.MinInt64 {
		t.Reached = time.Unix(0, p.Watermark).UTC()
	}
	return t, true
}

// String says what holds time, and since when nothing was heard of it; "" where nothing does.
func (t Time) String() string {
	slow := t.Slowest
	if slow == nil {
		return ""
	}
	text := fmt.Sprintf("%s/%d, %s behind", slow.Topic, slow.Partition, slow.Behind.Round(time.Second))
	if slow.Silent >= quiet {
		text += fmt.Sprintf(", silent for %s", slow.Silent.Round(time.Second))
	}
	return text
}
