package correlate

import (
	"math"
	"testing"

	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Two partitions that were idle are sent history at once. The one that comes first does not take time past the other; what is
// gone for good does not keep it. Each of these, changed, makes it fail: the case for what is unknown in advance, its condition
// on patience, settling in reach, either min there, next.At or next.Watermark in advance, next in resume.
func TestWatermarkWaitsForWhoWasIdle(t *testing.T) {
	t.Parallel()
	const idle, unknown = math.MaxInt64, math.MinInt64
	type step struct{ partition, clock, says, want int64 } // the clock in tenths of a second
	for name, c := range map[string]struct {
		resumes *Progress
		steps   []step
	}{
		"from idle": {nil, []step{
			{0, 0, idle, unknown}, {1, 1, idle, unknown},
			{0, 20, 300, unknown}, {1, 24, 100, unknown}, // 300 was not the slowest
			{0, 31, 400, unknown}, {1, 32, 150, 100}, {1, 40, 380, 100}, {0, 43, idle, 100}, {1, 55, 500, 150}, {0, 66, idle, 150}, {1, 67, 600, 500},
		}},
		"unknown": {nil, []step{{0, 0, 0, unknown}, {1, 10, 100, unknown}, {0, 20, 100, unknown}, {0, 30, 110, unknown}, {1, 31, 110, 100}}},
		"falls":   {nil, []step{{0, 0, 300, unknown}, {0, 10, 100, 100}, {0, 20, 90, 100}, {0, 30, 200, 100}, {0, 40, 200, 200}}},
		"gone": {nil, []step{
			{1, 0, idle, unknown}, {0, 10, 100, unknown}, {0, 20, 110, unknown}, {0, 2990, 200, unknown}, {0, 3001, 300, 100}, {0, 3011, 310, 300},
		}},
		"to idle": {nil, []step{{0, 0, idle, unknown}, {1, 1, idle, unknown}, {0, 20, 300, unknown}, {0, 25, idle, unknown}, {1, 31, idle, unknown}, {0, 32, idle, 300}}},
		"put right": {nil, []step{ // partition 1 is a day ahead
			{1, 0, idle, unknown}, {0, 1, 100, unknown}, {1, 864_000, idle, 100}, {0, 20, 200, 100}, {1, 30, idle, 100}, {0, 31, 300, 100},
			{0, 45, 400, 100}, {1, 46, idle, 100}, {0, 60, 500, 100}, {1, 61, idle, 400},
		}},
		"resumed": {&Progress{Offset: 2, Watermark: 50, Clock: unknown, Alerts: unknown, Next: Mark{60, 0}}, []step{
			{0, 0, 100, unknown}, {0, 30, 200, 100}, {0, 40, 300, 60},
		}},
	} {
		g := newEngine(nil, Options{})
		if c.resumes != nil {
			g.Resume(*c.resumes)
		}
		var to [2]int64
		for i, s := range c.steps {
			p := s.partition
			f := &match.Frame{Origin: record.Position{Epoch: 1, Topic: "t", Partition: int(p), Offset: to[p]}, To: to[p] + 1, Watermark: s.says, Clock: 1<<60 + s.clock*second/10}
			to[p]++
			g.Apply(f, int64(i))
			if got := g.Stats().Watermark; got != s.want {
				t.Errorf("%s, step %d: time is %d, want %d", name, i, got, s.want)
			}
		}
	}
}
