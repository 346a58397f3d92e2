package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

func sampleAlert(id, rule, severity string, revision int64, first time.Time) *alert.Alert {
	return &alert.Alert{
		Schema: 1, ID: id, Revision: revision, Status: "open", RuleID: rule, RuleVersion: "h", Title: "Title of " + id, Severity: severity,
		Attack: []string{"T1078"}, Classes: []string{"api"}, Entity: alert.Entity{Kind: "principal", ID: "arn:x"},
		Group: map[string]string{"actor": "arn:x", "region": "eu-west-1"}, Period: alert.Period{Start: first.Truncate(time.Hour), End: first.Truncate(time.Hour).Add(time.Hour)},
		FirstEventTime: first, LastEventTime: first.Add(time.Minute), Count: uint64(revision), Events: []alert.Sample{},
	}
}

func TestAlertsComeBackInTheirNewestRevision(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	now := time.Now().UTC().Truncate(time.Nanosecond)
	older := sampleAlert("a", "root-use", "high", 1, now.Add(-2*time.Hour))
	newer := sampleAlert("a", "root-use", "critical", 5, now.Add(-2*time.Hour))
	other := sampleAlert("b", "port-scan", "low", 3, now.Add(-time.Hour))
	b := NewBatch(Range{Topic: "alerts", To: 3})
	b.Alert(newer, 0)
	b.Alert(other, 1)
	b.Alert(older, 2) // a woken zombie's
	insert(t, s, b)
	for range 2 { // rows that a crash lost come back, whatever the server remembers of the block
		one(t, d, "TRUNCATE TABLE "+d.Name+".alerts")
		if err := s.Insert(t.Context(), b, true); err != nil {
			t.Fatal(err)
		}
	}
	for name, tc := range map[string]struct {
		q    AlertQuery
		want []alert.Alert
	}{
		"all":      {AlertQuery{}, []alert.Alert{*other, *newer}},
		"rule":     {AlertQuery{Rule: "root-use"}, []alert.Alert{*newer}},
		"severity": {AlertQuery{Severity: "medium"}, []alert.Alert{*newer}},
		"id":       {AlertQuery{ID: "b"}, []alert.Alert{*other}},
		"since":    {AlertQuery{Since: other.FirstEventTime}, []alert.Alert{*other}},
		"until":    {AlertQuery{Until: other.FirstEventTime}, []alert.Alert{*newer}},
		"limit":    {AlertQuery{Limit: 1}, []alert.Alert{*other}},
		"none":     {AlertQuery{ID: "'; DROP TABLE alerts; --"}, []alert.Alert{}},
	} {
		got, err := s.Alerts(t.Context(), tc.q)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if _, err := s.Alerts(t.Context(), AlertQuery{Severity: "hgih"}); err == nil {
		t.Error("an unknown severity selects something")
	}
	if got := one(t, d, "SELECT group['actor'], entity_id, count FROM "+d.Name+".alerts FINAL WHERE id = 'a'"); got != "arn:x\tarn:x\t5" {
		t.Errorf("columns: got %q", got)
	}
}

// Rows merge, whatever was written how often, and come in parts and in order, so that a group whose memory is bounded is there whole
// or not at all. Leaving FINAL or ORDER BY out of Memos makes this fail.
func TestMemosMerge(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	memo := func(hash, value string, offset, first, last int64) correlate.Memo {
		return correlate.Memo{RuleHash: hash, Key: `["k"]`, Value: value, Offset: offset, FirstTime: first, LastTime: last}
	}
	other := make([]correlate.Memo, partRows)
	for i := range other {
		other[i] = memo("h1", fmt.Sprintf("AT%06d", i), int64(i), 5, 5)
	}
	moved := memo("h1", "DE", 40, 400, 900)
	moved.Moved = 70
	for _, memos := range [][]correlate.Memo{
		{memo("h1", "DE", 50, 500, 500), memo("h1", "FR", 60, 600, 600), memo("h2", "DE", 1, 1, 1)},
		{memo("h1", "DE", 40, 700, 700)}, {moved}, {memo("h1", "DE", 90, 400, 900)}, {memo("h1", "DE", 90, 400, 900)}, nil, other,
	} {
		if err := s.WriteMemos(t.Context(), memos); err != nil {
			t.Fatal(err)
		}
	}
	var got []correlate.Memo
	parts := 0
	if err := s.Memos(t.Context(), []string{"h1", "h3"}, func(part []correlate.Memo) error {
		parts++
		got = append(got, part...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if parts < 2 {
		t.Errorf("%d rows in %d parts", len(got), parts)
	}
	want := append(other, moved, memo("h1", "FR", 60, 600, 600))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSourceStatusAndDisk(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	now := time.Now().UTC()
	r := Range{Topic: "records.api", To: 10}
	b := NewBatch(r)
	for o := range int64(3) {
		b.Event(plain(event.API, r, o, now))
	}
	b.Event(plain(event.HTTP, r, 3, now.Add(time.Second)))
	b.DeadLetter(&record.DeadLetter{Record: record.Record{Received: now, Origin: record.Origin{Source: "http"}}, Reason: record.ReasonSyntax}, 5)
	insert(t, s, b)
	got, err := s.SourceStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Offset 3 lies no day back: see plain.
	want := []SourceStatus{{Source: "http", DeadLetters: 1}, {Source: "test", LastEvent: now.Add(time.Second), Events: 4}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if used, err := s.DiskUsed(t.Context()); err != nil || used <= 0 || used >= 1 {
		t.Errorf("disk: got %v, %v", used, err)
	}
}

// A bucket is what the smallest offset wrote, whatever comes later and however often; groups come whole and in order.
func TestBucketsAreWrittenOnce(t *testing.T) {
	t.Parallel()
	s, _ := migrated(t)
	start := time.Now().Truncate(time.Hour).Add(-24 * time.Hour)
	bucket := func(hash, key string, hour int, value float64, offset int64) correlate.Bucket {
		at := start.Add(time.Duration(hour) * time.Hour).UnixNano()
		return correlate.Bucket{
			RuleHash: hash, Key: key, Time: at, Value: value, Count: 3, FirstTime: at + 5, LastTime: at + 9, Severity: "high",
			Fired: hour == 2, Usual: value / 2, Deviation: 0.5, Offset: offset,
		}
	}
	for _, buckets := range [][]correlate.Bucket{
		{bucket("h1", "k1", 2, 20, 50), bucket("h1", "k2", 1, 7, 50), bucket("h1", "k1", 1, 10, 40), bucket("h2", "k1", 1, 1, 1)},
		{bucket("h1", "k1", 2, 21, 60)}, {bucket("h1", "k1", 1, 10, 40)}, {bucket("h1", "k1", 0, 5, 30)}, nil,
	} {
		if err := s.WriteBuckets(t.Context(), buckets); err != nil {
			t.Fatal(err)
		}
	}
	var got []correlate.Bucket
	take := func(part []correlate.Bucket) error { got = append(got, part...); return nil }
	if err := s.Buckets(t.Context(), []string{"h1", "h3"}, start.Add(time.Hour), take); err != nil {
		t.Fatal(err)
	}
	want := []correlate.Bucket{bucket("h1", "k1", 1, 10, 40), bucket("h1", "k1", 2, 20, 50), bucket("h1", "k2", 1, 7, 50)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	refuse := errors.New("no more")
	if err := s.Buckets(t.Context(), []string{"h1"}, start, func([]correlate.Bucket) error { return refuse }); !errors.Is(err, refuse) {
		t.Errorf("the receiver's error became %v", err)
	}
}
