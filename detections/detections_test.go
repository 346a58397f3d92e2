package detections_test

import (
	"context"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/detections"
	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/ruletest"
)

func load(t *testing.T) *rule.Set {
	t.Helper()
	set, err := rule.LoadFS(detections.FS, ".")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestRules runs every test inside every rule file.
func TestRules(t *testing.T) {
	t.Parallel()
	results, err := ruletest.Run(context.Background(), load(t), builtin.Formats(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		t.Run(r.Rule+"/"+r.Test, func(t *testing.T) {
			if !r.Passed {
				t.Errorf("%s:%d:\n%s", r.File, r.Line, r.Diff)
			}
		})
	}
}

// TestNoWarnings: what ships is an example of rules about which there is nothing to say.
func TestNoWarnings(t *testing.T) {
	t.Parallel()
	for _, w := range load(t).Lint(rule.LintOptions{Now: time.Now()}) {
		t.Error(w)
	}
}

// TestNative: every condition that ships runs as closures, none on expr's machine.
func TestNative(t *testing.T) {
	t.Parallel()
	for _, r := range load(t).Rules() {
		if !r.Native() {
			t.Errorf("%s runs on expr's machine", r.ID)
		}
	}
}
