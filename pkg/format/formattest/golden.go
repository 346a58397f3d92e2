package formattest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

var update = flag.Bool("update", false, "rewrite the want files of golden cases")

// Run runs the golden cases in dir and the Parser contract, with the records of those cases, against the format. The
// calling test must not be parallel: allocations are counted.
func Run(t *testing.T, spec format.Spec, dir string) {
	t.Helper()
	cases := load(t, dir)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { golden(t, c, Results(t, spec, c.input, c.layout)) })
	}
	var records []record.Record
	for _, c := range cases {
		got, _ := Split(t, spec, c.input, c.layout)
		records = append(records, got...)
	}
	t.Run("contract", func(t *testing.T) { Conformance(t, spec, records) })
}

// Recognised runs the golden cases in dir against all formats of a registry, none of them given: what is recognised, and
// what carries it, decides.
func Recognised(t *testing.T, reg *format.Registry, dir string) {
	t.Helper()
	for _, c := range load(t, dir) {
		t.Run(c.name, func(t *testing.T) { golden(t, c, results(t, reg, c.input, splitOptions(c.layout))) })
	}
}

type testCase struct {
	name, dir, layout string
	input             []byte
}

func load(t testing.TB, dir string) []testCase {
	t.Helper()
	inputs, err := filepath.Glob(filepath.Join(dir, "*", "input"))
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no golden cases in %s (%v)", dir, err)
	}
	cases := make([]testCase, 0, len(inputs))
	for _, path := range inputs {
		input, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Dir(path)
		layout, err := os.ReadFile(filepath.Join(folder, "layout"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		cases = append(cases, testCase{
			name: filepath.Base(folder), dir: folder, input: input, layout: strings.TrimSpace(string(layout)),
		})
	}
	return cases
}

func golden(t *testing.T, c testCase, got []byte) {
	t.Helper()
	path := filepath.Join(c.dir, "want.jsonl")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lines(want), lines(got)); diff != "" {
		t.Errorf("case %s (-want +got):\n%s", c.name, diff)
	}
}

func lines(b []byte) []string { return strings.Split(strings.TrimSpace(string(b)), "\n") }

// Received is the received time of every record that this package makes.
func Received() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

// Split cuts input into records (clones) and dead letters, knowing only the one format and its layout.
func Split(t testing.TB, spec format.Spec, input []byte, layout string) ([]record.Record, []record.DeadLetter) {
	t.Helper()
	return split(t, format.NewRegistry([]format.Spec{spec}), input, only(spec, layout))
}

func splitOptions(layout string) format.SplitOptions {
	return format.SplitOptions{Origin: record.Origin{Source: "test", Object: "input"}, Received: Received(), Layout: layout}
}

func only(spec format.Spec, layout string) format.SplitOptions {
	o := splitOptions(layout)
	if layout != "" {
		o.Format = spec.Name
	}
	return o
}

func split(t testing.TB, reg *format.Registry, input []byte, o format.SplitOptions) (records []record.Record, letters []record.DeadLetter) {
	t.Helper()
	_, err := format.Split(t.Context(), bytes.NewReader(input), reg, o,
		func(r record.Record) error { records = append(records, r.Clone()); return nil },
		func(d record.DeadLetter) error { d.Record = d.Clone(); letters = append(letters, d); return nil })
	if err != nil {
		t.Fatalf("split: %v", err)
	}
	return records, letters
}

// Results splits and decodes input and returns one line a result, as in want.jsonl.
func Results(t testing.TB, spec format.Spec, input []byte, layout string) []byte {
	t.Helper()
	return results(t, format.NewRegistry([]format.Spec{spec}), input, only(spec, layout))
}

func results(t testing.TB, reg *format.Registry, input []byte, o format.SplitOptions) []byte {
	t.Helper()
	records, letters := split(t, reg, input, o)
	d := format.NewDecoder(reg)
	var out []byte
	for i := range records {
		err := d.Decode(&records[i], func(e *event.Event) { out = append(e.AppendJSON(out), '\n') })
		var bad *format.Error
		switch {
		case err == nil:
		case errors.Is(err, format.ErrControl):
			out = append(out, `{"control":true}`+"\n"...)
		case errors.As(err, &bad):
			out = append(out, letter(bad.Reason, bad.Detail)...)
		default:
			t.Fatalf("parse %q: %v is neither ErrControl nor *Error", records[i].Raw, err)
		}
	}
	for i := range letters {
		out = append(out, letter(letters[i].Reason, letters[i].Detail)...)
	}
	return out
}

func letter(reason record.Reason, detail string) []byte {
	b, err := json.Marshal(struct {
		Reason record.Reason `json:"dead_letter"`
		Detail string        `json:"detail"`
	}{reason, detail})
	if err != nil {
		panic("BUG: marshal dead letter: " + err.Error())
	}
	return append(b, '\n')
}
