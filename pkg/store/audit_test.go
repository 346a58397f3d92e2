package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

func insert(t *testing.T, s *Store, b *Batch) {
	t.Helper()
	if err := s.Insert(t.Context(), b, false); err != nil {
		t.Fatal(err)
	}
}

func audit(t *testing.T, s *Store) []AuditRow {
	t.Helper()
	rows, err := s.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestAuditOfWhatIsRight(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	now := time.Now()
	if got := audit(t, s); len(got) != 0 {
		t.Errorf("empty database: got %v", got)
	}
	for from := int64(100); from < 400; from += 100 {
		insert(t, s, mixed(Range{Epoch: 5, Topic: "records.api", Partition: 1, From: from, To: from + 100}, now))
	}
	empty := NewBatch(Range{Epoch: 5, Topic: "records.api", Partition: 1, From: 400, To: 450})
	empty.Hole(400, 450)
	insert(t, s, empty)
	alerts := NewBatch(Range{Epoch: 9, Topic: "alerts", From: 0, To: 3})
	alerts.Alert(&alert.Alert{ID: "a", Revision: 1}, 0)
	alerts.Alert(&alert.Alert{ID: "a", Revision: 2}, 1)
	alerts.DeadLetter(&record.DeadLetter{Record: record.Record{Received: now}, Reason: record.ReasonExpired}, 2)
	insert(t, s, alerts)
	want := []AuditRow{
		{Epoch: 5, Topic: "records.api", Partition: 1, From: 100, To: 450, Events: 210, DeadLetters: 30, Controls: 30, Holes: 80},
		{Epoch: 9, Topic: "alerts", From: 0, To: 3, Alerts: 2, Expired: 1},
	}
	got := audit(t, s)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, r := range got {
		if !r.OK() {
			t.Errorf("not ok: %+v", r)
		}
	}
}

func TestAuditSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := Range{Epoch: 1, Topic: "records.api", From: 0, To: 100}
	second := Range{Epoch: 1, Topic: "records.api", From: 100, To: 200}
	row := fmt.Sprintf("(epoch, topic, `partition`, `offset`, idx, event_time) VALUES (1, 'records.api', 0, %%d, %%d, '%s')", now.UTC().Format(time.DateTime))
	for name, tc := range map[string]struct {
		break_ func(s *Store) error
		want   func(r *AuditRow) bool
	}{
		"a row is lost": {
			func(s *Store) error { return s.exec(t.Context(), "DELETE FROM api WHERE `offset` = 11") },
			func(r *AuditRow) bool { return r.Gaps == 1 },
		},
		"a dead letter is lost": {
			func(s *Store) error { return s.exec(t.Context(), "DELETE FROM dead_letter WHERE `offset` = 17") },
			func(r *AuditRow) bool { return r.Gaps == 1 },
		},
		"a row is there twice": {
			func(s *Store) error { return s.exec(t.Context(), "INSERT INTO api "+fmt.Sprintf(row, 11, 0)) },
			func(r *AuditRow) bool { return r.Duplicates == 1 },
		},
		"a second event of a record is there twice": {
			func(s *Store) error { return s.exec(t.Context(), "INSERT INTO api "+fmt.Sprintf(row, 14, 1)) },
			func(r *AuditRow) bool { return r.Duplicates == 1 },
		},
		"one record is in two classes": {
			func(s *Store) error { return s.exec(t.Context(), "INSERT INTO dns "+fmt.Sprintf(row, 11, 0)) },
			func(r *AuditRow) bool { return r.Duplicates == 1 },
		},
		"an event and a dead letter of one record": {
			func(s *Store) error { return s.exec(t.Context(), "INSERT INTO api "+fmt.Sprintf(row, 17, 0)) },
			func(r *AuditRow) bool { return r.Overlaps == 1 },
		},
		"an event where Kafka has nothing": {
			func(s *Store) error { return s.exec(t.Context(), "INSERT INTO api "+fmt.Sprintf(row, 19, 0)) },
			func(r *AuditRow) bool { return r.Overlaps == 1 },
		},
		"ranges overlap": {
			func(s *Store) error {
				b := mixed(Range{Epoch: 1, Topic: "records.api", From: 90, To: 100}, now)
				return s.Insert(t.Context(), b, false)
			},
			func(r *AuditRow) bool { return r.Overlaps >= 10 },
		},
		"a range is missing": {
			func(s *Store) error {
				insert(t, s, mixed(Range{Epoch: 1, Topic: "records.api", From: 230, To: 240}, now))
				return nil
			},
			func(r *AuditRow) bool { return r.Gaps == 30 },
		},
		"a coverage row is lost": {
			func(s *Store) error {
				return s.exec(t.Context(), "DELETE FROM coverage WHERE from_offset = 0")
			},
			func(r *AuditRow) bool { return r.From == 100 && r.OK() }, // its rows are not said to be stored
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _ := migrated(t)
			insert(t, s, mixed(r, now))
			insert(t, s, mixed(second, now))
			if rows := audit(t, s); len(rows) != 1 || !rows[0].OK() {
				t.Fatalf("before: %+v", rows)
			}
			if err := tc.break_(s); err != nil {
				t.Fatal(err)
			}
			if rows := audit(t, s); len(rows) != 1 || !tc.want(&rows[0]) {
				t.Errorf("got %+v", rows)
			}
		})
	}
}

// What retention has dropped is no gap.
func TestAuditLeavesOutWhatRetentionMayHaveDropped(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	now := time.Now()
	const day = 24 * time.Hour
	insert(t, s, mixed(Range{Epoch: 1, Topic: "records.api", From: 0, To: 100}, now.Add(-89*day))) // flow keeps 90
	insert(t, s, mixed(Range{Epoch: 1, Topic: "records.api", From: 100, To: 200}, now))
	if rows := audit(t, s); len(rows) != 1 || rows[0].From != 100 || rows[0].Aged != 100 || !rows[0].OK() {
		t.Errorf("dead letters of 89 days ago, kept 30: got %+v", rows)
	}
	one(t, d, "TRUNCATE TABLE "+d.Name+".dead_letter")
	if rows := audit(t, s); len(rows) != 1 || rows[0].Gaps != 10 {
		t.Errorf("got %+v, want the ten dead letters of today missed", rows)
	}
}

func TestHighest(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	now := time.Now()
	if _, _, ok, err := s.Highest(t.Context(), "records.api", 0); ok || err != nil {
		t.Errorf("nothing stored: got ok %v, %v", ok, err)
	}
	for _, r := range []Range{
		{Epoch: 5, Topic: "records.api", From: 0, To: 100}, {Epoch: 6, Topic: "records.api", From: 0, To: 10},
		{Epoch: 6, Topic: "records.api", From: 10, To: 20}, {Epoch: 9, Topic: "records.api", Partition: 1, From: 0, To: 1000},
	} {
		b := NewBatch(r)
		b.Event(plain(event.API, r, r.From, now))
		insert(t, s, b)
	}
	epoch, to, ok, err := s.Highest(t.Context(), "records.api", 0)
	if err != nil || !ok || epoch != 6 || to != 20 {
		t.Errorf("got epoch %d, to %d, ok %v, %v, want the newest epoch's 6 and 20", epoch, to, ok, err)
	}
}
