package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestRulesLint(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := strings.Replace(testRule, "severity: medium", "severity: hihg", 1)
	write(t, filepath.Join(dir, "root-login.yml"), broken)
	misspelled := strings.Replace(testRule, "id: root-login", "id: odd\nlint: { ignore: [no-test] }", 1)
	write(t, filepath.Join(dir, "odd.yml"), misspelled)

	got := run(t, nil, "rules", "lint", dir)
	for _, want := range []string{
		`odd.yml:2:18: no warning has the code "no-test" (did you mean "no-tests"?)` + "\n    2 | lint: { ignore: [no-test] }\n      |                  ^\n",
		`root-login.yml:3:11: severity must be one of`, "2 problems, 0 warnings\n",
	} {
		if got.status != exitUsage || !strings.Contains(got.out, want) {
			t.Errorf("rules lint: got %+v, want %q", got, want)
		}
	}
	got = run(t, nil, "rules", "lint", "--output", "json", dir)
	var levels []string
	for line := range strings.Lines(got.out) {
		var f finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		levels = append(levels, f.Level+" "+filepath.Base(f.File))
	}
	if want := "problem odd.yml, problem root-login.yml"; strings.Join(levels, ", ") != want {
		t.Errorf("rules lint -o json: got %v, want %s", levels, want)
	}
}
