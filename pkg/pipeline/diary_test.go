package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/shrike-sec/shrike/pkg/correlate"
)

// While the memory is away, rows of both sorts wait up to a bound in bytes. A rule that is flooded pays for it with its oldest rows,
// and the others with none. Leaving bound out of settle or note, the bytes out of a cost, or the condition on the largest rule out
// of bound makes this fail.
func TestDiaryGivesUpTheOldestRows(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 20_000) // what somebody makes up may be as long as they like
	memos := func(from, n int) []correlate.Memo {
		rows := make([]correlate.Memo, n)
		for i := range rows {
			rows[i] = correlate.Memo{RuleHash: "flood", Key: long, Offset: int64(from + i)}
		}
		return rows
	}
	buckets := func(from, n int) []correlate.Bucket {
		rows := make([]correlate.Bucket, n)
		for i := range rows {
			rows[i] = correlate.Bucket{RuleHash: "flood", Key: long, Time: int64(from + i)}
		}
		return rows
	}
	fits := maxBacklog / (len(long) + 1000) / 2 * 2
	var d diary
	lost := d.note([]correlate.Memo{{RuleHash: "calm"}}, []correlate.Bucket{{RuleHash: "calm"}})
	more := d.note(memos(0, fits), buckets(0, fits))
	if lost != (lostRows{}) || more != (lostRows{}) {
		t.Fatalf("lost %v and %v within the bound", lost, more)
	}
	held := d.noted
	d.writing, d.noted = true, notes{}
	d.note(memos(fits, fits/2), buckets(fits, fits/2))
	_, lost, ok := d.settle(outcome{held, errors.New("away")})
	if lost.memos == 0 || lost.buckets == 0 {
		t.Error("what a write gives back is not bounded")
	}
	more = d.note(memos(fits/2*3, fits), buckets(fits/2*3, fits))
	lost.memos, lost.buckets = lost.memos+more.memos, lost.buckets+more.buckets
	all, kept := fits/2*3+fits+1, d.noted
	if ok || lost.memos == 0 || lost.buckets == 0 || kept.memos.bytes > maxBacklog || kept.buckets.bytes > maxBacklog ||
		lost.memos+len(kept.memos.rows) != all || lost.buckets+len(kept.buckets.rows) != all {
		t.Fatalf("lost %v of %d, kept %d and %d rows of %d and %d bytes, bound %d", lost, all,
			len(kept.memos.rows), len(kept.buckets.rows), kept.memos.bytes, kept.buckets.bytes, maxBacklog)
	}
	if kept.memos.rows[0].RuleHash != "calm" || kept.buckets.rows[0].RuleHash != "calm" {
		t.Fatal("a flood of one rule took another's row")
	}
	for i, m := range kept.memos.rows[1:] {
		if m.Offset != int64(lost.memos+i) {
			t.Fatalf("value %d is of %d, want the oldest lost and the order kept", i, m.Offset)
		}
	}
	for i, b := range kept.buckets.rows[1:] {
		if b.Time != int64(lost.buckets+i) {
			t.Fatalf("bucket %d is of %d, want the oldest lost and the order kept", i, b.Time)
		}
	}
}

// That rows are given up is said once for as long as the memory is away, and how many they were when it is back; all are counted.
// Deleting the condition from lost, or the reset from wrote, makes this fail.
func TestShardSaysOnceThatRowsAreLost(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.WarnLevel)
	set := rules(t)
	s := &shard{log: zap.New(core), metrics: newCorrelateMetrics(prometheus.NewRegistry(), set, 1)}
	for range 2 {
		s.lost(lostRows{memos: 3})
		s.lost(lostRows{memos: 1, buckets: 2})
		s.diary.write(t.Context(), &notebook{}, checkpoint{})
		if err := s.wrote(t.Context(), <-s.diary.written); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, l := range logs.All() {
		got = append(got, fmt.Sprint(l.Level, " ", l.ContextMap()["first_seen"], " ", l.ContextMap()["baselines"]))
	}
	want := []string{"error 3 0", "warn 4 2", "error 3 0", "warn 4 2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
	for memory, want := range map[string]float64{memoryValues: 8, memoryBuckets: 4} {
		if n := testutil.ToFloat64(s.metrics.lost.WithLabelValues(memory)); n != want {
			t.Errorf("counted %v lost rows of %s, want %v", n, memory, want)
		}
	}
}

// parts is a memory that takes some writes and then no more.
type parts struct {
	notebook
	takes int
}

func (p *parts) WriteMemos(ctx context.Context, memos []correlate.Memo) error {
	if p.takes--; p.takes < 0 {
		return errors.New("away")
	}
	return p.notebook.WriteMemos(ctx, memos)
}

// A backlog of any size gets through, though the memory breaks off now and then: what was taken is not written again. Deleting the
// line of write that lets go of a part makes this fail.
func TestDiaryWritesInParts(t *testing.T) {
	t.Parallel()
	memory, rows := &parts{takes: 2}, make([]correlate.Memo, 3*writeAtOnce)
	for i := range rows {
		rows[i].Value = fmt.Sprint(i)
	}
	var d diary
	d.note(rows, nil)
	for attempt := 1; d.noted.len() > 0; attempt++ {
		if attempt > 2 {
			t.Fatalf("%d rows are left after %d attempts", d.noted.len(), attempt)
		}
		d.write(t.Context(), memory, checkpoint{offset: 7})
		done := <-d.written
		if covered, lost, ok := d.settle(done); covered.offset != 7 || lost != (lostRows{}) || ok != (attempt == 2) {
			t.Fatalf("attempt %d: covered %v, lost %v, %v", attempt, covered, lost, ok)
		}
		memory.takes = 1
	}
	if len(memory.memos) != len(rows) || d.noted.memos.bytes != 0 {
		t.Errorf("%d rows written of %d; %d bytes left of none", len(memory.memos), len(rows), d.noted.memos.bytes)
	}
}
