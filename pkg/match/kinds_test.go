package match

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// Matches of a baseline are combined by its own buckets; an alert of it shows few events. Deleting either case of
// SampleLimit, p.sum in fold, or r.Baseline in Bucket makes this fail.
func TestSignalsOfBaselineAndAbsence(t *testing.T) {
	t.Parallel()
	rules := []*rule.Rule{
		{ID: "amount", GroupBy: []rule.Key{key("src_ip")}, Baseline: &rule.Baseline{Of: key("bytes_out"), Bucket: time.Hour}},
		{ID: "silent", GroupBy: []rule.Key{key("src_ip")}, Absence: &rule.Absence{For: time.Hour}},
		{ID: "times", Baseline: &rule.Baseline{Bucket: 10 * time.Minute}},
	}
	for _, r := range rules {
		r.Hash, r.Mode, r.Severity = "hash", rule.Live, rule.Severities{Success: "high", Failure: "low", Unknown: "info"}
	}
	var events []*event.Event
	for n, at := range []int64{3601, 3602, 3603, 4300, 3599, 3600, 7199} {
		outcome := event.Success
		if n == 3 {
			outcome = event.Failure
		}
		e := newEvent(n, at*second, 1, "GetObject", outcome)
		e.SetInt(event.BytesOut, int64(n))
		events = append(events, e)
	}
	var got []string
	for _, s := range signalsOf(newMatcher(rules, all(rules)), events, 1)[0] {
		last := s.Samples[len(s.Samples)-1].EventTime / second
		got = append(got, fmt.Sprintf("%s %d: %d to %d, %d, sum %g, %s, %d samples to %d", s.Rule, s.Time/second, s.First/second, s.Last/second, s.Count, s.Sum, s.Severity, len(s.Samples), last))
	}
	want := []string{
		"amount 0: 3599 to 3599, 1, sum 4, high, 1 samples to 3599",
		"amount 3600: 3600 to 7199, 6, sum 17, high, 4 samples to 3603",
		"silent 3598: 3599 to 3603, 5, sum 0, high, 1 samples to 3599",
		"silent 4298: 4300 to 4300, 1, sum 0, low, 1 samples to 4300",
		"silent 7196: 7199 to 7199, 1, sum 0, high, 1 samples to 7199",
		"times 3000: 3599 to 3599, 1, sum 0, high, 1 samples to 3599",
		"times 3600: 3600 to 3603, 4, sum 0, high, 4 samples to 3603",
		"times 4200: 4300 to 4300, 1, sum 0, low, 1 samples to 4300",
		"times 6600: 7199 to 7199, 1, sum 0, high, 1 samples to 7199",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("signals (-want +got):\n%s", diff)
	}
}

// BenchmarkAbsence is what a sign of life costs: every event matches.
func BenchmarkAbsence(b *testing.B) {
	r := &rule.Rule{ID: "silent", GroupBy: []rule.Key{key("account_id")}, Mode: rule.Live, Absence: &rule.Absence{For: 24 * time.Hour}}
	r.Capture = []rule.Key{key("account_id"), key("event_name"), key("actor"), key("source"), key("region")}
	m := newMatcher([]*rule.Rule{r}, all([]*rule.Rule{r}))
	m.Begin()
	e := newEvent(1, 1, 1, "GetObject", event.Success)
	e.SetText(event.AccountID, "334455667788")
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if n++; n%1000 == 0 {
			m.Begin()
		}
		e.UID[3], e.UID[4], e.UID[5] = byte(n>>16), byte(n>>8), byte(n)
		e.SetUnixNano(event.EventTime, int64(n))
		m.Event(e)
	}
}
