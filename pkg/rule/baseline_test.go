package rule

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const baselineRule = `id: r
title: "{interface_id} sent {value}, usually {usual}"
severity: high
class: flow
outcome: any
when: |
  dst_port == 443
group_by: [interface_id]
KIND
attack: [T1048]
false_positives: [None known.]
runbook: Ask the owner of {interface_id}.
tests:
  - name: much
    logs: [{ raw: x }]
    alerts: [{ severity: high }]
  - name: little
    logs: [{ like: much }]
    alerts: []
`

func readKindOf(t *testing.T, text string) *Rule {
	t.Helper()
	set, err := LoadFS(fstest.MapFS{"r.yml": {Data: []byte(text)}}, "r.yml")
	if err != nil {
		t.Fatal(err)
	}
	return set.Rule("r")
}

func TestBaselineIsRead(t *testing.T) {
	t.Parallel()
	kind := "baseline: { of: bytes, bucket: 1h, past: 14d, learning: 3d, above: { deviations: 4.5 }, at_least: 1GiB }"
	r := readKindOf(t, strings.Replace(baselineRule, "KIND", kind, 1))
	want := Baseline{Bucket: time.Hour, Past: 14 * 24 * time.Hour, Learning: 72 * time.Hour, Above: Above{Deviations: 4.5}, AtLeast: 1 << 30}
	got := *r.Baseline
	got.Of = Key{}
	if diff := cmp.Diff(want, got); diff != "" || r.Baseline.Of.Name != "bytes" {
		t.Errorf("baseline of %s (-want +got):\n%s", r.Baseline.Of.Name, diff)
	}
	if r.Kind() != "baseline" || r.Window() != time.Hour || r.Period() != time.Hour {
		t.Errorf("kind %s, window %s, period %s", r.Kind(), r.Window(), r.Period())
	}
	if got := keyNames(r.Capture); !cmp.Equal(got, []string{"interface_id"}) {
		t.Errorf("captures %v: value and usual are no fields", got)
	}
	counts := readKindOf(t, strings.Replace(baselineRule, "KIND",
		"baseline: { bucket: 1d, past: 30d, learning: 7d, above: { quantile: 0.99, times: 3 }, at_least: 100 }\ndedup: 2d", 1))
	if l := counts.Baseline; l.Of.Field != nil || l.Above != (Above{Quantile: 0.99, Times: 3}) || counts.Period() != 48*time.Hour {
		t.Errorf("got %+v, period %s", l, counts.Period())
	}
	// What is remembered does not depend on when a bucket is told.
	tuned := readKindOf(t, strings.Replace(baselineRule, "KIND", strings.Replace(kind, "4.5", "6", 1), 1))
	other := readKindOf(t, strings.Replace(baselineRule, "KIND", strings.Replace(kind, "1h", "2h", 1), 1))
	if tuned.Hash != r.Hash || other.Hash == r.Hash || counts.Hash == r.Hash {
		t.Errorf("hashes: %s, with other deviations %s, with another bucket %s", r.Hash, tuned.Hash, other.Hash)
	}
}

func TestAverageIsRead(t *testing.T) {
	t.Parallel()
	read := func(kind, title string) *Rule {
		text := strings.Replace(baselineRule, "KIND", kind, 1)
		return readKindOf(t, strings.Replace(text, " sent {value}, usually {usual}", title, 1))
	}
	mean := read("average: { of: bytes, above: 10MiB, bucket: 1h }", " sent {value}")
	high := read("average: { of: bytes, quantile: 0.95, at_least: 1024, count: 20, bucket: 1h }\ndedup: 6h", "")
	for r, want := range map[*Rule]Average{
		mean: {Limit: Limit{Bound: Over, Value: 10 << 20}, Count: 1, Bucket: time.Hour},
		high: {Limit: Limit{Bound: AtLeast, Value: 1024}, Quantile: 0.95, Count: 20, Bucket: time.Hour},
	} {
		got := *r.Average
		got.Of = Key{}
		if diff := cmp.Diff(want, got); diff != "" || r.Average.Of.Name != "bytes" || r.Kind() != "average" || r.Window() != time.Hour {
			t.Errorf("%s of %s in %s (-want +got):\n%s", r.Kind(), r.Average.Of.Name, r.Window(), diff)
		}
	}
	if high.Period() != 6*time.Hour || high.Hash == mean.Hash {
		t.Errorf("period %s; hashes %s and %s", high.Period(), high.Hash, mean.Hash)
	}
	for l, want := range map[Limit][3]bool{
		{Over, 2}: {false, false, true}, {AtLeast, 2}: {false, true, true}, {Under, 2}: {true, false, false}, {AtMost, 2}: {true, true, false},
	} {
		if got := [3]bool{l.Past(1), l.Past(2), l.Past(3)}; got != want || l.Low() != want[0] {
			t.Errorf("1, 2 and 3 are %s 2: %v, want %v", l.Bound, got, want)
		}
	}
}

func TestAbsenceIsRead(t *testing.T) {
	t.Parallel()
	text := strings.Replace(baselineRule, "KIND", "absence: { for: 90m, forget: 14d }", 1)
	text = strings.Replace(text, " sent {value}, usually {usual}", " is silent since {last_event_time}", 1)
	r := readKindOf(t, strings.Replace(text, "- name: much", "- name: much\n    until: 3h", 1))
	if want := (Absence{For: 90 * time.Minute, Forget: 14 * 24 * time.Hour}); *r.Absence != want {
		t.Errorf("got %+v, want %+v", *r.Absence, want)
	}
	if r.Kind() != "absence" || r.Window() != 90*time.Minute || r.Tests[0].Until != 3*time.Hour {
		t.Errorf("kind %s, window %s, until %s", r.Kind(), r.Window(), r.Tests[0].Until)
	}
}

// What FormatDuration writes is read back as it was. Deleting `d %= …` there makes this fail.
func TestDurationsAreWrittenAsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := time.Duration(rapid.Int64Range(0, int64(90*365*24*time.Hour/time.Millisecond)).Draw(t, "ms")) * time.Millisecond
		if got, ok := ParseDuration(FormatDuration(want)); !ok || got != want {
			t.Fatalf("%s became %s", want, FormatDuration(want))
		}
	})
}
