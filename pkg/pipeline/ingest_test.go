package pipeline

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/store"
)

// Records go to the topic of their format's class, unknown ones to http's; the same bytes always to the same partition,
// where detect can see that they repeat. Nothing of a record is lost on the way.
func TestIngestSortsRecords(t *testing.T) {
	t.Parallel()
	const partitions = 4
	w := &way{t: t, ctx: t.Context(), bus: busClient(t, kafkatest.Start(t).Addr())}
	counts := map[string]int{}
	for _, topic := range RecordTopics() {
		ensure(t, w.ctx, w.bus, topic, partitions)
		counts[topic] = partitions
	}
	ensure(t, w.ctx, w.bus, bus.DeadLetter, 1)
	in := NewIngest(w.bus.NewProducer(bus.ProducerOptions{}), builtin.Formats(), counts, prometheus.NewRegistry())
	topics := map[string]string{"cloudtrail": "records.api", "vpcflow": "records.flow", "nginx": "records.http", "": "records.http"}
	want := map[string]record.Record{}
	var sent []record.Record
	for format := range topics {
		for i := range 20 {
			r := record.Record{
				Raw: fmt.Appendf(nil, "%s %d", format, i), Format: format, Received: time.Unix(1772355600, 5).UTC(),
				Origin: record.Origin{Source: "test", Object: "o", Offset: int64(i), Line: int64(i + 1)},
			}
			want[string(r.Raw)] = r
			sent = append(sent, r)
		}
	}
	for range 2 { // delivered twice, in another order
		if err := in.Records(w.ctx, sent); err != nil {
			t.Fatal(err)
		}
		slices.Reverse(sent)
	}
	used := 0
	for _, topic := range RecordTopics() {
		for p := range partitions {
			_, end, err := w.bus.Bounds(w.ctx, topic, p)
			if err != nil {
				t.Fatal(err)
			}
			if end == 0 {
				continue
			}
			used++
			seen := map[string]int{}
			w.read(topic, p, func(m *bus.Message) bool {
				r, err := bus.ReadRecord(m)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want[string(r.Raw)], r); diff != "" || topics[r.Format] != topic {
					t.Errorf("record in %s (-sent +read):\n%s", topic, diff)
				}
				seen[string(r.Raw)]++
				return m.Offset == end-1
			})
			for raw, n := range seen {
				if n != 2 {
					t.Errorf("%s/%d has %q %d times, want both times", topic, p, raw, n)
				}
			}
		}
	}
	if used < 9 {
		t.Errorf("records lie in %d partitions of 12: they are to be spread", used)
	}
	dead := record.DeadLetter{Record: sent[0], Reason: record.ReasonTooLong, Detail: "long", Size: 1 << 30}
	if err := in.DeadLetters(w.ctx, []record.DeadLetter{dead}); err != nil {
		t.Fatal(err)
	}
	w.read(bus.DeadLetter, 0, func(m *bus.Message) bool {
		got, err := bus.ReadDeadLetter(m)
		if diff := cmp.Diff(dead, got); diff != "" || err != nil {
			t.Errorf("dead letter (-sent +read): %v\n%s", err, diff)
		}
		return true
	})
}

// The audit's metrics add up the epochs of a partition, and whatever is at fault is an error in the log.
func TestAuditExports(t *testing.T) {
	t.Parallel()
	labels := []string{"topic", "partition", "state"}
	offsets := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "offsets"}, labels)
	faults := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "faults"}, labels)
	core, logs := observer.New(zapcore.ErrorLevel)
	good := store.AuditRow{Epoch: 1, Topic: "records.api", Partition: 3, To: 10, Events: 7, DeadLetters: 2, Expired: 1}
	bad := store.AuditRow{Epoch: 2, Topic: "records.api", Partition: 3, To: 10, Events: 9, Gaps: 1}
	for range 2 { // the last audit counts, not all
		export([]store.AuditRow{good, bad}, offsets, faults, zap.New(core))
	}
	if got := testutil.ToFloat64(offsets.WithLabelValues("records.api", "3", "event")); got != 16 {
		t.Errorf("events: got %v, want 16", got)
	}
	if got := testutil.ToFloat64(faults.WithLabelValues("records.api", "3", "gap")); got != 1 {
		t.Errorf("gaps: got %v, want 1", got)
	}
	if n := logs.Len(); n != 2 {
		t.Errorf("errors logged: got %d, want one an audit", n)
	}
}
