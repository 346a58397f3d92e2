package rule

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/shrike-sec/shrike/pkg/event"
)

const severityList = "severity:\n  - is: low\n    when: |\n      error_code == \"x\" and inList(src_ip, \"offices\")\n  - is: critical\n    when: |\n      has(error_code)\n  - is: info"

// The first case that holds decides; what it costs is no garbage. Lists that only a severity names count in the set's hash.
func TestSeverityByCondition(t *testing.T) {
	load := func(values string) *Set {
		text := strings.Replace(string(must(os.ReadFile("testdata/good/aws-console-login-brute-force.yml"))), "severity: medium", severityList, 1)
		return must1(LoadFS(fstest.MapFS{
			"aws-console-login-brute-force.yml": {Data: []byte(text)},
			"lists/offices.yml":                 {Data: []byte("id: offices\ntitle: t\nvalues: [" + values + "]\n")},
		}, "."))
	}
	set := load("198.51.100.0/24")
	r, e := set.Rules()[0], sampleEvent()
	if got, want := r.Severity.Words(), []string{"info", "low", "critical"}; !slices.Equal(got, want) || r.Severity.Highest() != "critical" {
		t.Errorf("words %v, want %v", got, want)
	}
	for code, want := range map[string]string{"": "info", "x": "low", "y": "critical"} {
		e.SetText(event.ErrorCode, code)
		if got := r.Severity.Of(e); got != want {
			t.Errorf("error code %q is %s, want %s", code, got, want)
		}
		if n := testing.AllocsPerRun(50, func() { r.Severity.Of(e) }); n != 0 {
			t.Errorf("the severity of an event allocates %v times", n)
		}
	}
	other := load("203.0.113.0/24")
	if set.Hash() == other.Hash() || r.Hash != other.Rules()[0].Hash {
		t.Errorf("another list: set %s and %s, rule %s and %s", set.Hash(), other.Hash(), r.Hash, other.Rules()[0].Hash)
	}
}

// An experimental rule loads without tests, or with one side of them.
func TestExperimentalRulesNeedNoTests(t *testing.T) {
	t.Parallel()
	text := string(must(os.ReadFile("testdata/good/aws-console-login-brute-force.yml")))
	text, _, _ = strings.Cut(text, "tests:\n")
	for maturity, loads := range map[string]bool{"stable": false, "test": false, "experimental": true} {
		changed := strings.Replace(text, "maturity: stable", "maturity: "+maturity, 1)
		s, err := LoadFS(fstest.MapFS{"aws-console-login-brute-force.yml": {Data: []byte(changed)}}, ".")
		if (err == nil) != loads {
			t.Errorf("%s: %v", maturity, err)
		}
		if loads && (s.Rules()[0].Maturity != Experimental || !slices.ContainsFunc(s.Lint(LintOptions{}), func(w Warning) bool { return w.Code == "no-tests" })) {
			t.Errorf("maturity %s, warnings %v", s.Rules()[0].Maturity, s.Lint(LintOptions{}))
		}
	}
}
