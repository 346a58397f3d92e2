package builtin

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Whatever a format's golden cases hold means the same when every format looks at it: each record is recognised as its
// own format's and becomes the same events. So one more format cannot take lines from another.
func TestGoldenCasesAreTheirOwnFormats(t *testing.T) {
	t.Parallel()
	all := Formats()
	for _, spec := range all.Specs() {
		inputs, err := filepath.Glob(filepath.Join("..", "format", spec.Name, "testdata", "*", "input"))
		if err != nil || len(inputs) == 0 {
			t.Errorf("format %s has no golden cases (%v)", spec.Name, err)
		}
		for _, path := range inputs {
			t.Run(spec.Name+"/"+filepath.Base(filepath.Dir(path)), func(t *testing.T) {
				t.Parallel()
				input, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				o := format.SplitOptions{Origin: record.Origin{Source: "test", Object: "input"}, Received: time.Unix(1767323045, 0)}
				if layout, err := os.ReadFile(filepath.Join(filepath.Dir(path), "layout")); err == nil { // as a source's configuration says it
					o.Format, o.Layout = spec.Name, strings.TrimSpace(string(layout))
				}
				compare(t, spec.Name, results(t, format.NewRegistry([]format.Spec{spec}), o, input), results(t, all, o, input))
			})
		}
	}
}

type result struct{ raw, format, out string }

func compare(t *testing.T, name string, alone, among []result) {
	t.Helper()
	if len(alone) != len(among) {
		t.Fatalf("%d records alone, %d among all formats", len(alone), len(among))
	}
	for i, want := range alone {
		got := among[i]
		switch {
		case strings.HasPrefix(want.out, "error"): // whoever reads it, reads it
		case want.out == "control":
			if got.out != "control" {
				t.Errorf("%q: %s, want a control record", got.raw, got.out)
			}
		case got.format != name:
			t.Errorf("%q: recognised as %q, want %q", got.raw, got.format, name)
		case got.out != want.out:
			t.Errorf("%q:\ngot  %s\nwant %s", got.raw, got.out, want.out)
		default:
			surest(t, name, got.raw)
		}
	}
}

// surest checks that no other format is as sure of a record as its own, so that the order of the list decides nothing,
// nor nearly as sure, so that what stands before a record in its object does not either: but for nginx and Apache, which
// write the same lines. Records of a layout that only a header or a configuration tells of are nobody's.
func surest(t *testing.T, name, raw string) {
	t.Helper()
	reg := Formats()
	own, _ := reg.Spec(name)
	sure := own.Sniff([]byte(raw))
	if sure == 0 {
		return
	}
	const near = 10 // as package format has it
	for _, other := range reg.Specs() {
		margin := near
		if name+other.Name == "nginxapache" || name+other.Name == "apachenginx" {
			margin = 0
		}
		if n := other.Sniff([]byte(raw)); other.Name != name && n > 0 && n >= sure-margin {
			t.Errorf("%q: %s claims %d of a record of %s, which claims %d", raw, other.Name, n, name, sure)
		}
	}
}

// results returns what becomes of each record of input.
func results(t *testing.T, reg *format.Registry, o format.SplitOptions, input []byte) []result {
	t.Helper()
	var out []result
	d := format.NewDecoder(reg)
	_, err := format.Split(t.Context(), bytes.NewReader(input), reg, o,
		func(r record.Record) error {
			got := result{raw: string(r.Raw), format: r.Format}
			err := d.Decode(&r, func(e *event.Event) { got.out += string(e.AppendJSON(nil)) + "\n" })
			switch {
			case errors.Is(err, format.ErrControl):
				got.out = "control"
			case err != nil:
				got.out = "error: " + err.Error()
			}
			out = append(out, got)
			return nil
		},
		func(record.DeadLetter) error { return nil })
	if err != nil {
		t.Fatalf("split: %v", err)
	}
	return out
}
