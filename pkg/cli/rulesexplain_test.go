package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestRulesExplain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := strings.Replace(login(1), `"type":"Root"`, `"type":"IAMUser","userName":"\u001b[2Jeva"`, 1)
	other := strings.Replace(secret, "ConsoleLogin", "Sneeze", 1)
	trail := write(t, filepath.Join(dir, "trail.json"), login(0)+secret+other)
	rules := ruleFolder(t)
	got := run(t, nil, "rules", "explain", "root-login", trail, "--rules", rules)
	want := `2026-03-01T09:00:00Z  api ConsoleLogin arn:aws:iam::111122223333:root 198.51.100.7  ` + trail + `:1
  ✓ matches, severity medium
    ✓ event_name == "ConsoleLogin"
    ✓ actor_type == "Root"
    group account_id = "111122223333"

2026-03-01T09:01:00Z  api ConsoleLogin arn:aws:iam::111122223333:root 198.51.100.7  ` + trail + `:2
  ✗ does not match
    ✓ event_name == "ConsoleLogin"
    ✗ actor_type == "Root"   actor_type is "IAMUser"

3 events, 3 of the rule's classes: 1 match, 1 come near
`
	if got.status != 0 || got.out != want {
		t.Errorf("rules explain: status %d, got\n%s\nwant\n%s", got.status, got.out, want)
	}
	for _, tc := range []struct {
		status int
		want   string
		args   []string
	}{
		{0, "1 more are not shown", []string{"--limit", "1"}},
		{0, "3 of the rule's classes: 1 match\n", []string{"--near", "0"}},
		{0, `✗ event_name == "ConsoleLogin"   event_name is "Sneeze"`, []string{"--all"}},
		{exitInput, "1 match", []string{filepath.Join(dir, "none")}},
		{exitUsage, "", []string{"--near", "-1"}},
	} {
		args := append([]string{"rules", "explain", filepath.Join(rules, "root-login.yml"), trail}, tc.args...)
		if got := run(t, nil, args...); got.status != tc.status || !strings.Contains(got.out, tc.want) || strings.Contains(got.out, "\x1b") {
			t.Errorf("%v: got %+v, want status %d and %q", tc.args, got, tc.status, tc.want)
		}
	}
	write(t, filepath.Join(rules, "slow.yml"), "id: slow\ntitle: Slow.\nmaturity: experimental\nseverity: low\nclass: api\noutcome: any\nwhen: |\n  event_name == \"ConsoleLogin\"\n"+
		"group_by: [actor]\naverage: { of: duration_ms, above: 5, bucket: 5m }\nrunbook: Look.\n")
	if got := run(t, nil, "rules", "explain", "slow", trail, "--rules", rules); !strings.Contains(got.out, "\n    average duration_ms = missing: the event counts for nothing\n") {
		t.Errorf("rules explain of what has no number: %+v", got)
	}
	silent := write(t, filepath.Join(dir, "silent.json"), other)
	if got := run(t, nil, "rules", "explain", "root-login", silent, "--rules", rules, "--near", "3"); !strings.Contains(got.out, "no event has anything") {
		t.Errorf("nothing is near: %+v", got)
	}
	if got := run(t, nil, "rules", "explain", "root-login", silent, "--rules", rules); got.status != exitBad || !strings.Contains(got.out, "the nearest is 2 parts away") {
		t.Errorf("rules explain without a match: %+v", got)
	}
	write(t, filepath.Join(rules, "exceptions", "planned.yml"), "id: planned\nrule: root-login\nwhen: |\n  actor_type == \"Root\"\n"+
		"reason: A drill.\nowner: eva\nexpires: 2126-04-01\n")
	if got := run(t, nil, "rules", "explain", "root-login", trail, "--rules", rules); !strings.Contains(got.out, "    excepted by planned until 2126-04-01: A drill.\n") {
		t.Errorf("rules explain of what is excepted: %+v", got)
	}
	got = run(t, nil, "rules", "explain", "root-login", trail, "--rules", rules, "--all", "-o", "json")
	var events []explained
	for line := range strings.Lines(got.out) {
		var e explained
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if len(events) != 3 || !events[0].Matches || events[0].Steps[0].Exception != "planned" || events[0].Severity != "medium" || events[1].Matches || events[1].Steps[0].Condition.Parts[0].Holds != true {
		t.Errorf("rules explain -o json: %s", got.out)
	}
}
