package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
)

// A partition that holds time is told of: by the metric, by the log once it has been silent for minutes, once more when it is given
// up, with what was begun of it, and when it is back. Each call in watch, and each condition in tell, left out makes this fail.
func TestShardTellsWhoHoldsTime(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.InfoLevel)
	registry := prometheus.NewRegistry()
	s := &shard{log: zap.New(core), claim: &bus.Claim{Partition: 1}, metrics: newCorrelateMetrics(registry, rules(t), 2), partial: 7}
	part := &match.Frame{Schema: match.Schema, Origin: record.Position{Topic: "t", Partition: 3}, To: 9, Signals: []match.Signal{
		{Rule: "a", Value: strings.Repeat("x", 400)}, {Rule: "a", Value: strings.Repeat("y", 400)},
	}}
	parts, err := match.Encode(part, 600)
	if err != nil || len(parts) < 2 {
		t.Fatalf("%d parts (%v)", len(parts), err)
	}
	if _, err := s.assembler.Add(parts[0]); err != nil {
		t.Fatal(err)
	}
	three, four := correlate.Origin{Topic: "t", Partition: 3}, correlate.Origin{Topic: "t", Partition: 4}
	slow := func(o correlate.Origin, silent time.Duration) *correlate.Slowest {
		return &correlate.Slowest{Origin: o, Behind: time.Minute + silent, Silent: silent}
	}
	for i, c := range []struct {
		slowest *correlate.Slowest
		gone    []correlate.Origin
		metric  string
		partial int64
		log     string
	}{
		{nil, nil, "", 7, ""},
		{slow(four, time.Second), nil, `4 61`, 7, ""},
		{slow(three, time.Minute), nil, `3 120`, 7, ""},
		{slow(three, 5*time.Minute), nil, `3 360`, 7, "warn time waits 3"},
		{slow(three, 6*time.Minute), nil, `3 420`, 7, ""},
		{slow(four, time.Second), []correlate.Origin{three}, `4 61`, -1, "warn time no longer waits 3"},
		{nil, []correlate.Origin{three}, `4 0`, -1, ""},
		{slow(three, time.Second), nil, `3 61`, -1, "info time takes account 3"},
	} {
		s.watch(&correlate.Stats{Slowest: c.slowest, Gone: c.gone})
		want := "# HELP shrike_silent_partitions Partitions that a shard's event time no longer waits for, since detect has said nothing of them for an hour.\n# TYPE shrike_silent_partitions gauge\n" +
			fmt.Sprintf("shrike_silent_partitions{shard=\"0\"} 0\nshrike_silent_partitions{shard=\"1\"} %d\n", len(c.gone))
		if c.metric != "" {
			partition, value, _ := strings.Cut(c.metric, " ")
			want += "# HELP shrike_time_behind_seconds Of the partition that holds a shard's event time: how far it is behind now. 0 while all partitions are idle.\n# TYPE shrike_time_behind_seconds gauge\n" +
				fmt.Sprintf("shrike_time_behind_seconds{partition=%q,shard=\"1\",topic=\"t\"} %s\n", partition, value)
		}
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "shrike_silent_partitions", "shrike_time_behind_seconds"); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
		var said []string
		for _, l := range logs.TakeAll() {
			for _, words := range []string{"time waits", "time no longer waits", "time takes account"} {
				if strings.HasPrefix(l.Message, words) {
					said = append(said, fmt.Sprint(l.Level, " ", words, " ", l.ContextMap()["partition"]))
				}
			}
		}
		if diff := cmp.Diff(c.log, strings.Join(said, ";")); diff != "" {
			t.Errorf("step %d says (-want +got):\n%s", i, diff)
		}
		if s.partial != c.partial {
			t.Errorf("step %d: the frame that is not complete holds offset %d, want %d", i, s.partial, c.partial)
		}
	}
}
