package ruletest

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/rule"
)

const exceptionText = `id: glass
rule: aws-root-console-login
when: |
  account_id == "111122223333"
reason: Our glass.
owner: eva@example.com
expires: 2027-01-31
tests:
  - name: our glass
    logs: [{ like: root signs in }]
    alerts: []
  - name: their glass
    logs: [{ like: root signs in, replace: { "111122223333": "444455556666" } }]
    alerts: [{ count: 1, group: { actor: "arn:aws:iam::444455556666:root" } }]
  - name: after its day
    logs: [{ like: our glass, replace: { 2026-03-01T: 2027-01-31T } }]
    alerts: [{ count: 1 }]
  - name: nothing of the rule's
    logs: [{ like: our glass, replace: { Root: IAMUser } }]
    alerts: []
`

// An exception's tests see the rule with that exception, and may be like the rule's own, which see none. A test in which the
// exception takes nothing away shows nothing. (Without exceptions in runTest, or the test of excepted there, it fails.)
func TestExceptionsHaveTests(t *testing.T) {
	t.Parallel()
	root, err := os.ReadFile("testdata/good/aws-root-console-login.yml")
	if err != nil {
		t.Fatal(err)
	}
	set, err := rule.LoadFS(fstest.MapFS{"aws-root-console-login.yml": {Data: root}, "exceptions/glass.yml": {Data: []byte(exceptionText)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	results, err := Run(t.Context(), set, builtin.Formats(), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 6 {
		t.Fatalf("%d results", len(results))
	}
	for i, r := range results {
		if of := strings.HasSuffix(r.File, "glass.yml"); of != (i > 1) || r.Rule != "aws-root-console-login" {
			t.Errorf("%+v", r)
		}
		if vacuous := r.Test == "nothing of the rule's"; r.Passed == vacuous || vacuous && !strings.Contains(r.Diff, "without it either") {
			t.Errorf("%s: passed %v: %s", r.Test, r.Passed, r.Diff)
		}
	}
}
