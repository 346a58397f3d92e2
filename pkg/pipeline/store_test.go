package pipeline

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/store"
)

// tables is a fresh, migrated database.
type tables struct {
	clickhousetest.Database
	*store.Store
	t *testing.T
}

func newTables(t *testing.T, w *way) *tables {
	t.Helper()
	d := clickhousetest.Start(t)
	s, err := store.Open(w.ctx, store.Config{
		Addrs: []string{d.Server.Addr()}, Database: d.Name, User: clickhouse.ServiceUser, Password: d.Server.Password(),
	}, w.log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	const day = 24 * time.Hour
	if _, err := s.Migrate(w.ctx, store.MigrateOptions{Retention: map[string]time.Duration{
		"api": 400 * day, "flow": 90 * day, "http": 90 * day, "dns": 90 * day, "alerts": 800 * day, "dead_letter": 30 * day,
	}}); err != nil {
		t.Fatal(err)
	}
	return &tables{Database: d, Store: s, t: t}
}

func (w *way) store(db *tables) (stop func()) {
	return w.run(func(ctx context.Context) error {
		return Store(ctx, StoreOptions{
			Bus: w.bus, Producer: w.producer, Store: db.Store, Formats: w.formats, Retention: keepAll(), Log: w.log, Metrics: prometheus.NewRegistry(),
		})
	})
}

// audited waits until the audit knows of n offsets of the topic, over all epochs, and returns its rows. None may have a
// fault, at any time.
func (db *tables) audited(w *way, topic string, n int64) (rows []store.AuditRow) {
	db.t.Helper()
	for {
		all, err := db.Audit(w.ctx)
		if err != nil {
			db.t.Fatal(err)
		}
		var sum int64
		rows = nil
		for _, r := range all {
			if !r.OK() {
				db.t.Fatalf("audit: %+v", r)
			}
			if r.Topic == topic {
				sum += r.To - r.From
				rows = append(rows, r)
			}
		}
		if sum >= n {
			return rows
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-w.ctx.Done():
			db.t.Fatalf("the audit knows of %d offsets of %s, want %d: %+v", sum, topic, n, rows)
		}
	}
}

func (db *tables) query(sql string) string {
	db.t.Helper()
	got, err := clickhousetest.Query(db.Server, strings.ReplaceAll(sql, "FROM ", "FROM "+db.Name+"."))
	if err != nil {
		db.t.Fatalf("%s: %v", sql, err)
	}
	return strings.ReplaceAll(got, "\t", " ")
}

// Whatever lies in Kafka, each offset is accounted for: as event, dead letter with its reason, control record, alert or
// hole.
func TestStoreAccountsForEveryOffset(t *testing.T) {
	t.Parallel()
	w := newWay(t, 1)
	db := newTables(t, w)
	now := time.Now()
	vanish := func(n int) {
		t.Helper()
		for range n {
			old := call{name: "A", id: "e-gone"}.message()
			old.Time = now.Add(-2 * time.Hour)
			w.send(old)
		}
		if err := w.broker.ApplyRetention(); err != nil {
			t.Fatal(err)
		}
	}
	raw := func(topic, format, text string) bus.Message {
		r := record.Record{Raw: []byte(text), Format: format, Received: now, Origin: record.Origin{Source: "test"}}
		m := bus.RecordMessage(topic, &r)
		m.Partition = 0
		return m
	}
	stop := w.store(db)
	w.calls(call{name: "A", id: "e-1"})
	db.audited(w, "records.api", 1)
	stop()
	vanish(3)
	w.calls(call{name: "A", id: "e-2"}, call{name: "A", id: "e-old", at: now.Add(-401 * 24 * time.Hour)}, call{name: "A", id: "e-ahead", at: now.Add(25 * time.Hour)})
	w.send(
		raw("records.api", "cloudtrail", `{"eventVersion":"1.11","eventTime":`),
		raw("records.api", "", "nothing that anybody writes"),
		bus.Message{Topic: "records.api", Value: []byte("a message of somebody else")},
		raw("records.flow", "vpcflow", "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"),
		bus.DeadLetterMessage(&record.DeadLetter{Record: record.Record{Raw: []byte("cut"), Received: now}, Reason: record.ReasonTooLong, Size: 1 << 20}),
		bus.Message{Topic: bus.DeadLetter, Value: []byte("a message of somebody else")},
		bus.Message{Topic: bus.Alerts, Value: []byte("a message of somebody else")},
	)
	m, err := alertMessage(&alert.Alert{Schema: 1, ID: strings.Repeat("ab", 16), Revision: 1, RuleID: "r", Severity: "high", Period: alert.Period{Start: now, End: now}})
	if err != nil {
		t.Fatal(err)
	}
	w.send(m)
	w.store(db)
	type became struct{ Events, Dead, Expired, Controls, Holes, Alerts int64 }
	for topic, want := range map[string]became{
		"records.api":  {Events: 2, Dead: 3, Expired: 2, Holes: 3},
		"records.flow": {Controls: 1},
		bus.DeadLetter: {Dead: 2},
		bus.Alerts:     {Alerts: 2, Dead: 1}, // with the one about the hole
	} {
		n := want.Events + want.Dead + want.Expired + want.Controls + want.Holes + want.Alerts
		r := db.audited(w, topic, n)[0]
		if diff := cmp.Diff(want, became{r.Events, r.DeadLetters, r.Expired, r.Controls, r.Holes, r.Alerts}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", topic, diff)
		}
	}
	if got, want := db.query("SELECT reason, count(), min(received_time) > now() - INTERVAL 1 HOUR FROM dead_letter GROUP BY reason ORDER BY reason"),
		"expired 1 1\nfuture 1 1\nsyntax 4 1\ntoo_long 1 1\nunknown_format 1 1"; got != want {
		t.Errorf("dead letters: got\n%s\nwant\n%s", got, want)
	}
	if got, want := db.query("SELECT rule_id, count FROM alerts FINAL ORDER BY rule_id"), "r 0\n"+RecordsLost+" 3"; got != want {
		t.Errorf("alerts: got\n%s\nwant\n%s", got, want)
	}
}

// Kafka forgets the offsets of a group that is idle for long. Then storing goes on where the tables end.
func TestStoreResumesWhenKafkaForgets(t *testing.T) {
	t.Parallel()
	w := newWay(t, 1)
	db := newTables(t, w)
	stop := w.store(db)
	w.calls(call{name: "A", id: "e-1"}, call{name: "A", id: "e-2"}, call{name: "A", id: "e-3"})
	before := db.audited(w, "records.api", 3)
	stop()
	w.forget("store")
	w.calls(call{name: "A", id: "e-4"}, call{name: "A", id: "e-5"})
	w.store(db)
	rows := db.audited(w, "records.api", 5)
	if len(rows) != 1 || rows[0].Epoch != before[0].Epoch || rows[0].Events != 5 {
		t.Errorf("audit: got %+v, want 5 events in the epoch %d", rows, before[0].Epoch)
	}
}

// forget makes Kafka forget a group.
func (w *way) forget(group string) {
	w.t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(w.broker.Addr()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	r := kmsg.NewPtrDeleteGroupsRequest()
	r.Groups = []string{group}
	for {
		resp, err := r.RequestWith(w.ctx, c)
		if err != nil {
			w.t.Fatal(err)
		}
		if resp.Groups[0].ErrorCode == 0 {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond): // its last member is still leaving
		case <-w.ctx.Done():
			w.t.Fatalf("forget group %s: error code %d", group, resp.Groups[0].ErrorCode)
		}
	}
}

// A topic that is made anew under full tables, as when the broker's folder is lost, gets an epoch of its own: its records
// are stored though others have had their offsets.
func TestStoreBeginsAnEpochForANewTopic(t *testing.T) {
	t.Parallel()
	w := newWay(t, 1)
	db := newTables(t, w)
	stop := w.store(db)
	for i := range 5 {
		w.calls(call{name: "A", id: fmt.Sprint("e-", i)})
	}
	first := db.audited(w, "records.api", 5)[0].Epoch
	stop()
	anew := newWay(t, 1)
	anew.calls(call{name: "B", id: "e-6"}, call{name: "B", id: "e-7"})
	anew.store(db)
	rows := db.audited(anew, "records.api", 7)
	if len(rows) != 2 || rows[0].Epoch != first || rows[1].Epoch <= first || rows[1].From != 0 || rows[1].Events != 2 {
		t.Errorf("audit: got %+v, want 5 events in epoch %d and 2 in a later one", rows, first)
	}
	if got := db.query("SELECT event_name, count() FROM api GROUP BY event_name ORDER BY event_name"); got != "A 5\nB 2" {
		t.Errorf("events: got %q", got)
	}
}
