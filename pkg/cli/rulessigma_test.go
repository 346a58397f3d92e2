package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sigmaRules = `title: Root Signed In
author: A. Person
logsource: { product: aws, service: cloudtrail }
detection:
  selection: { eventName: ConsoleLogin, userIdentity.type: root }
  unused: { eventName: x }
  condition: selection
level: high
---
title: Of Windows
logsource: { product: windows }
detection:
  selection: { Image: x }
  condition: selection
`

const rootLogin = `{"eventVersion":"1.11","eventTime":"2026-03-01T09:14:07Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin",
"eventID":"e1","userIdentity":{"type":"Root","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"}}`

func sigmaFolder(t *testing.T) (rules, log string) {
	t.Helper()
	dir := t.TempDir()
	rules, log = filepath.Join(dir, "sigma"), filepath.Join(dir, "log.json")
	if err := os.MkdirAll(rules, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{filepath.Join(rules, "root.yml"): sigmaRules, log: rootLogin, filepath.Join(rules, "notes.txt"): "no rule"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return rules, log
}

func TestImportSigmaWritesRulesAndSaysWhatItCannot(t *testing.T) {
	t.Parallel()
	rules, log := sigmaFolder(t)
	to := filepath.Join(t.TempDir(), "imported")
	got := run(t, nil, "rules", "import-sigma", rules, "--output", to)
	if want := "1 rule written to " + to + ", 1 not imported, 0 taken up into others, 1 warning\n"; got.status != exitBad || got.out != want {
		t.Errorf("status %d, said %s, want %s", got.status, got.out, want)
	}
	if want := "root.yml:11:14: Of Windows: no class of ours has the events of logsource product windows\n"; !strings.Contains(got.err, want) {
		t.Errorf("said %s, want %s", got.err, want)
	}
	if want := "root.yml:6:3: Root Signed In: warning: the condition does not use selection unused\n"; !strings.HasSuffix(got.err, want) {
		t.Errorf("said %s, want %s", got.err, want)
	}
	scanned := run(t, nil, "scan", "--rules", to, "--output", "json", log)
	if scanned.status != exitBad || !strings.Contains(scanned.out, `"rule_id":"root-signed-in"`) {
		t.Errorf("the written rule: status %d, %s%s", scanned.status, scanned.out, scanned.err)
	}
	again := run(t, nil, "rules", "import-sigma", rules, "--output", to)
	if again.status != exitUsage || !strings.Contains(again.err, "root-signed-in.yml is there already: --force replaces it") {
		t.Errorf("again: status %d, %s", again.status, again.err)
	}
	if forced := run(t, nil, "rules", "import-sigma", rules, "--output", to, "--force"); forced.status != exitBad {
		t.Errorf("--force: status %d, %s", forced.status, forced.err)
	}
	for _, c := range []struct {
		args   []string
		status int
	}{{[]string{filepath.Join(rules, "none.yml"), "--output", to}, exitInput}, {[]string{rules}, exitUsage}, {[]string{"--output", to}, exitUsage},
		{[]string{t.TempDir(), "--output", to}, exitInput}, {[]string{rules, "--output", log}, exitUsage}} {
		if got := run(t, nil, append([]string{"rules", "import-sigma"}, c.args...)...); got.status != c.status {
			t.Errorf("%v: status %d, want %d", c.args, got.status, c.status)
		}
	}
}

// Many refusals are summed up at the end, by reason.
func TestImportSigmaCountsReasons(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, windows, _ := strings.Cut(sigmaRules, "---\n")
	text := strings.Repeat(windows+"---\n", 20) + strings.ReplaceAll(windows, "windows", "linux")
	if err := os.WriteFile(filepath.Join(dir, "all.yml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	got := run(t, nil, "rules", "import-sigma", dir, "--output", t.TempDir())
	want := "not imported:\n     20  no class of ours has the events of logsource product windows\n      1  no class of ours has the events of logsource product linux\n"
	if strings.Count(got.err, "all.yml:") != 21 || !strings.HasSuffix(got.err, want) {
		t.Errorf("got %s, want at its end %s", got.err, want)
	}
}

func TestScanRunsSigmaRules(t *testing.T) {
	t.Parallel()
	rules, log := sigmaFolder(t)
	alone := run(t, nil, "scan", "--sigma", rules, "--output", "json", log)
	if alone.status != exitBad || strings.Count(alone.out, "\n") != 1 || !strings.Contains(alone.err, "1 alert of 1 rule") || !strings.Contains(alone.err, "Of Windows: no class") {
		t.Errorf("alone: status %d, %s%s", alone.status, alone.out, alone.err)
	}
	both := run(t, nil, "scan", "--sigma", rules, "--rules", ruleFolder(t), "--output", "json", log)
	if both.status != exitBad || !strings.Contains(both.out, "root-signed-in") || !strings.Contains(both.err, "2 rules") {
		t.Errorf("beside others: status %d, %s%s", both.status, both.out, both.err)
	}
	if one := run(t, nil, "scan", "--sigma", rules, "--rule", "root-signed-im", log); one.status != exitUsage || !strings.Contains(one.err, `did you mean "root-signed-in"?`) {
		t.Errorf("--rule: status %d, %s", one.status, one.err)
	}
	if none := run(t, nil, "scan", "--sigma", filepath.Join(rules, "none"), log); none.status != exitInput {
		t.Errorf("no such folder: status %d, %s", none.status, none.err)
	}
}

const sigmaChain = `title: Failed Sign-In
name: failed
logsource: { product: aws, service: cloudtrail }
detection: { selection: { eventName: ConsoleLogin, responseElements.ConsoleLogin: Failure }, condition: selection }
---
title: Signed In
name: good
logsource: { product: aws, service: cloudtrail }
detection: { selection: { eventName: ConsoleLogin, responseElements.ConsoleLogin: Success }, condition: selection }
---
title: Many Failed
name: many
correlation: { type: event_count, rules: [failed], group-by: [userIdentity.arn], timespan: 10m, condition: { gte: 3 } }
---
title: Many Failed Then One Good
correlation: { type: temporal_ordered, rules: [many, good], group-by: [userIdentity.arn], timespan: 1h }
level: critical
`

// A correlation over a correlation fires on its alerts: after three failures a success, and not after two.
func TestScanRunsCorrelationsOverCorrelations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rules := filepath.Join(dir, "chain.yml")
	if err := os.WriteFile(rules, []byte(sigmaChain), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		outcomes string
		want     bool
	}{{"FFFS", true}, {"FFS", false}, {"SFFF", false}} {
		var log strings.Builder
		for i, o := range c.outcomes {
			outcome := map[rune]string{'F': "Failure", 'S': "Success"}[o]
			log.WriteString(strings.NewReplacer("09:14:07", "09:1"+string(rune('0'+i))+":00", "e1", "e"+string(rune('0'+i)),
				`"Root"`, `"Root","userName":"x"`, "\n", "", `"eventID"`, `"responseElements":{"ConsoleLogin":"`+outcome+`"},"eventID"`).Replace(rootLogin) + "\n")
		}
		name := filepath.Join(dir, c.outcomes+".json")
		if err := os.WriteFile(name, []byte(log.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		got := run(t, nil, "scan", "--sigma", rules, "--output", "json", name)
		if fired := strings.Contains(got.out, `"rule_id":"many-failed-then-one-good"`); fired != c.want {
			t.Errorf("%s: fired %t, want %t: %s%s", c.outcomes, fired, c.want, got.out, got.err)
		}
	}
}
