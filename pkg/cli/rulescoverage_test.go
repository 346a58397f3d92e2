package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/rule/coverage"
)

func TestRulesCoverage(t *testing.T) {
	t.Parallel()
	rules := ruleFolder(t)
	got := run(t, nil, "rules", "coverage", rules)
	for _, want := range []string{"Initial Access        T1078      Valid Accounts", "T1078.004    Cloud Accounts", "1 rule: 1 technique in 4 of 14 tactics", "The MITRE Corporation"} {
		if got.status != 0 || !strings.Contains(got.out, want) {
			t.Errorf("rules coverage: got %+v, want %q", got, want)
		}
	}
	var layer coverage.Layer
	got = run(t, nil, "rules", "coverage", rules, "-o", "navigator")
	if err := json.Unmarshal([]byte(got.out), &layer); err != nil || len(layer.Techniques) != 2 {
		t.Errorf("rules coverage -o navigator: %+v, %v", got, err)
	}
	if got := run(t, nil, "rules", "coverage", rules, "-o", "html"); got.status != 0 || !strings.HasPrefix(got.out, "<!DOCTYPE html>") || !strings.Contains(got.out, "root-login") {
		t.Errorf("rules coverage -o html: %+v", got)
	}
	if got := run(t, nil, "rules", "coverage", rules, "-o", "pdf"); got.status != exitUsage {
		t.Errorf("rules coverage -o pdf: %+v", got)
	}
}
