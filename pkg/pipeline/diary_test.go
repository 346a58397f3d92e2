package pipeline

import (
	"errors"
	"testing"

	"github.com/shrike-sec/shrike/pkg/correlate"
)

// While the memory is away, rows of baselines wait up to a bound, and the newest stay. Leaving bound out of settle or note makes
// this fail.
func TestDiaryGivesUpTheOldestRows(t *testing.T) {
	t.Parallel()
	rows := func(from, n int) notes {
		buckets := make([]correlate.Bucket, n)
		for i := range buckets {
			buckets[i].Time = int64(from + i)
		}
		return notes{buckets: buckets}
	}
	var d diary
	if lost := d.note(rows(0, maxBuckets)); lost != 0 {
		t.Fatalf("lost %d at the bound", lost)
	}
	held := d.noted
	d.writing, d.noted = &held, notes{}
	lost := d.note(rows(maxBuckets, 10))
	_, more, ok := d.settle(errors.New("away"))
	lost += more + d.note(rows(maxBuckets+10, maxBuckets/8+1))
	kept := d.noted.buckets
	if ok || lost == 0 || len(kept) > maxBuckets || lost+len(kept) != maxBuckets+11+maxBuckets/8 {
		t.Errorf("lost %d and kept %d of %d, bound %d", lost, len(kept), maxBuckets+11+maxBuckets/8, maxBuckets)
	}
	for i := range kept {
		if kept[i].Time != int64(lost+i) {
			t.Fatalf("row %d is of %d, want the oldest lost and the order kept", i, kept[i].Time)
		}
	}
}
