package sequence

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// marks reads "a1 b2 ab3": each event's steps and time; x is the unless step that has no other letter.
func marks(plan, events string) [][]Mark {
	steps := make([][]Mark, len(plan))
	for n, word := range strings.Fields(events) {
		letters := strings.TrimRight(word, "0123456789")
		var t int64
		_, _ = fmt.Sscan(word[len(letters):], &t)
		for _, l := range letters {
			i := strings.IndexRune(plan, l)
			steps[i] = append(steps[i], Mark{Time: t, ID: fmt.Sprint(n)})
		}
	}
	return steps
}

// A plan is one letter a step, unless steps in upper case; W is 10. That ends are those of the definition whatever happens
// is for correlate's property test; these are the cases to read.
func TestEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		plan    string
		ordered bool
		events  string
		want    []int64
	}{
		{"ab", true, "a1 b2", []int64{2}},
		{"ab", true, "b1 a2", nil},
		{"ab", false, "b1 a2", []int64{2}},
		{"ab", true, "a1 b11", nil}, // (1, 11]
		{"ab", true, "a1 b10", []int64{10}},
		{"ab", true, "a3 b3", []int64{3}}, // events of one time are in any order
		{"ab", true, "ab3", nil},          // but one event is not two
		{"ab", false, "ab3", nil},
		{"ab", true, "ab3 ab3", []int64{3}},
		{"ab", true, "ab3 ab4 b5", []int64{4, 5}},
		{"abc", true, "a1 b2 c3 c4", []int64{3, 4}},
		{"abc", true, "a1 c2 b3", nil},
		{"abc", true, "abc1 abc1 abc1", []int64{1}},
		{"abc", false, "abc1 a2 a3", nil}, // b and c have one event for both
		{"aXb", true, "a1 X2 b3", nil},
		{"aXb", true, "a1 X2 a3 b4", []int64{4}},
		{"aXb", true, "X0 a1 b2 X3", []int64{2}},
		{"aXb", true, "a1 X1 b2", nil}, // both ends belong to what is between
		{"aXbc", true, "a1 b2 X3 b4 c5", []int64{5}},
		{"aX", true, "a1 X10", nil},
		{"aX", true, "a1 X11", []int64{1}},
		{"abX", true, "a1 b5 X12", nil}, // ten from b, not from a
		{"abX", true, "X4 a1 b5", []int64{5}},
	} {
		var steps []Step
		for _, l := range c.plan {
			steps = append(steps, Step{Unless: l < 'a'})
		}
		p := New(10, c.ordered, steps)
		var got []int64
		p.Ends(marks(c.plan, c.events), -100, 100, func(e int64) { got = append(got, e) })
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s ordered %v over %s (-want +got):\n%s", c.plan, c.ordered, c.events, diff)
		}
	}
}

func TestCover(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ordered bool
		events  string
		e       int64
		want    []Range
	}{
		{true, "a1 a2 b3 b4 a5", 4, []Range{{0, 2}, {1, 2}}},     // a5 is too late, b3 completes another match
		{true, "b0 a1 b2 a3 b4", 4, []Range{{0, 2}, {2, 3}}},     //
		{true, "a1 a5 b12", 12, []Range{{1, 2}, {0, 1}}},         // a1 is too old
		{false, "b0 a1 b2 a3 b4 a9", 4, []Range{{0, 2}, {0, 3}}}, // whatever lies in the window
	} {
		p := New(10, c.ordered, make([]Step, 2))
		if diff := cmp.Diff(c.want, p.Cover(marks("ab", c.events), c.e, nil)); diff != "" {
			t.Errorf("end %d of %s, ordered %v (-want +got):\n%s", c.e, c.events, c.ordered, diff)
		}
	}
}
