package cli

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

func TestRulesTestReports(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "root-login.yml"), testRule)
	wrong := strings.NewReplacer("id: root-login", "id: wrong", "severity: medium, count: 1", "count: 7", "name: root\n", "name: \"]]> \\e\"\n", "like: root", `like: "]]> \e"`).Replace(testRule)
	write(t, filepath.Join(dir, "wrong.yml"), wrong)
	file := filepath.Join(t.TempDir(), "junit.xml")
	got := run(t, nil, "rules", "test", dir, "--junit", file, "-o", "json")
	if got.status != exitBad {
		t.Fatalf("rules test: %+v", got)
	}
	passed, lines := 0, 0
	for line := range strings.Lines(got.out) {
		var r testResult
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		lines++
		if r.Passed {
			passed++
		} else if r.Rule != "wrong" || r.Line == 0 || r.Diff == "" {
			t.Errorf("failed: %+v", r)
		}
	}
	if passed != 3 || lines != 4 {
		t.Errorf("%d of %d tests passed: %s", passed, lines, got.out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report junit.Testsuites
	if err := xml.Unmarshal(text, &report); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	if report.Tests != 4 || report.Failures != 1 || len(report.Suites) != 2 || report.Suites[1].Name != "wrong" {
		t.Errorf("report: %s", text)
	}
	for _, c := range report.Suites[1].Testcases {
		if c.Failure != nil && !strings.Contains(c.Failure.Data, "wrong.yml:") {
			t.Errorf("failure: %+v", c.Failure)
		}
	}
	for _, command := range []string{"test", "lint"} {
		got := run(t, nil, "rules", command, t.TempDir())
		if want := map[string]int{"test": exitUsage, "lint": 0}[command]; got.status != want || !strings.Contains(got.out+got.err, "there are no rules") {
			t.Errorf("rules %s of an empty folder: %+v", command, got)
		}
	}
	if got := run(t, nil, "rules", "test", dir, "--junit", "-"); got.status != exitBad || xml.Unmarshal([]byte(got.out), &report) != nil {
		t.Errorf("rules test --junit -: %+v", got)
	}
	if got := run(t, nil, "rules", "test", dir, "--junit", filepath.Join(dir, "none", "x")); got.status != exitBad || !strings.Contains(got.err, "write JUnit report") {
		t.Errorf("rules test --junit to nowhere: %+v", got)
	}
}
