package journal_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/source/journal"
)

// values is the smallest owner of a journal: the last value of each name.
type values map[string]int

type value struct {
	Name  string
	Value int
}

func (v values) replay(line []byte) {
	var x value
	if json.Unmarshal(line, &x) == nil {
		v[x.Name] = x.Value
	}
}

func (v values) all(yield func(any) bool) {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		if !yield(value{name, v[name]}) {
			return
		}
	}
}

func open(t *testing.T, path string) (values, *journal.Journal) {
	t.Helper()
	v := values{}
	j, err := journal.Open(path, v.replay, v.all)
	if err != nil {
		t.Fatal(err)
	}
	return v, j
}

// What was added is there again, without Close, and the file stays small however often a value changes. Without the
// line in Add that rewrites, the file grows; without the rename in rewrite, what was before is lost.
func TestAddedIsThereAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "a.jsonl")
	v, j := open(t, path)
	for i := range 20_000 {
		x := value{string(rune('a' + i%3)), i}
		v[x.Name] = x.Value
		if err := j.Add(x, v.all); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), "\n"); n > 1100 {
		t.Errorf("journal of 3 values has %d lines", n)
	}
	again, _ := open(t, path)
	if diff := cmp.Diff(v, again); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

// A line that was cut short costs only itself, and the line after it is whole again.
func TestCutLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jsonl")
	if err := os.WriteFile(path, []byte("{\"Name\":\"a\",\"Value\":1}\n{\"Name\":\"b\",\"Va"), 0o600); err != nil {
		t.Fatal(err)
	}
	v, j := open(t, path)
	if err := j.Add(value{"c", 3}, v.all); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, path)
	if diff := cmp.Diff(values{"a": 1, "c": 3}, again); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestNowhere(t *testing.T) {
	t.Parallel()
	v, j := open(t, "")
	if err := j.Add(value{"a", 1}, v.all); err != nil {
		t.Error(err)
	}
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}
