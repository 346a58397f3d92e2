package correlate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

const hour = int64(time.Hour)

// today is what time it is in these tests: all events are of years before.
const today = 20_000 * day

// timed is a frame at the moment that it was sent.
type timed struct {
	match.Frame
	seq int
}

// history draws events of days long past in the order of their times, in chunks that are sent to all partitions at once, and
// what the partitions make of it: each is behind, by up to four minutes, wherever it likes, and idle when it has nothing.
func history(t *rapid.T, r *rule.Rule) (inOrder []match.Signal, frames []*match.Frame) {
	const partitions = 3
	var all []timed
	var offset, busy, newest [partitions]int64
	say := func(p int, clock, watermark int64, signals ...match.Signal) {
		all = append(all, timed{match.Frame{
			Origin: record.Position{Epoch: 1, Topic: "records.api", Partition: p, Offset: offset[p]}, To: offset[p] + int64(len(signals)),
			Watermark: watermark, Clock: clock, Signals: signals,
		}, len(all)})
		offset[p] += int64(len(signals))
	}
	at, clock := int64(0), today
	idle := func(p int, until int64) {
		for c := max(busy[p], today); c < until; c += 4 * second {
			say(p, c, math.MaxInt64)
		}
	}
	for p := range partitions {
		say(p, clock-second, math.MaxInt64)
	}
	for range rapid.IntRange(1, 6).Draw(t, "chunks") {
		var dealt [partitions][]match.Signal
		for range rapid.IntRange(1, 8).Draw(t, "signals") {
			at += rapid.Int64Range(1, 8).Draw(t, "step") * 2 * hour
			s := novel(r, rapid.SampledFrom([]string{"eva", "bob"}).Draw(t, "actor"), rapid.SampledFrom([]string{"A", "B", "C", "D"}).Draw(t, "value"), at)
			inOrder = append(inOrder, s)
			p := rapid.IntRange(0, partitions-1).Draw(t, "partition")
			dealt[p] = append(dealt[p], s)
		}
		for p, signals := range dealt {
			if len(signals) == 0 {
				continue
			}
			if busy[p] <= clock {
				idle(p, clock)
			}
			now := max(busy[p], clock) + rapid.SampledFrom([]int64{0, 1, 3, 10, 40}).Draw(t, "behind")*second
			work := func() {
				now += rapid.SampledFrom([]int64{1, 500, 1500, 4000}).Draw(t, "work") * int64(time.Millisecond)
			}
			for len(signals) > 0 {
				if rapid.Bool().Draw(t, "of another rule") {
					say(p, now, signals[0].First-1)
					work()
				}
				n := rapid.IntRange(1, len(signals)).Draw(t, "cut")
				newest[p] = signals[n-1].First
				part := slices.Clone(signals[:n])
				slices.SortFunc(part, func(a, b match.Signal) int { return match.Compare(&a, &b) })
				say(p, now, newest[p], part...)
				signals = signals[n:]
				work()
			}
			busy[p] = now
		}
		clock += rapid.SampledFrom([]int64{0, 1, 5, 20}).Draw(t, "pause") * second
	}
	for p := range partitions {
		idle(p, max(busy[0], busy[1], busy[2], clock)+20*second)
	}
	slices.SortStableFunc(all, func(a, b timed) int { return cmp.Or(cmp.Compare(a.Clock, b.Clock), cmp.Compare(a.seq, b.seq)) })
	for i := range all {
		frames = append(frames, &all[i].Frame)
	}
	return inOrder, frames
}

func first(alerts []alert.Alert) []string {
	var out []string
	for _, a := range alerts {
		out = append(out, fmt.Sprintf("%s %s at %s", a.ID, a.Group["actor"], time.Duration(a.FirstEventTime.UnixNano())))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// History comes through partitions of different speed, and the shard is killed in the midst of it. What is told is what would
// have been if all had come in order. Each of these, changed, makes it fail: `at-ahead > t.slowest` or `t.spoken <` in
// waits, the order in Less, the holders in Held, `r.here` in firstseen's known.
func TestFirstSeenOfHistoryGoesByTime(t *testing.T) {
	t.Parallel()
	told := 0
	rapid.Check(t, func(t *rapid.T) {
		r := novelRule(time.Duration(rapid.IntRange(0, 3).Draw(t, "learning"))*24*time.Hour, time.Duration(rapid.SampledFrom([]int{0, 2}).Draw(t, "forget"))*24*time.Hour)
		inOrder, frames := history(t, r)
		reference := newEngine([]*rule.Rule{r}, Options{})
		reference.Recall(nil)
		var want []alert.Alert
		for n, s := range inOrder {
			want = append(want, reference.Apply(novelFrame(r, n, s), int64(n)).Alerts...)
		}
		told += len(want)

		rows := map[[2]string]Memo{}
		var sent []alert.Alert
		committed, at, progress := 0, 0, Progress{Watermark: math.MinInt64, Clock: math.MinInt64, Alerts: math.MinInt64}
		for at < len(frames) {
			g := newEngine([]*rule.Rule{r}, Options{})
			g.Resume(progress)
			muted := int64(committed)
			deliver := func(res Result) {
				for _, a := range res.Alerts {
					if a.Revision > muted {
						sent = append(sent, a)
					}
				}
				for _, m := range res.Memos {
					persist(rows, m)
				}
			}
			var recalled []Memo
			for _, m := range rows {
				recalled = append(recalled, m)
			}
			deliver(g.Recall(recalled))
			until := rapid.IntRange(committed+1, len(frames)).Draw(t, "killed")
			commit := rapid.IntRange(0, until).Draw(t, "commits")
			for n := range until { // all frames of the last quarter of an hour are replayed, at least
				deliver(g.Apply(frames[n], int64(n)))
				if n+1 < commit {
					continue
				}
				safe := n + 1
				if held, waits := g.Held(); waits {
					safe = min(safe, int(held))
				}
				if safe == n+1 {
					progress = g.Progress(int64(safe))
				}
				committed, commit = max(committed, safe), math.MaxInt
			}
			at = until
		}
		if diff := gocmp.Diff(first(want), first(sent)); diff != "" {
			t.Fatalf("alerts (-in order +as it came):\n%s", diff)
		}
	})
	if told < 100 {
		t.Errorf("%d alerts: too few to tell anything", told)
	}
}

// What happens now is told at once, whoever was silent; what is ahead of a partition that speaks waits for it, and not for ever.
// Removing any case of waits makes this fail.
func TestFirstSeenWaitsOnlyForOrder(t *testing.T) {
	t.Parallel()
	const minute = 60 * second
	r := novelRule(0, 0)
	frame := func(p int, n, watermark, clock int64, signals ...match.Signal) *match.Frame {
		return &match.Frame{Origin: record.Position{Epoch: 1, Topic: "t", Partition: p, Offset: n}, To: n + 1, Watermark: watermark, Clock: clock, Signals: signals}
	}
	for name, c := range map[string]struct {
		before  *match.Frame // of partition 1, when partition 0 sends its signal
		at      int64        // time of the signal, sent today
		at0     bool         // told at once
		after   *match.Frame // later
		atAfter bool
	}{
		"of now":                          {nil, today - 2*minute, true, nil, false},
		"of now, others long silent":      {frame(1, 0, math.MaxInt64, today-50*minute), today - 2*minute, true, nil, false},
		"of now, others a day behind":     {frame(1, 0, today-day, today), today - 2*minute, false, frame(1, 1, today-hour, today+minute), true},
		"others stay a day behind":        {frame(1, 0, today-day, today), today - 2*minute, false, frame(1, 1, today-day, today+patience), true},
		"others still a day behind":       {frame(1, 0, today-day, today), today - 2*minute, false, frame(1, 1, today-day, today+patience-1), false},
		"others a day behind for long":    {frame(1, 0, today-day, today-patience), today - 2*minute, true, nil, false},
		"history, others behind for long": {frame(1, 0, today-5*day, today-patience), today - day, false, nil, false},
		"of tomorrow, a wrong clock":      {frame(1, 0, today, today), today + day, true, nil, false},
		"history, nobody else has yet":    {frame(1, 0, math.MaxInt64, today), today - day, false, frame(1, 0, math.MaxInt64, today+minute), false},
	} {
		g := newEngine([]*rule.Rule{r}, Options{})
		g.Recall(nil)
		if c.before != nil {
			g.Apply(c.before, 0)
		}
		got := g.Apply(frame(0, 0, min(c.at, today), today, novel(r, "eva", "DE", c.at)), 1)
		if (len(got.Alerts) == 1) != c.at0 {
			t.Errorf("%s: told at once: %v, want %v", name, len(got.Alerts) == 1, c.at0)
		}
		if at, held := g.Held(); held == c.at0 || held && at != 1 {
			t.Errorf("%s: held %v from %d", name, held, at)
		}
		if c.after == nil {
			continue
		}
		got = g.Apply(c.after, 2)
		if (len(got.Alerts) == 1) != c.atAfter {
			t.Errorf("%s: told later: %v, want %v", name, len(got.Alerts) == 1, c.atAfter)
		}
		if c.atAfter && got.Alerts[0].Revision != 2 {
			t.Errorf("%s: revision %d, want that of the offset it came at", name, got.Alerts[0].Revision)
		}
	}
}

// More than may wait does not: the earliest go first. Removing the bound from ripe makes this fail.
func TestFirstSeenWaitsBounded(t *testing.T) {
	t.Parallel()
	r := novelRule(0, 0)
	g := newEngine([]*rule.Rule{r}, Options{KeepAll: true})
	g.Recall(nil)
	told := 0
	for n := range maxEarly + 10 {
		told += len(g.Apply(novelFrame(r, n, novel(r, "eva", fmt.Sprint(n), today-int64(n))), int64(n)).Alerts)
	}
	if told != 10 || len(g.Finish().Alerts) != maxEarly {
		t.Errorf("%d told before the end, want 10", told)
	}
}

// A clock is a day ahead and then put right: history waits no longer for that. Removing `t.now < e.now` from begin makes this fail,
// and so does a now that never falls.
func TestFirstSeenGoesOnWhenAClockIsPutRight(t *testing.T) {
	t.Parallel()
	r := novelRule(0, 0)
	g := newEngine([]*rule.Rule{r}, Options{})
	g.Recall(nil)
	told := 0
	for i, c := range []struct {
		partition   int
		clock, says int64
		signals     []match.Signal
		want        int
	}{
		{1, today + day, math.MaxInt64, nil, 0},
		{0, today, today - 3*hour, []match.Signal{novel(r, "eva", "DE", today-3*hour)}, 0},
		{1, today + second, math.MaxInt64, nil, 0},
		{0, today + 4*second, math.MaxInt64, nil, 0},
		{1, today + 5*second, math.MaxInt64, nil, 1},
		{0, today + 6*second, today + 6*second, []match.Signal{novel(r, "bob", "DE", today)}, 2},
	} {
		f := &match.Frame{Origin: record.Position{Epoch: 1, Topic: "t", Partition: c.partition, Offset: int64(i)}, To: int64(i) + 1, Watermark: c.says, Clock: c.clock, Signals: c.signals}
		if told += len(g.Apply(f, int64(i)).Alerts); told != c.want {
			t.Errorf("step %d: %d told, want %d", i, told, c.want)
		}
	}
}

// A reload keeps what waits, with the rule's new words; what waited of a rule that is gone is counted and holds no offset any more.
// Leaving early.queue out of reload makes this fail.
func TestFirstSeenWaitsOverAReload(t *testing.T) {
	t.Parallel()
	r, gone := novelRule(0, 0), novelRule(0, 0)
	gone.ID = "gone"
	g := newEngine([]*rule.Rule{r, gone}, Options{})
	g.Recall(nil)
	frame := func(n, clock, watermark int64, signals ...match.Signal) *match.Frame {
		return &match.Frame{Origin: record.Position{Epoch: 1, Topic: "t", Offset: n}, To: n + 1, Watermark: watermark, Clock: clock, Signals: signals}
	}
	g.Apply(frame(0, today, today-day, novel(r, "eva", "DE", today-day), novel(gone, "eva", "DE", today-day)), 0)
	other := *r
	other.Title = rule.ParseTemplate("other words")
	if got := g.reload([]*rule.Rule{&other}); got.Skipped != 1 || len(got.Kept) != 1 || g.Stats().Held != 1 {
		t.Errorf("reload: %+v, %d wait", got, g.Stats().Held)
	}
	alerts := g.Apply(frame(1, today+2*second, today-day), 1).Alerts
	if len(alerts) != 1 || alerts[0].Title != "other words" || alerts[0].Revision != 1 {
		t.Errorf("told: %+v", alerts)
	}
	if at, held := g.Held(); held {
		t.Errorf("offset %d is held", at)
	}
}

// What waits is bounded in bytes, too, and seen in the rule's size. Removing e.bytes from ripe, or from stats, makes this fail.
func TestFirstSeenWaitsBoundedInBytes(t *testing.T) {
	t.Parallel()
	r := novelRule(0, 0)
	g := newEngine([]*rule.Rule{r}, Options{KeepAll: true, MaxBytes: 400_000})
	g.Recall(nil)
	for n := range 1000 {
		g.Apply(novelFrame(r, n, novel(r, "eva", fmt.Sprint(n), today-int64(n))), int64(n))
	}
	s, k := g.Stats(), g.rules[r.ID].kind.(*novelty)
	if _, known, _ := k.memory.Size(); s.Held < 50 || s.Held > 500 || s.Rules[0].Bytes < known+90_000 || s.Rules[0].Bytes > known+110_000 {
		t.Errorf("%d wait, and the rule has %d bytes, of which %d are its memory", s.Held, s.Rules[0].Bytes, known)
	}
	g.Finish()
	if s := g.Stats(); s.Held != 0 || k.early.bytes != 0 {
		t.Errorf("at the end %d wait, of %d bytes", s.Held, k.early.bytes)
	}
}

// Days of history come into a live system, on and on, and there always is some that waits. What happens now, ahead of them, is
// told in five minutes all the same, and once they have been behind for as long, at once; likewise when they are not behind.
// Deleting the loop over fresh or the one over came in ripe makes this fail, and so does `t.now < t.behind`.
func TestFirstSeenOfNowPassesHistoryBy(t *testing.T) {
	t.Parallel()
	r := novelRule(0, 0)
	g := newEngine([]*rule.Rule{r}, Options{})
	g.Recall(nil)
	to, told := [2]int64{}, map[string]int64{}
	offset, now := int64(0), int64(0)
	send := func(p int, watermark int64, signals ...match.Signal) {
		f := &match.Frame{Origin: record.Position{Epoch: 1, Topic: "t", Partition: p, Offset: to[p]}, To: to[p] + 1, Watermark: watermark, Clock: today + now, Signals: signals}
		to[p]++
		for _, a := range g.Apply(f, offset).Alerts {
			told[a.Group["actor"]] = now
		}
		offset++
	}
	for ; now < 700*second; now += second {
		past := today - 10*day + 60*now
		send(1, past, novel(r, fmt.Sprint("history ", now/second), "DE", past))
		send(0, today+now, novel(r, fmt.Sprint("now ", now/second), "DE", today+now))
	}
	for n := range int64(700) {
		want := n
		if n < patience/second {
			want += patience / second
		}
		if got := told[fmt.Sprint("now ", n)] / second; got != want {
			t.Errorf("what happened in second %d was told in second %d, want %d", n, got, want)
		}
	}
	send(1, today-day, novel(r, "history", "DE", today-day))
	send(1, math.MaxInt64)
	send(0, today+now, novel(r, "now", "DE", today+now))
	if _, waits := told["history"]; told["now"] != now || waits {
		t.Errorf("told of now at %d, want %d; of history: %v", told["now"], now, waits)
	}
	if held := g.Stats().Held; held > 10 {
		t.Errorf("%d are held: too many", held)
	}
}
