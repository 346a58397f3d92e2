package trail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/alert/alerttest"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest/digesttest"
)

// world is a Watch, what it is shown and what it reports.
type world struct {
	t     testing.TB
	w     *Watch
	o     Options
	told  map[string]alert.Alert // by id, the last revision
	calls int
	fail  error
}

func newWorld(t testing.TB, keys digest.Keys) *world {
	v := &world{t: t, told: map[string]alert.Alert{}}
	v.o = Options{Dir: t.TempDir(), Source: "s", Keys: keys, Wait: time.Hour, Report: func(_ context.Context, a alert.Alert) error {
		v.calls++
		if v.fail != nil {
			return v.fail
		}
		if before, ok := v.told[a.ID]; ok && before.Revision > a.Revision {
			t.Errorf("revision %d after %d of %s", a.Revision, before.Revision, a.Title)
		}
		alerttest.Valid(t, &a)
		v.told[a.ID] = a
		return nil
	}}
	v.restart()
	return v
}

// restart opens the journal again; the old Watch is left as a dead process leaves it.
func (v *world) restart() {
	var err error
	if v.w, err = Open(v.o); err != nil {
		v.t.Fatal(err)
	}
}

func (v *world) take(objects ...digesttest.Object) {
	for _, o := range objects {
		r := v.w.Reading("copy/" + o.Name)
		for rest := o.Content; len(rest) > 0; {
			n := min(len(rest), 100)
			_, _ = r.Write(rest[:n])
			rest = rest[n:]
		}
		v.w.Take(r, o.Signature)
	}
}

func (v *world) judge(after time.Duration, final bool) {
	v.t.Helper()
	if err := v.w.Judge(v.t.Context(), time.Now().Add(after), final); err != nil {
		v.t.Fatal(err)
	}
}

// alerts says what was reported: counts and titles.
func (v *world) alerts() []string {
	var all []string
	for _, a := range v.told {
		title, _, _ := strings.Cut(a.Title, " (")
		all = append(all, title)
		if a.RuleID != RuleID || a.Entity.ID != "111122223333" || a.Group["region"] != "eu-west-1" || uint64(a.Revision) != a.Count {
			v.t.Errorf("alert %+v", a)
		}
	}
	slices.Sort(all)
	return all
}

func (v *world) want(what string, want ...string) {
	v.t.Helper()
	if diff := cmp.Diff(want, v.alerts()); diff != "" {
		v.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

var start = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func deliver(t testing.TB, key digesttest.Key, hours int) (logs, digests []digesttest.Object) {
	return digesttest.Trail{Key: key, Start: start, Hours: hours}.Deliver(t)
}

// harms is what becomes of five hours, and what is told of it.
func harms(t testing.TB, key, other digesttest.Key) map[string]struct {
	do   func(logs, digests []digesttest.Object) []digesttest.Object
	want []string
} {
	all := func(logs, digests []digesttest.Object) []digesttest.Object { return slices.Concat(logs, digests) }
	without := func(os []digesttest.Object, i int) []digesttest.Object {
		return slices.Delete(slices.Clone(os), i, i+1)
	}
	edited := func(os []digesttest.Object, i int, from, to string) []digesttest.Object {
		os = slices.Clone(os)
		os[i].Content = []byte(strings.Replace(string(os[i].Content), from, to, 1))
		os[i].Signature = ""
		return os
	}
	forgedLogs, forged := deliver(t, other, 5)
	renewedLogs, renewed := digesttest.Trail{Key: key, Start: start.Add(7 * time.Hour), Hours: 2}.Deliver(t)
	lateLogs, late := digesttest.Trail{Key: key, Start: start.Add(-24 * time.Hour), Hours: 4, Backfill: true}.Deliver(t)
	return map[string]struct {
		do   func(logs, digests []digesttest.Object) []digesttest.Object
		want []string
	}{
		"backfill": {func(l, d []digesttest.Object) []digesttest.Object { return slices.Concat(l, d, lateLogs, late) }, nil},
		"backfill gone": {func(l, d []digesttest.Object) []digesttest.Object {
			return slices.Concat(lateLogs, without(late, 2), l, d)
		}, []string{"1 digests of a trail are missing"}},
		"backfill edit": {func(l, d []digesttest.Object) []digesttest.Object {
			return slices.Concat(l, d, lateLogs, edited(late, 1, `"aNewMember"`, `"a"`))
		}, []string{"1 digests of a trail are not signed by CloudTrail", "1 digests of a trail were changed after delivery"}},
		"backfilled log gone": {func(l, d []digesttest.Object) []digesttest.Object {
			return slices.Concat(l, d, without(lateLogs, 1), late)
		}, []string{"1 log files of a trail are missing"}},

		"nothing":     {all, nil},
		"only some":   {func(l, d []digesttest.Object) []digesttest.Object { return all(l[1:4], d[1:4]) }, nil},
		"no digests":  {func(l, _ []digesttest.Object) []digesttest.Object { return l }, nil},
		"log gone":    {func(l, d []digesttest.Object) []digesttest.Object { return all(without(l, 2), d) }, []string{"1 log files of a trail are missing"}},
		"logs gone":   {func(_, d []digesttest.Object) []digesttest.Object { return d }, []string{"5 log files of a trail are missing"}},
		"log changed": {func(l, d []digesttest.Object) []digesttest.Object { return all(edited(l, 1, "n", "m"), d) }, []string{"1 log files of a trail were changed after delivery"}},
		"log twice": {func(l, d []digesttest.Object) []digesttest.Object {
			return slices.Concat(edited(l, 1, "n", "m")[1:2], l, d)
		}, []string{"1 log files of a trail were changed after delivery"}},
		"digest gone": {func(l, d []digesttest.Object) []digesttest.Object { return all(l, without(d, 2)) }, []string{"1 digests of a trail are missing"}},
		"digest edit": {func(l, d []digesttest.Object) []digesttest.Object { return all(l, edited(d, 2, `"aNewMember"`, `"a"`)) }, []string{"1 digests of a trail are not signed by CloudTrail", "1 digests of a trail were changed after delivery"}},
		"forged":      {func(_, _ []digesttest.Object) []digesttest.Object { return all(forgedLogs, forged[:1]) }, []string{"1 digests of a trail are not signed by CloudTrail"}},
		"no digest":   {func(l, d []digesttest.Object) []digesttest.Object { return all(l, edited(d, 4, "{", "")) }, []string{"1 digests of a trail were changed after delivery"}},
		"renewed":     {func(l, d []digesttest.Object) []digesttest.Object { return slices.Concat(l, d, renewedLogs, renewed) }, []string{"1 gaps between digests of a trail"}},
		"renamed": {func(l, d []digesttest.Object) []digesttest.Object {
			d[4].Name = "111122223333_CloudTrail-Digest_eu-west-1_x"
			return all(l, d)
		}, []string{"1 digests of a trail were changed after delivery"}},
		"delivered twice": {func(l, d []digesttest.Object) []digesttest.Object { return slices.Concat(l, d, l, d) }, nil},
	}
}

func TestWhatIsTold(t *testing.T) {
	t.Parallel()
	key, other := digesttest.NewKey(t), digesttest.NewKey(t)
	for name, tc := range harms(t, key, other) {
		v := newWorld(t, key.Keys)
		v.take(tc.do(deliver(t, key, 5))...)
		v.judge(0, true)
		v.judge(0, true)
		v.want(name, tc.want...)
		if v.calls != len(v.told) {
			t.Errorf("%s: %d reports of %d alerts", name, v.calls, len(v.told))
		}
	}
}

// However the files come, and wherever the process dies and starts again, the same alerts are told at the end, under
// the same ids, and none before its time. Without w.link(l, other, now) in neighbours, a digest that comes behind the
// next one is called missing; without w.save() in Take, what was seen before a death is missing.
func TestOrderAndDeathsDoNotMatter(t *testing.T) {
	t.Parallel()
	key, other := digesttest.NewKey(t), digesttest.NewKey(t)
	all := harms(t, key, other)
	logs, digests := deliver(t, key, 5)
	names := slices.Sorted(maps.Keys(all))
	names = slices.DeleteFunc(names, func(n string) bool { return n == "renamed" }) // it edits what it is given
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(names).Draw(rt, "harm")
		objects := all[name].do(logs, digests)
		order := make([]int, len(objects))
		for i := range order {
			order[i] = i
		}
		order = rapid.Permutation(order).Draw(rt, "order")
		inOrder, v := newWorld(t, key.Keys), newWorld(t, key.Keys)
		inOrder.take(all[name].do(logs, digests)...)
		inOrder.judge(0, true)
		for i, at := range order {
			o := objects[at]
			v.take(o)
			switch rapid.IntRange(0, 3).Draw(rt, fmt.Sprint("after ", i)) {
			case 0:
				v.restart()
			case 1:
				v.judge(30*time.Minute, false)
			case 2:
				v.take(o)
			}
		}
		v.restart()
		v.judge(0, true)
		v.restart()
		v.judge(0, true)
		if got, want := v.alerts(), all[name].want; !slices.Equal(got, want) {
			rt.Fatalf("%s: got %q, want %q", name, got, want)
		}
		if got, want := slices.Sorted(maps.Keys(v.told)), slices.Sorted(maps.Keys(inOrder.told)); !slices.Equal(got, want) {
			rt.Fatalf("%s: ids %q, in order %q", name, got, want)
		}
	})
}

// What a digest names may come for a while, and what comes later is not told again; but if it is changed, that is.
func TestFilesMayComeLate(t *testing.T) {
	t.Parallel()
	key := digesttest.NewKey(t)
	logs, digests := deliver(t, key, 2)
	v := newWorld(t, key.Keys)
	v.take(digests...)
	v.take(logs[0])
	v.judge(59*time.Minute, false)
	v.want("within the time")
	v.judge(61*time.Minute, false)
	v.want("after it", "1 log files of a trail are missing")
	v.take(logs[1])
	v.judge(2*time.Hour, false)
	v.want("when it came", "1 log files of a trail are missing")
	logs[1].Content = append(logs[1].Content, ' ')
	v.take(logs[1], logs[1])
	v.judge(3*time.Hour, false)
	v.want("when it changed", "1 log files of a trail are missing", "1 log files of a trail were changed after delivery")
}

// An alert that could not be reported is reported later, and more problems of its day make it a later revision.
func TestReportsAgain(t *testing.T) {
	t.Parallel()
	key := digesttest.NewKey(t)
	logs, digests := deliver(t, key, 40)
	v := newWorld(t, key.Keys)
	logs[0].Content[0]++
	v.take(logs[:2]...)
	v.take(digests[:2]...)
	v.fail = errors.New("no Kafka")
	if err := v.w.Judge(t.Context(), time.Now(), false); !errors.Is(err, v.fail) || v.calls != 1 {
		t.Errorf("got %v after %d reports", err, v.calls)
	}
	v.restart()
	v.fail = nil
	v.judge(0, false)
	v.want("later", "1 log files of a trail were changed after delivery")
	for i := range logs[2:] {
		logs[i+2].Content[0]++
	}
	v.take(logs[2:]...)
	v.take(digests[2:]...)
	v.judge(0, false)
	v.want("the first day and the second", "16 log files of a trail were changed after delivery", "23 log files of a trail were changed after delivery")
	for _, a := range v.told {
		if named := strings.Count(a.Runbook, "\n- "); a.Count == 23 && (named != 21 || !strings.Contains(a.Runbook, "and 3 more")) {
			t.Errorf("runbook names %d objects: %s", named, a.Runbook)
		}
	}
}

// A chain whose digests came each hour must go on; one that is copied from somewhere may end.
func TestSilence(t *testing.T) {
	t.Parallel()
	key := digesttest.NewKey(t)
	for name, tc := range map[string]struct {
		start time.Time
		hours int
		want  []string
	}{
		"every hour":    {time.Now().Add(-6 * time.Hour), 6, []string{"1 gaps between digests of a trail"}},
		"too few":       {time.Now().Add(-3 * time.Hour), 3, nil},
		"an old copy":   {start, 12, nil},
		"every evening": {time.Now().Add(-24 * time.Hour), 24, nil},
	} {
		v := newWorld(t, key.Keys)
		logs, digests := digesttest.Trail{Key: key, Start: tc.start.Truncate(time.Hour), Hours: tc.hours}.Deliver(t)
		v.take(logs...)
		now := time.Now()
		for i, o := range digests {
			r := v.w.Reading(o.Name)
			_, _ = r.Write(o.Content)
			at := tc.start.Add(time.Duration(i+1)*time.Hour + 10*time.Minute)
			if name == "every evening" || name == "an old copy" {
				at = now
			}
			v.w.digest(r, sum(r.hash.Sum(nil)), "", at)
		}
		v.judge(time.Hour, false)
		v.want(name + ", soon")
		v.judge(4*time.Hour, false)
		v.judge(5*time.Hour, false)
		v.want(name, tc.want...)
	}
}

// What was read before there was a Watch may be missing without a word; what is changed is told all the same.
func TestWatchThatBeginsLate(t *testing.T) {
	t.Parallel()
	key := digesttest.NewKey(t)
	logs, digests := deliver(t, key, 3)
	v := newWorld(t, key.Keys)
	v.o.Dir, v.o.Since = t.TempDir(), time.Now()
	v.restart()
	v.o.Since = time.Now().Add(time.Hour) // of no meaning for a journal that is there
	v.restart()
	logs[0].Content[0]++
	v.take(logs[0])
	v.take(digests...)
	v.judge(2*time.Hour, true)
	v.want("late", "1 log files of a trail were changed after delivery")
}

// What is remembered is bounded, and what had to be forgotten is not called missing. Without the line in forget that
// notes it, the logs that came long before their digest are.
func TestBounded(t *testing.T) {
	t.Parallel()
	key := digesttest.NewKey(t)
	logs, digests := digesttest.Trail{Key: key, Start: time.Now().Add(-200 * time.Hour), Hours: 100}.Deliver(t)
	v := newWorld(t, key.Keys)
	v.w.limit = 50
	v.take(logs...)
	v.take(digests...)
	v.judge(2*time.Hour, true)
	v.want("bounded")
	if n := len(v.w.s.Files); n > 50 || len(v.w.s.Links) > 2 {
		t.Errorf("%d files and %d digests are remembered", n, len(v.w.s.Links))
	}
	v.judge(10*24*time.Hour, false)
	if n := len(v.w.s.Files); n > 0 || len(v.w.s.Links) > 1 {
		t.Errorf("%d files and %d digests are remembered for ever", n, len(v.w.s.Links))
	}
	v.restart()
	if n := len(v.w.s.Files); n > 0 {
		t.Errorf("%d files come back", n)
	}
}

// Who can write files may invent trails, digests and names, and costs no more memory than the bounds.
func TestInventedTrailsAreBounded(t *testing.T) {
	t.Parallel()
	key := digesttest.NewKey(t)
	_, digests := deliver(t, key, 1)
	v := newWorld(t, key.Keys)
	v.w.limit = 100
	for i := range 300 {
		o := digests[0]
		at := fmt.Sprintf("_x%d_", i)
		o.Name = strings.Replace(o.Name, "_main_", at, 1)
		o.Content = []byte(strings.ReplaceAll(string(o.Content), "_main_", at))
		v.take(o, digesttest.Object{Name: "1_CloudTrail-Digest_x_" + at + "_y", Content: []byte("{")})
	}
	v.judge(2*time.Hour, false)
	if s := &v.w.s; len(s.Files) > 100 || len(s.Chains) > 10 || len(s.Links) > 50 || len(s.Troubles) > 10 || len(v.told) == 0 {
		t.Errorf("%d files, %d chains, %d digests, %d alerts", len(s.Files), len(s.Chains), len(s.Links), len(s.Troubles))
	}
}

func TestNoWatch(t *testing.T) {
	t.Parallel()
	var w *Watch
	if r := w.Reading("1_CloudTrail_x.json.gz"); r != nil {
		t.Error("a nil Watch reads")
	}
	w.Take(nil, "")
	if err := errors.Join(w.Judge(t.Context(), time.Now(), true), w.Close()); err != nil {
		t.Error(err)
	}
	v := newWorld(t, digest.Keys{})
	if r := v.w.Reading("AWSLogs/1/CloudTrail/x/access.log.gz"); r != nil {
		t.Error("a file that is not CloudTrail's is read")
	}
}
