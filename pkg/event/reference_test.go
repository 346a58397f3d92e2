package event_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/event"
)

var update = flag.Bool("update", false, "write docs/FIELDS.md")

// filled reads which formats fill which fields from what their golden cases want.
func filled(t *testing.T) func(event.Class, string) []string {
	t.Helper()
	type key struct{ class, field string }
	formats := map[key][]string{}
	files, err := filepath.Glob("../format/*/testdata/*/want.jsonl")
	if err != nil || len(files) < 50 {
		t.Fatalf("found %d golden cases (%v)", len(files), err)
	}
	files = append(files, "../alert/testdata/events.jsonl")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			var e map[string]any
			if err := json.Unmarshal(line, &e); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			class, _ := e["class"].(string)
			format, _ := e["format"].(string)
			for field := range e {
				k := key{class, field}
				if at, known := slices.BinarySearch(formats[k], format); !known {
					formats[k] = slices.Insert(formats[k], at, format)
				}
			}
		}
	}
	return func(c event.Class, field string) []string { return formats[key{c.String(), field}] }
}

func TestReferenceIsTrue(t *testing.T) {
	t.Parallel()
	const page = "../../docs/FIELDS.md"
	now := reference(filled(t))
	if *update {
		if err := os.WriteFile(page, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(committed), now); diff != "" {
		t.Errorf("docs/FIELDS.md is stale, run go test ./pkg/event -update (-committed +now):\n%s", diff)
	}
}

// Every field says what it is.
func TestFieldsAreDescribed(t *testing.T) {
	t.Parallel()
	for _, f := range event.Fields() {
		if f.Meaning == "" || f.SQL == "" || len(f.Classes) == 0 {
			t.Errorf("field %s lacks its meaning, column or class", f.Name)
		}
	}
}

// A field that no format fills is dead, or its format lacks a case.
func TestEveryFieldIsFilled(t *testing.T) {
	t.Parallel()
	of := filled(t)
	for _, f := range event.Fields() {
		if f.Meta {
			continue
		}
		if !slices.ContainsFunc(f.Classes, func(c event.Class) bool { return len(of(c, f.Name)) > 0 }) {
			t.Errorf("no golden case fills %s", f.Name)
		}
	}
}
