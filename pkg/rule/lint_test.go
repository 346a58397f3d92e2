package rule

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Every file below testdata/lint says in "# wantWarn:" comments which warnings it deserves, and where.
func TestWarnings(t *testing.T) {
	t.Parallel()
	set, err := Load("testdata/lint")
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string][]string{}, map[string][]string{}
	seen := map[string]bool{}
	for _, w := range set.Lint(LintOptions{Now: time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)}) {
		seen[w.Code] = true
		got[w.File] = append(got[w.File], fmt.Sprintf("%d:%d: %s [%s]", w.Line, w.Column, w.Summary(), w.Code))
	}
	files, err := filepath.Glob("testdata/lint/*.yml")
	exceptions, err2 := filepath.Glob("testdata/lint/exceptions/*.yml")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(files, exceptions...) {
		if w := wanted(t, name, "# wantWarn: "); len(w) > 0 {
			want[name] = w
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	for _, code := range WarningCodes() {
		if !seen[code] && code != "machine" { // closures cover all of the language
			t.Errorf("no file below testdata/lint deserves a warning %s", code)
		}
	}
}

// What is good is linted beside what is not, and a rule that was read from no file can be linted too.
func TestExamine(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	for _, name := range []string{"testdata/lint/event-name.yml", "testdata/bad/count-octal.yml"} {
		files[filepath.Base(name)] = &fstest.MapFile{Data: must(os.ReadFile(name))}
	}
	set, problems := collectFS(files, []string{"."}).examine()
	if len(set.Rules()) != 1 || len(problems) != 1 || len(set.Lint(LintOptions{})) != 1 {
		t.Errorf("%d rules, problems %v, warnings %v", len(set.Rules()), problems, set.Lint(LintOptions{}))
	}
	made := NewSet([]*Rule{{ID: "made", Mode: Live, Attack: []string{"T9999"}, cond: mustCompile(t, `event_name == "Sneeze"`)}})
	if got := len(made.Lint(LintOptions{})); got < 2 {
		t.Errorf("%d warnings", got)
	}
}
