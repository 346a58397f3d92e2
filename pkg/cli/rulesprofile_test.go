package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestRulesProfile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	trail := write(t, filepath.Join(dir, "trail.json"), login(0)+login(1)+strings.Replace(login(2), "ConsoleLogin", "Sneeze", 1))
	rules := ruleFolder(t)
	every := strings.NewReplacer("id: root-login", "id: every", `event_name == "ConsoleLogin" and actor_type == "Root"`, `user_agent contains "x"`).Replace(testRule)
	write(t, filepath.Join(rules, "every.yml"), every)
	got := run(t, nil, "rules", "profile", trail, "--rules", rules)
	for _, want := range []string{"RULE", "event_name (1)", "nothing: every event", "3 events in ", "the conditions of 2 rules take "} {
		if got.status != 0 || !strings.Contains(got.out, want) {
			t.Errorf("rules profile: got %+v, want %q", got, want)
		}
	}
	got = run(t, nil, "rules", "profile", trail, "--rules", rules, "-o", "json")
	byRule, share := map[string]profiled{}, 0.0
	for line := range strings.Lines(got.out) {
		var p profiled
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		byRule[p.Rule] = p
		share += p.Share
	}
	if x := byRule["root-login"]; x.Evaluations != 2 || x.Matches != 2 || x.Groups != 1 || x.StateBytes == 0 {
		t.Errorf("root-login: %+v", x)
	}
	if x := byRule["every"]; x.Evaluations != 3 || x.Matches != 0 || x.IndexedBy[0] != "" {
		t.Errorf("every: %+v", x)
	}
	if share != 0 && (share < 0.99 || share > 1.01) {
		t.Errorf("the shares add up to %g", share)
	}
	if got := run(t, nil, "rules", "profile", filepath.Join(dir, "none"), "--rules", rules); got.status != exitInput {
		t.Errorf("rules profile of nothing: %+v", got)
	}
}
