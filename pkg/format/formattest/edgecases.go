package formattest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// SharedData returns the path of a file or folder of the shared test data, which lies beside the checkout; the test
// is skipped when it is not there. No line of it may be copied into the project.
func SharedData(t testing.TB, elem ...string) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	path := filepath.Join(append([]string{dir, "..", "shared", "data"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared test data: %v", err)
	}
	return path
}

type edgeCase struct {
	ID, Format, Raw, Layout string
	OK                      bool
	Expect                  map[string]any
}

// EdgeCases runs the shared edge cases of one format. fields names our field, "" to skip, for each key of their
// expectations that is not spelt like it; a path such as "unmapped.key" looks into unmapped. An expectation that is
// neither a field nor named in fields fails the test.
func EdgeCases(t *testing.T, spec format.Spec, name string, fields map[string]string) {
	t.Helper()
	data, err := os.ReadFile(SharedData(t, "format-edgecases.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); {
		var c edgeCase
		if err := json.Unmarshal(sc.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		if c.Format != name {
			continue
		}
		ran++
		t.Run(c.ID, func(t *testing.T) { c.run(t, spec, fields) })
	}
	if ran == 0 {
		t.Fatalf("no edge cases of format %s", name)
	}
}

func (c *edgeCase) run(t *testing.T, spec format.Spec, fields map[string]string) {
	r := record.Record{Raw: []byte(c.Raw), Format: spec.Name, Layout: c.Layout, Received: Received()}
	var got map[string]any
	err := spec.New().Parse(&r, func(e *event.Event) {
		if err := json.Unmarshal(e.AppendJSON(nil), &got); err != nil {
			t.Error(err)
		}
	})
	var bad *format.Error
	switch {
	case c.Expect["control"] == true || c.Expect["header"] == true:
		if !errors.Is(err, format.ErrControl) {
			t.Errorf("parse %q: %v, want a control record", c.Raw, err)
		}
		return
	case !c.OK:
		if !errors.As(err, &bad) || string(bad.Reason) != c.Expect["error"] {
			t.Errorf("parse %q: %v, want %v", c.Raw, err, c.Expect["error"])
		}
		return
	case err != nil:
		t.Fatalf("parse %q: %v", c.Raw, err)
	}
	for key, want := range c.Expect {
		ours, renamed := fields[key]
		if !renamed {
			ours = key
			if event.Lookup(key) == nil {
				t.Errorf("expectation %s is no field and not renamed", key)
			}
		}
		if ours == "" {
			continue
		}
		if have := lookup(got, ours); !reflect.DeepEqual(have, want) && !(have == nil && want == "") {
			t.Errorf("parse %q: %s = %v, want %v", c.Raw, ours, have, want)
		}
	}
}

func lookup(m map[string]any, path string) any {
	if rest, ok := strings.CutPrefix(path, "unmapped."); ok {
		m, _ = m["unmapped"].(map[string]any)
		path = rest
	}
	return m[path]
}
