package format_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// twins are two formats that are equally sure of the same lines, and one that is surer of others.
func twins() *format.Registry {
	spec := func(name, prefix string, sure int) format.Spec {
		return format.Spec{
			Name: name, Class: event.API, Version: 1,
			Sniff: func(raw []byte) int {
				if bytes.HasPrefix(raw, []byte(prefix)) {
					return sure
				}
				return 0
			},
			Key: func(object string) bool { return strings.Contains(object, "/"+name+"/") },
		}
	}
	return format.NewRegistry([]format.Spec{spec("first", "a", 50), spec("second", "a", 50), spec("sure", "ab", 60)})
}

func TestRecognition(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		object, hint, layout, in string
		last                     string // format of what stands in front
		want                     string // formats of the records
		disagreements            int64
	}{
		"order decides":              {"b/x", "", "", "a\na\n", "", "first first", 0},
		"key decides":                {"b/second/x.gz", "", "", "a\na\n", "", "second second", 0},
		"content before key":         {"b/second/x.gz", "", "", "ab\na\n", "", "sure second", 1},
		"key of what is not":         {"b/second/x.gz", "", "", "c\n", "", " ", 0},
		"suffix is nothing":          {"b/x.second", "", "", "a\n", "", "first", 0},
		"what was before decides":    {"b/first/x", "", "", "a\na\n", "second", "second second", 2},
		"what was before is far off": {"b/x", "", "", "a\n", "sure", "first", 0},
		"what was before is nobody":  {"b/x", "", "", "a\n", "none", "first", 0},
		"caller's format":            {"b/second/x", "first", "", "a\nc\n", "", "first first", 0},
		"caller's format is not":     {"b/x", "sure", "", "ab\na\nc\n", "", "sure sure sure", 1},
		"caller knows columns":       {"b/x", "sure", "x y", "a\nc\n", "", "sure sure", 0},
		"caller's own format":        {"b/x", "unknown", "", "a\n", "", "unknown", 0},
	} {
		var got []string
		stats, err := format.Split(t.Context(), strings.NewReader(tc.in), twins(), format.SplitOptions{
			Origin: record.Origin{Object: tc.object}, Format: tc.hint, Layout: tc.layout, Last: tc.last,
		}, func(r record.Record) error {
			got = append(got, r.Format)
			return nil
		}, func(record.DeadLetter) error { return nil })
		if err != nil || strings.TrimRight(strings.Join(got, " "), " ") != strings.TrimSpace(tc.want) || stats.Disagreements != tc.disagreements {
			t.Errorf("%s: got %q and %d disagreements (%v), want %q and %d", name, got, stats.Disagreements, err, tc.want, tc.disagreements)
		}
	}
}

// Which format is last depends on what stands before, but no line's format does when all are equally sure of it.
func TestRecognitionInsideEnvelopes(t *testing.T) {
	t.Parallel()
	in := `{"message":"#cols a b\n1 2\n"}` + "\n3 4\n" + `{"message":"{\"e\":1}"}`
	got, stats := split(t, strings.NewReader(in), format.SplitOptions{})
	want := []string{"colours:a b", "colours:a b", "trail:"}
	for i, p := range got {
		if i >= len(want) || p.Format+":"+p.Layout != want[i] {
			t.Errorf("record %d: got %s with layout %q, want %v", i, p.Format, p.Layout, want)
		}
	}
	if len(got) != len(want) || stats.Controls != 1 {
		t.Errorf("got %d records and %d controls", len(got), stats.Controls)
	}
}
