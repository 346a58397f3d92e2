package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"
)

// result is what one run of the program left behind.
type result struct {
	status   int
	out, err string
}

func run(t testing.TB, stdin io.Reader, args ...string) result {
	t.Helper()
	return runContext(t.Context(), stdin, args...)
}

func runContext(ctx context.Context, stdin io.Reader, args ...string) result {
	var out, errs bytes.Buffer
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	status := Main(ctx, args, stdin, &out, &errs)
	return result{status, out.String(), errs.String()}
}

func write(t testing.TB, path, data string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func zipped(t testing.TB, data string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(data))
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func login(minute int) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","eventTime":"2026-03-01T09:%02d:00Z","eventSource":"signin.amazonaws.com",`+
		`"eventName":"ConsoleLogin","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","eventID":"e-%d","eventType":"AwsConsoleSignIn",`+
		`"userIdentity":{"type":"Root","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"},"responseElements":{"ConsoleLogin":"Success"}}`+"\n",
		minute, minute)
}

const access = `203.0.113.9 - - [01/Mar/2026:09:00:01 +0000] "GET /a HTTP/1.1" 200 120 "-" "curl/8"` + "\n"

const testRule = `id: root-login
title: "Root of {account_id} signed in from {src_ip} as {user_agent}"
severity: medium
class: api
outcome: any
when: |
  event_name == "ConsoleLogin" and actor_type == "Root"
group_by: [account_id]
dedup: 1h
show: [src_ip, user_agent]
attack: [T1078.004]
tags: [A01]
false_positives: [A planned sign-in.]
runbook: Ask the owner of {account_id}.
tests:
  - name: root
    logs:
      - raw: |
          {"eventVersion":"1.11","eventTime":"2026-03-01T09:14:07Z","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","eventID":"e-1",
           "sourceIPAddress":"198.51.100.7","userIdentity":{"type":"Root","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"},
           "responseElements":{"ConsoleLogin":"Success"}}
    alerts: [{ severity: medium, count: 1, group: { account_id: 111122223333 } }]
  - name: not root
    logs: [{ like: root, replace: { '"type":"Root"': '"type":"IAMUser"' } }]
    alerts: []
`

func ruleFolder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "root-login.yml"), testRule)
	return dir
}

func TestEveryCommandShowsExamples(t *testing.T) {
	t.Parallel()
	s := &shell{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Example == "" || c.Short == "" || !c.Runnable() {
			t.Errorf("command %q has no example, no short text or does nothing", c.CommandPath())
		}
		args := strings.Fields(strings.TrimPrefix(c.CommandPath(), "shrike"))
		if got := run(t, nil, append(args, "--help")...); got.status != 0 || !strings.Contains(got.out, "Examples:") {
			t.Errorf("%s --help: %+v", c.CommandPath(), got)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	root := s.root()
	walk(root)
	for name := range strings.FieldsSeq("run ingest store detect correlate notify serve scan send parse hunt alerts rules status health migrate demo check init token version") {
		if c, _, err := root.Find([]string{name}); err != nil || c == root {
			t.Errorf("there is no command %s", name)
		}
	}
}

func TestUsageErrorsEndWithStatus2(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	broken := write(t, filepath.Join(dir, "broken.yml"), "kafak: {}\nlog: { level: loud }\n")
	rules := write(t, filepath.Join(dir, "rules", "root-login.yml"), strings.Replace(testRule, "severity: medium", "severity: hihg", 1))
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"scna"}, "unknown command"},
		{[]string{"--nope"}, "unknown flag: --nope"},
		{[]string{"parse"}, "requires at least 1 arg"},
		{[]string{"scan"}, "requires at least 1 arg"},
		{[]string{"scan", "--outptu", "json", dir}, "unknown flag"},
		{[]string{"scan", "--output", "xml", dir}, `--output is "xml", not one of table, json`},
		{[]string{"scan", "--fail-on", "bad", dir}, "--fail-on"},
		{[]string{"scan", "--since", "yesterday", dir}, "--since"},
		{[]string{"scan", "--rules", ruleFolder(t), "--rule", "root-lgoin", dir}, `did you mean "root-login"?`},
		{[]string{"scan", "--rules", rules, dir}, "root-login.yml:3:11"},
		{[]string{"scan", "--rules", filepath.Join(dir, "none"), dir}, "none"},
		{[]string{"rules"}, "say which: "},
		{[]string{"rules", "lnit"}, "unknown command"},
		{[]string{"parse", "--format", "cludtrail", broken}, "--format"},
		{[]string{"parse", "--layout", "a b", broken}, "--layout needs --format"},
		{[]string{"parse", "--format", "nginx", "--layout", "a b", broken}, "format nginx has no layouts"},
		{[]string{"parse", "--format", "vpcflow", "--layout", "srcadr", broken}, "the layout names no columns of vpcflow: srcadr"},
		{[]string{"check", "--config", broken}, `broken.yml:1:1: unknown key "kafak" (did you mean "kafka"?)`},
		{[]string{"check", "--config", broken}, "broken.yml:2:8: log.level"},
		{[]string{"check", "--config", filepath.Join(dir, "none.yml")}, "does not exist"},
		{[]string{"check", "--log-level", "loud"}, "--log-level"},
		{[]string{"run", "--config", broken}, "kafak"},
		{[]string{"run", "--without", "no-such-rule"}, "no-such-rule"},
		{[]string{"version", "surplus"}, "unknown command"},
		{[]string{"hunt"}, "query"},
		{[]string{"init"}, "secrets"},
		{[]string{"token", "--ingest"}, "ingest_token_file is not configured"},
		{[]string{"send", "--to", "localhost", broken}, "--to"},
	} {
		got := run(t, nil, tc.args...)
		if got.status != exitUsage || !strings.Contains(got.err, tc.want) || got.out != "" && tc.args[0] != "rules" {
			t.Errorf("shrike %s: status %d, stdout %q, stderr\n%s\nwant status 2 and %q", strings.Join(tc.args, " "), got.status, got.out, got.err, tc.want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := write(t, filepath.Join(dir, "c.yml"), "rules: { paths: ["+ruleFolder(t)+"] }\nreceivers: [{ slack: { name: a, url: 'https://x.example.com/top-secret' } }]\n")
	if got := run(t, nil, "check", "--config", cfg); got.status != 0 || got.out != "configuration is good: 1 rule, 0 sources, 1 receiver\n" {
		t.Errorf("check: %+v", got)
	}
	if got := run(t, nil, "check", "--config", cfg, "--print"); got.status != 0 || strings.Contains(got.out, "top-secret") || !strings.Contains(got.out, "<secret>") {
		t.Errorf("check --print: %+v", got)
	}
	missing := write(t, filepath.Join(dir, "m.yml"), "listen: { token_file: "+filepath.Join(dir, "none")+" }\n"+
		"sources: [{ file: { name: a, paths: [b], digest_keys_file: "+filepath.Join(dir, "keyless")+" } }]\n")
	if got := run(t, nil, "check", "--config", missing); got.status != exitUsage || !strings.Contains(got.err, "none") || !strings.Contains(got.err, "keyless") {
		t.Errorf("check with missing files: %+v", got)
	}
	format := write(t, filepath.Join(dir, "f.yml"), "sources: [{ file: { name: a, paths: [b], format: ngnix } }]\n")
	if got := run(t, nil, "check", "--config", format); got.status != exitUsage || !strings.Contains(got.err, `no format is named "ngnix"`) {
		t.Errorf("check with an unknown format: %+v", got)
	}
	if got := run(t, nil, "check"); got.status != 0 {
		t.Errorf("check without a file: %+v", got)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := write(t, filepath.Join(dir, "access.log"), access+"no log line\n"+access)
	gz := write(t, filepath.Join(dir, "trail"), zipped(t, `{"Records":[`+login(1)+`]}`))
	got := run(t, strings.NewReader(login(2)), "parse", plain, gz, "-")
	if got.status != 0 {
		t.Fatalf("parse: %+v", got)
	}
	var classes []string
	for line := range strings.Lines(got.out) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("not JSON: %q", line)
		}
		classes = append(classes, fmt.Sprint(e["class"], e["event_name"]))
	}
	if want := "http<nil> http<nil> apiConsoleLogin apiConsoleLogin"; strings.Join(classes, " ") != want {
		t.Errorf("events are %v, want %s", classes, want)
	}
	if want := plain + ":2: unknown_format: "; !strings.HasPrefix(got.err, want) {
		t.Errorf("stderr is %q, want it to begin with %q", got.err, want)
	}
	got = run(t, strings.NewReader("10.0.0.1 10.0.0.2 80 x 1772356447\n"), "parse", "-", "--format", "vpcflow", "--layout", "${srcaddr} ${dstaddr} ${dstport} ${new-one} ${start}")
	if got.status != 0 || !strings.Contains(got.out, `"dst_ip":"10.0.0.2"`) || !strings.Contains(got.out, `"unmapped":{"new-one":"x"}`) || !strings.Contains(got.err, `no column "new-one"`) {
		t.Errorf("parse with the template of a flow log: %+v", got)
	}
	got = run(t, nil, "parse", filepath.Join(dir, "none"), plain)
	if got.status != exitInput || strings.Count(got.out, "\n") != 2 || !strings.Contains(got.err, "no such file") {
		t.Errorf("parse of a missing and a good file: %+v", got)
	}
}

func TestScan(t *testing.T) {
	t.Parallel()
	rules := ruleFolder(t)
	trail := write(t, filepath.Join(t.TempDir(), "trail"), strings.Replace(login(1)+login(2), `"eventID"`, `"userAgent":"\u001b[2Jcurl\u202e","eventID"`, 1))
	got := run(t, nil, "scan", "--rules", rules, trail)
	if got.status != exitBad || !strings.Contains(got.out, "root-login") || strings.ContainsAny(got.out, "\x1b\u202e") {
		t.Errorf("scan: %+v", got)
	}
	if !strings.Contains(got.out, "2026-03-01 09:01:00") || !strings.Contains(got.err, "2 records in 1 file: 2 events, 0 dead letters") ||
		!strings.Contains(got.err, "from 2026-03-01T09:01:00Z to 2026-03-01T09:02:00Z (1m)") {
		t.Errorf("scan prints %+v", got)
	}
	mixed := write(t, filepath.Join(t.TempDir(), "AWSLogs", "1", "CloudTrail", "x.json"), login(1)+access+access)
	got = run(t, nil, "scan", "--rules", rules, mixed)
	if !strings.Contains(got.err, "  1 event: cloudtrail\n  2 events: nginx\n2 records not of the format that") {
		t.Errorf("scan of a file that is not what it is called: %s", got.err)
	}
	got = run(t, nil, "parse", "--format", "cloudtrail", mixed)
	if !strings.Contains(got.err, "2 records not of the format that --format") || strings.Count(got.out, "\n") != 3 {
		t.Errorf("parse of another format: %+v", got)
	}
	got = run(t, nil, "scan", "--rules", rules, "--output", "json", trail)
	var a struct {
		RuleID string `json:"rule_id"`
		Count  int
	}
	if err := json.Unmarshal([]byte(got.out), &a); err != nil || a.RuleID != "root-login" || a.Count != 2 {
		t.Errorf("scan --output json: %q %v", got.out, err)
	}
	for _, tc := range []struct {
		want int
		args []string
	}{
		{exitBad, []string{"--fail-on", "medium"}}, {exitOK, []string{"--fail-on", "high"}}, {exitOK, []string{"--fail-on", "never"}},
		{exitOK, []string{"--since", "2026-03-02"}}, {exitBad, []string{"--until", "2026-03-01T09:01:30Z"}}, {exitOK, []string{"--until", "2026-03-01"}},
		{exitBad, []string{"--rule", "root-login"}}, {exitInput, []string{filepath.Join(rules, "none")}},
	} {
		if got := run(t, nil, append([]string{"scan", "--rules", rules, trail}, tc.args...)...); got.status != tc.want {
			t.Errorf("scan %v: status %d, want %d: %s", tc.args, got.status, tc.want, got.err)
		}
	}
}

// A summary says of dead letters what to do about them, the commonest first.
func TestScanSaysWhatWasWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table := write(t, filepath.Join(dir, "event_history.csv"), "Event name,Event time\n"+strings.Repeat("ConsoleLogin,2026-03-01T09:14:07Z\n", 2))
	got := run(t, nil, "scan", "--fail-on", "never", table, write(t, filepath.Join(dir, "x.log"), "hello\n"))
	want := "  3 dead letters: unknown_format\n    2: CloudTrail's event history as CSV lacks most of each record: download it as JSON\n    1: no format"
	if got.status != 0 || !strings.Contains(got.err, want) {
		t.Errorf("status %d, stderr %s; want %s", got.status, got.err, want)
	}
}

// Whatever is in a file, the program neither crashes nor drops it without a word.
func TestGarbage(t *testing.T) {
	t.Parallel()
	rules := ruleFolder(t)
	dir := t.TempDir()
	gz := zipped(t, strings.Repeat(access, 1000))
	for _, tc := range []struct{ name, data, reason string }{
		{"empty", "", ""},
		{"blank lines", "\n\n \n", ""},
		{"NUL bytes", "\x00\x00\x00\n", "unknown_format"},
		{"invalid UTF-8", "\xff\xfe\xfd hello\n", "unknown_format"},
		{"a 50 MB line", strings.Repeat("a", 50<<20) + "\n" + access, "too_long"},
		{"a truncated gzip", gz[:len(gz)-20], "truncated"},
		{"a truncated document", `{"Records":[` + login(1) + `,{"eventVersion":"1.1`, "truncated"},
		{"an S3 notice", `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2026-03-01T09:00:00.000Z","eventName":"ObjectCreated:Put","s3":{"s3SchemaVersion":"1.0","bucket":{"name":"b"},"object":{"key":"k","size":1}}}]}`, "notice"},
		{"deep JSON", strings.Repeat("[", 200_000) + "\n" + access, ""},
		{"random bytes", "\x1f\x8b\x08\x00garbage\n", "truncated"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, filepath.Join(dir, strings.ReplaceAll(tc.name, " ", "-")), tc.data)
			for _, args := range [][]string{{"parse", path}, {"scan", "--rules", rules, "--fail-on", "never", path}} {
				got := run(t, nil, args...)
				if got.status != 0 || !strings.Contains(got.err, tc.reason) {
					t.Errorf("%s: status %d, stderr %.400q; want 0 and %q", args[0], got.status, got.err, tc.reason)
				}
			}
		})
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	rules := ruleFolder(t)
	if got := run(t, nil, "rules", "lint", rules); got.status != 0 || got.out != "well-formed: 1 rule with 2 tests\n" {
		t.Errorf("rules lint: %+v", got)
	}
	if got := run(t, nil, "rules", "test", rules, "--verbose"); got.status != 0 || !strings.Contains(got.out, "2 tests of 1 rule: 2 passed, 0 failed") || !strings.Contains(got.out, "ok   root-login: not root") {
		t.Errorf("rules test: %+v", got)
	}
	if got := run(t, nil, "rules", "list", rules); got.status != 0 || !strings.Contains(got.out, "root-login") || !strings.Contains(got.out, "T1078.004") {
		t.Errorf("rules list: %+v", got)
	}
	var line map[string]any
	if got := run(t, nil, "rules", "list", "-o", "json", rules); got.status != 0 || json.Unmarshal([]byte(got.out), &line) != nil || line["kind"] != "match" {
		t.Errorf("rules list -o json: %+v", got)
	}
	wrong := write(t, filepath.Join(t.TempDir(), "root-login.yml"), strings.Replace(testRule, "severity: medium, count: 1", "severity: medium, count: 2", 1))
	if got := run(t, nil, "rules", "test", wrong); got.status != exitBad || !strings.Contains(got.out, "FAIL root-login: root") || !strings.Contains(got.out, "1 passed, 1 failed") {
		t.Errorf("rules test of a rule whose test is wrong: %+v", got)
	}
}

func TestBuiltInRulesAreGood(t *testing.T) {
	t.Parallel()
	if got := run(t, nil, "rules", "lint"); got.status != 0 {
		t.Errorf("rules lint: %+v", got)
	}
}

func TestHealthOfNothing(t *testing.T) {
	t.Parallel()
	if got := run(t, nil, "health", "--url", "http://127.0.0.1:1"); got.status != exitBad || !strings.Contains(got.err, "ask for health") {
		t.Errorf("health: %+v", got)
	}
}

func TestInitMakesSecretsOnceAndTokenPrintsThem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"init", "--secrets", dir, "--clickhouse-users", t.TempDir()}
	if got := run(t, nil, args...); got.status != 0 || !strings.Contains(got.out, "ingest_token") {
		t.Fatalf("init: %+v", got)
	}
	cfg := write(t, filepath.Join(dir, "c.yml"), "listen: { token_file: "+dir+"/token, ingest_token_file: "+dir+"/ingest_token }\n")
	tokens := func() (result, result) {
		return run(t, nil, "token", "-c", cfg), run(t, nil, "token", "-c", cfg, "--ingest")
	}
	api, ingest := tokens()
	if api.status != 0 || ingest.status != 0 || len(strings.TrimSpace(api.out)) < 32 || api.out == ingest.out {
		t.Errorf("tokens: %+v and %+v", api, ingest)
	}
	if got := run(t, nil, args...); got.status != 0 || got.out != "" {
		t.Errorf("init again: %+v", got)
	}
	if again, _ := tokens(); again != api {
		t.Errorf("init again changed the token")
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain é 日本": "plain é 日本", "\x1b[31m": `\x1b[31m`, "a\nb": `a\nb`, "x\u202ey": `x\u202ey`, "\xff": `\ufffd`, "\u009b": `\u009b`,
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

// What JSON leaves as it is may still move a terminal's cursor or reverse its text; what is printed means the same.
func TestPrintedJSONIsHarmless(t *testing.T) {
	t.Parallel()
	const text = "\x1b[31m \x7f \u009b31m \u202e \U000e0041 é 日本"
	var out bytes.Buffer
	if err := printJSON(&out, text); err != nil {
		t.Fatal(err)
	}
	if want := `"\u001b[31m \u007f \u009b31m \u202e \udb40\udc41 é 日本"` + "\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	var again string
	if err := json.Unmarshal(out.Bytes(), &again); err != nil || again != text {
		t.Errorf("read again: %q and %v, want %q", again, err, text)
	}
}

// A file's name is shown without what a terminal obeys.
func TestErrorsAreHarmless(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := &shell{err: &out, started: true}
	s.status(errors.New("open \x1b[2Jx.gz: no such file\nopen y: no such file"))
	if want := "shrike: open \\x1b[2Jx.gz: no such file\nopen y: no such file\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}
