package sigma_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/rule/sigma"
)

var update = flag.Bool("update", false, "write what Import returns into the golden files")

// sections takes a golden file apart: Sigma documents, the logs that match (+) and do not (-), and what Import returns.
func sections(t *testing.T, file string) (documents, logs, want string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	documents, rest, ok1 := strings.Cut(string(text), "\n=== logs\n")
	logs, want, ok2 := strings.Cut(rest, "\n=== import\n")
	if !ok1 || !ok2 {
		t.Fatalf("%s lacks a section", file)
	}
	return documents + "\n", logs, want
}

// written is what Import returns as a text.
func written(r *sigma.Result) string {
	var b strings.Builder
	for _, x := range r.Rules {
		b.Write(x.Text)
	}
	for _, x := range r.Refusals {
		fmt.Fprintf(&b, "refused %q: %s\n", x.Title, x.Error())
	}
	for _, x := range r.Doubts {
		fmt.Fprintf(&b, "doubted %q: %s\n", x.Title, x.Error())
	}
	return b.String()
}

// manyNetworks are more than one call of inCIDR takes.
func manyNetworks() []string {
	networks := make([]string, 120)
	for i := range networks {
		networks[i] = fmt.Sprintf("198.18.%d.0/24", i)
	}
	return networks
}

// goldenLists are what placeholders stand for.
var goldenLists = map[string][]string{
	"administrators": {"eva", "ops-*"}, "legitimate-ip-ranges": {"192.0.2.0/24", "2001:db8::/32", "203.0.113.9"}, "envs": {"dev", "prod"}, "nets": manyNetworks(),
	"folder": {`C:\`}, "least-bytes": {"1000"}, "many": slices.Repeat([]string{"x"}, 100), "long": {strings.Repeat("x", 20000)}, "calls": {"^Delete", "^Put"},
}

func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/golden/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("got %d golden files (%v)", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			documents, logs, want := sections(t, file)
			r := sigma.Import([]sigma.File{{Name: "rule.yml", Text: []byte(documents)}}, sigma.Options{Lists: goldenLists})
			got := written(r)
			if *update {
				if err := os.WriteFile(file, []byte(strings.TrimSuffix(documents, "\n")+"\n=== logs\n"+logs+"\n=== import\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			set, err := r.Set()
			if err != nil {
				t.Fatal(err)
			}
			checkLogs(t, set, logs)
		})
	}
}

// checkLogs holds each line of logs against the rules: + matches one, - none. A line of # is a comment.
func checkLogs(t *testing.T, set *rule.Set, logs string) {
	t.Helper()
	both := map[byte]int{}
	for line := range strings.Lines(logs) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		both[line[0]]++
		events := 0
		parse(t, strings.TrimSpace(line[1:]), func(e *event.Event) {
			events++
			if got, want := len(set.Hits(e, nil)) > 0, line[0] == '+'; got != want {
				t.Errorf("matches: got %t for %s", got, line)
			}
		})
		if events != 1 {
			t.Errorf("%d events of %s", events, line)
		}
	}
	if len(set.Rules()) > 0 && (both['+'] == 0 || both['-'] == 0) {
		t.Error("a rule needs a log that matches and one that does not")
	}
}

// parse takes a line through the real parsers.
func parse(t testing.TB, line string, found func(*event.Event)) {
	t.Helper()
	reg := builtin.Formats()
	d := format.NewDecoder(reg)
	_, err := format.Split(context.Background(), strings.NewReader(line+"\n"), reg, format.SplitOptions{},
		func(r record.Record) error { return d.Decode(&r, found) },
		func(l record.DeadLetter) error { return fmt.Errorf("dead letter: %s", l.Detail) })
	if err != nil {
		t.Errorf("%v: %s", err, line)
	}
}
