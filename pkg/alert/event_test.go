package alert

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/event"
)

var update = flag.Bool("update", false, "write testdata/events.jsonl")

// Each alert in testdata/alerts.jsonl is the events in testdata/events.jsonl, one for each severity that it has reached.
func TestEvents(t *testing.T) {
	t.Parallel()
	lines, err := os.ReadFile("testdata/alerts.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	var events Events
	for line := range bytes.Lines(lines) {
		var a Alert
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatal(err)
		}
		for _, l := range a.Levels() {
			got = append(events.Of(&a, l).AppendJSON(got), '\n')
		}
	}
	if *update {
		if err := os.WriteFile("testdata/events.jsonl", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/events.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// What alerts are joined by are fields of theirs, and every field of logs that they have is one of those.
func TestJoins(t *testing.T) {
	t.Parallel()
	own := map[string]bool{"event_time": true, "native_id": true, "severity": true}
	want := map[string]bool{}
	for _, f := range event.Fields() {
		if f.In(event.Alert) && len(f.Classes) > 1 && !own[f.Name] {
			want[f.Name] = true
		}
	}
	got := map[string]bool{}
	for _, name := range joins() {
		got[name] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("joins (-fields of class alert +joins):\n%s", diff)
	}
}

// Alerts about Shrike itself are no events; older alerts, which do not say what they reached, are one. Deleting either case
// of Levels makes it fail.
func TestLevels(t *testing.T) {
	t.Parallel()
	a := example()
	a.Reached = []Reached{{Severity: "low"}, {Severity: "high"}}
	if got := a.Levels(); len(got) != 2 {
		t.Errorf("levels are %+v, want both", got)
	}
	a.Classes = nil
	if got := a.Levels(); len(got) != 0 {
		t.Errorf("levels of an alert about no logs are %+v, want none", got)
	}
	a = example()
	a.Reached = nil
	want := Reached{Severity: "high", EventTime: a.LastEventTime, Revision: a.Revision}
	if got := a.Levels(); len(got) != 1 || got[0] != want {
		t.Errorf("levels of an older alert are %+v, want %+v", got, want)
	}
}
