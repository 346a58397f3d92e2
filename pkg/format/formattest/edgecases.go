package formattest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
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

// ColumnCount stands in EdgeCases' fields for the one expectation that nothing of an event can be compared with: how many
// columns a line has. What is in the columns is compared, those that no field is known for by "derived.extra".
const ColumnCount = ""

// EdgeCases runs the shared edge cases of one format. fields names our field for each key of their expectations that is not
// spelt like it; a path such as "unmapped.key" looks into unmapped, "resources.0" into a list, and "derived.url" names what
// derived puts together. An expectation that is neither a field nor named in fields fails the test.
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
		if ours == ColumnCount {
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
	if name, ok := strings.CutPrefix(path, "derived."); ok {
		return derived(m, name)
	}
	if name, ok := strings.CutSuffix(path, ".0"); ok {
		if list, _ := m[name].([]any); len(list) == 1 {
			return list[0]
		}
		return nil
	}
	return m[path]
}

// derived returns what our fields hold in parts, or as a number.
func derived(m map[string]any, name string) any {
	switch name {
	case "url":
		if m["url_path"] == nil {
			return nil
		}
		url := fmt.Sprintf("%v://%v:%v%v", m["url_scheme"], m["url_host"], m["url_port"], m["url_path"])
		if q := m["url_query"]; q != nil {
			url += fmt.Sprint("?", q)
		}
		return url
	case "extra": // columns that no field is known for
		var extra []any
		unmapped, _ := m["unmapped"].(map[string]any)
		for n := 1; unmapped[fmt.Sprint("extra_", n)] != nil; n++ {
			extra = append(extra, unmapped[fmt.Sprint("extra_", n)])
		}
		return extra
	case "tcp_flag_names":
		flags, _ := m["tcp_flags"].(float64)
		var names []any
		for bit, flag := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG"} {
			if int(flags)&(1<<bit) != 0 {
				names = append(names, flag)
			}
		}
		return names
	}
	panic("BUG: nothing derives " + name)
}
