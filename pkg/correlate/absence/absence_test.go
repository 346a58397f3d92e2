package absence

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The ends of spans are the events after which none comes within the silence, in whatever order they came. Each of these,
// changed, makes it fail: the < in the first loop, the <= in the second, s.Last, s.Offset =, the buckets and the ids in compare.
func TestSpansEndWhereSilencesBegin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const silence = 10
		var p Presence
		times := rapid.SliceOfN(rapid.Int64Range(-60, 60), 1, 20).Draw(t, "times")
		want := map[int64]string{} // end to the smallest id there
		ids := map[int64]string{}
		for i, at := range times {
			id := fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "id"), i)
			if ids[at] == "" || id < ids[at] {
				ids[at] = id
			}
			p.See(Span{First: at, Last: at, Mark: Mark{Bucket: at, Time: at, ID: id}}, silence)
		}
		for _, at := range times {
			if !slices.ContainsFunc(times, func(o int64) bool { return o > at && o <= at+silence }) {
				want[at] = ids[at]
			}
		}
		last := int64(-1 << 62)
		for n := len(want); n > 0; n-- {
			s := p.Decide()
			if id, ok := want[s.Last]; !ok || s.Mark.ID != id || s.Last <= last {
				t.Fatalf("a silence begins at %d, %s after %d; want one of %v", s.Last, s.Mark.ID, last, want)
			}
			last = s.Last
		}
		if end, more := p.End(); more {
			t.Fatalf("one more silence begins at %d; want %v", end, want)
		}
	})
}
