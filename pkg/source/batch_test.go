package source_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/source"
	"github.com/shrike-sec/shrike/pkg/source/sourcetest"
)

// Whatever the limits and however often the sink fails, each record and dead letter is taken once and in order, no
// batch is over the limits, and acknowledgements add up.
func TestBatch(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		limits := source.Limits{Records: rapid.IntRange(1, 10).Draw(rt, "records"), Bytes: rapid.IntRange(1, 100).Draw(rt, "bytes")}
		failures := rapid.SliceOfN(rapid.Bool(), 0, 40).Draw(rt, "failures")
		sink, acked := sourcetest.New(), int64(0)
		sink.Before = func(_, offered int) error {
			if offered > limits.Records {
				rt.Fatalf("a batch of %d, the limit is %d", offered, limits.Records)
			}
			if len(failures) > 0 {
				fail := failures[0]
				failures = failures[1:]
				if fail {
					return errors.New("no room")
				}
			}
			return nil
		}
		b := source.NewBatch(t.Context(), sink, limits, func(n int64) error { acked += n; return nil })
		var want []string
		dead := 0
		scratch := make([]byte, 0, 100)
		for range rapid.IntRange(0, 60).Draw(rt, "n") {
			raw := rapid.StringN(1, 30, 60).Draw(rt, "raw")
			scratch = append(scratch[:0], raw...)
			add := func() error { return b.Record(record.Record{Raw: scratch}) }
			if rapid.Bool().Draw(rt, "dead") {
				dead++
				add = func() error { return b.DeadLetter(record.DeadLetter{Record: record.Record{Raw: scratch}}) }
			} else {
				want = append(want, raw)
			}
			for add() != nil { // room was not made: the record is not in yet
			}
		}
		for b.Flush() != nil {
		}
		if got := sink.Lines(); !slices.Equal(got, want) || len(sink.Letters()) != dead {
			rt.Fatalf("taken %q and %d dead letters, want %q and %d", got, len(sink.Letters()), want, dead)
		}
		if sent := b.Sent(); acked != int64(len(want)+dead) || sent.Records != int64(len(want)) || sent.DeadLetters != int64(dead) {
			rt.Fatalf("acknowledged %d, sent %+v of %d and %d", acked, sent, len(want), dead)
		}
	})
}
