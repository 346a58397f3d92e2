package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

const testException = `id: break-glass
rule: root-login
when: |
  src_ip == "198.51.100.7"
reason: The emergency account is tried every quarter.
owner: eva@example.com
expires: 2026-03-02
`

// An exception takes events out of a scan and says how many, is listed, and is not seen by the tests of its rule; a folder
// that holds nothing else excepts a built-in rule.
func TestExceptions(t *testing.T) {
	t.Parallel()
	rules := ruleFolder(t)
	write(t, filepath.Join(rules, "exceptions", "break-glass.yml"), testException)
	trail := write(t, filepath.Join(t.TempDir(), "trail"), login(1)+login(2)+strings.Replace(login(3), "2026-03-01", "2026-03-02", 1))

	got := run(t, nil, "scan", "--rules", rules, "--output", "json", trail)
	if strings.Count(got.out, `"rule_id"`) != 1 || !strings.Contains(got.out, `"count":1,`) || !strings.Contains(got.out, `"first_event_time":"2026-03-02T09:03:00Z"`) ||
		!strings.Contains(got.err, "exception break-glass left 2 events out of rule root-login\n") {
		t.Errorf("scan: %+v, want one alert of the event after the exception's last day", got)
	}
	if got := run(t, nil, "rules", "test", rules); got.status != 0 {
		t.Errorf("rules test: %+v", got)
	}
	got = run(t, nil, "rules", "exceptions", rules)
	if got.status != 0 || !strings.Contains(got.out, "break-glass") || !strings.Contains(got.out, "expired") || !strings.Contains(got.out, "eva@example.com") {
		t.Errorf("rules exceptions: %+v", got)
	}
	if got := run(t, nil, "rules", "lint", rules); !strings.Contains(got.out, "warning: exception break-glass has expired") {
		t.Errorf("rules lint: %+v", got)
	}

	own := t.TempDir()
	write(t, filepath.Join(own, "exceptions", "break-glass.yml"), strings.Replace(testException, "root-login", "aws-root-console-login", 1))
	got = run(t, nil, "rules", "exceptions", "--output", "json", "builtin", own)
	if got.status != 0 || !strings.Contains(got.out, `"rule":"aws-root-console-login"`) || !strings.Contains(got.out, `"expires":"2026-03-02"`) || !strings.Contains(got.out, `"expired":true`) {
		t.Errorf("rules exceptions builtin: %+v", got)
	}
	if got := run(t, nil, "rules", "exceptions", own); got.status != exitUsage || !strings.Contains(got.err, `no rule has the id "aws-root-console-login"`) {
		t.Errorf("rules exceptions without the built-in rules: %+v", got)
	}
}
