package ruletest

import (
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/rule"
)

func TestExampleRules(t *testing.T) {
	t.Parallel()
	set, err := rule.Load("testdata/good")
	if err != nil {
		t.Fatal(err)
	}
	results, err := Run(t.Context(), set, builtin.Formats(), "")
	if err != nil {
		t.Fatal(err)
	}
	tests := 0
	for _, r := range set.Rules() {
		tests += len(r.Tests)
	}
	if len(results) != tests || tests < 8 {
		t.Errorf("%d results of %d tests", len(results), tests)
	}
	for _, r := range results {
		if !r.Passed {
			t.Errorf("%s:%d: %s\n%s", r.File, r.Line, r.Test, r.Diff)
		}
	}
}

// Each rule in testdata/failing promises what does not happen; its test's name is part of the Diff that must come.
func TestFailuresAreSeen(t *testing.T) {
	t.Parallel()
	set, err := rule.Load("testdata/failing")
	if err != nil {
		t.Fatal(err)
	}
	results, err := Run(t.Context(), set, builtin.Formats(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Passed || !strings.Contains(r.Diff, r.Test) {
			t.Errorf("%s:%d: passed %v with %q, want a failure that says %q", r.File, r.Line, r.Passed, r.Diff, r.Test)
		}
	}
	if len(results) == 0 {
		t.Error("no results")
	}
}

func TestOnly(t *testing.T) {
	t.Parallel()
	set, err := rule.Load("testdata/good")
	if err != nil {
		t.Fatal(err)
	}
	results, err := Run(t.Context(), set, builtin.Formats(), "aws-root-console-login")
	if err != nil || len(results) != 2 {
		t.Errorf("got %d results and error %v, want 2 and none", len(results), err)
	}
	if _, err := Run(t.Context(), set, builtin.Formats(), "none"); err == nil {
		t.Error("an unknown rule gave no error")
	}
}
