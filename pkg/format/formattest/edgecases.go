package formattest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
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
	out := bytes.TrimSpace(Results(t, spec, []byte(c.Raw+"\n"), c.Layout))
	if c.Expect["control"] == true || c.Expect["header"] == true {
		if len(out) > 0 && string(out) != `{"control":true}` { // a splitter keeps headers to itself
			t.Errorf("decode %q: %s, want a control record", c.Raw, out)
		}
		return
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("decode %q: not one result: %s", c.Raw, out)
	}
	if reason := got["dead_letter"]; !c.OK || reason != nil {
		if want := c.Expect["error"]; reason != want || c.OK {
			t.Errorf("decode %q: %s, want error %v", c.Raw, out, want)
		}
		return
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
			t.Errorf("decode %q: %s = %v, want %v", c.Raw, ours, have, want)
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
