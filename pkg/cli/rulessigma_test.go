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

const sigmaPlaceholder = `title: An Administrator Signed In
logsource: { product: aws, service: cloudtrail }
detection: { selection: { eventName: ConsoleLogin, userIdentity.type|expand: '%Admin_Types%' }, condition: selection }
`

// Placeholders are filled in from the lists that --lists names: files, a folder of them, or the pack's folder around that.
func TestSigmaPlaceholdersAreFilledInFromLists(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	if err := os.MkdirAll(in("pack/lists"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"rule.yml": sigmaPlaceholder, "log.json": rootLogin, "bad.yml": "id: other\ntitle: x\nvalues: [a]\n",
		"pack/lists/admin-types.yml": "id: admin-types\ntitle: Who administers\nvalues: [ROOT, ops-*]\n"} {
		if err := os.WriteFile(in(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, lists := range []string{"pack", "pack/lists", "pack/lists/admin-types.yml"} {
		to := t.TempDir()
		if got := run(t, nil, "rules", "import-sigma", in("rule.yml"), "--output", to, "--lists", in(lists)); got.status != exitOK {
			t.Errorf("import, --lists %s: status %d, %s%s", lists, got.status, got.out, got.err)
		}
		if got := run(t, nil, "scan", "--rules", to, in("log.json")); got.status != exitBad || !strings.Contains(got.err, "1 alert of 1 rule") {
			t.Errorf("the written rule, --lists %s: status %d, %s", lists, got.status, got.err)
		}
		if got := run(t, nil, "scan", "--sigma", in("rule.yml"), "--lists", in(lists), in("log.json")); got.status != exitBad || !strings.Contains(got.err, "1 alert of 1 rule") {
			t.Errorf("scan, --lists %s: status %d, %s", lists, got.status, got.err)
		}
	}
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--sigma", in("rule.yml")}, exitOK, "%Admin_Types% stands for values of yours, and no list has them: write admin-types.yml (id, title, values), and name its folder by --lists"},
		{[]string{"--sigma", in("rule.yml"), "--lists", in("bad.yml")}, exitUsage, `id must be the file's name, "bad", not "other"`},
		{[]string{"--sigma", in("rule.yml"), "--lists", in("none")}, exitUsage, "none: cannot be read: no such file"},
		{[]string{"--sigma", in("rule.yml"), "--lists", t.TempDir()}, exitUsage, "no list (*.yml) is in this folder"},
		{[]string{"--lists", in("pack")}, exitUsage, "--lists is for the placeholders of --sigma"},
	} {
		if got := run(t, nil, append([]string{"scan", in("log.json")}, c.args...)...); got.status != c.status || !strings.Contains(got.err, c.want) {
			t.Errorf("%v: status %d, %s", c.args, got.status, got.err)
		}
	}
}
