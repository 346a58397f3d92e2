package cli

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
	"github.com/shrike-sec/shrike/pkg/web"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == clickhouse.ChildCommand {
		os.Exit(clickhouse.Child(os.Args[2:]))
	}
	if os.Getenv(asShrike) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		os.Exit(Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline, tick := time.After(2*time.Minute), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// The way a person goes on one machine: run, send, alerts, hunt, status.
func TestRunAndTheCommandsThatTalkToIt(t *testing.T) {
	if _, err := clickhouse.Library(""); err != nil {
		if os.Getenv(clickhousetest.RequireEnv) != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	data, rules := filepath.Join(dir, "data"), ruleFolder(t)
	cfg := write(t, filepath.Join(dir, "c.yml"), "data_dir: "+data+"\nrules: { paths: ["+rules+"] }\n"+
		"listen: { address: 127.0.0.1:0, ingest_address: 127.0.0.1:0, metrics_address: 127.0.0.1:0 }\nlog: { level: warn }\n")
	if got := run(t, nil, "status", "-c", cfg); got.status != exitBad || !strings.Contains(got.err, "shrike run") {
		t.Errorf("status of nothing: %+v", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan result, 1)
	go func() { ended <- runContext(ctx, nil, "run", "-c", cfg) }()
	t.Cleanup(func() {
		stop()
		if got := <-ended; got.status != 0 {
			t.Errorf("run ended with %+v", got)
		}
		if _, err := app.ReadEndpoints(data); err == nil {
			t.Error("run left its endpoints behind")
		}
	})
	var at *app.Endpoints
	eventually(t, "run.json", func() (ok bool) {
		select {
		case got := <-ended:
			ended <- got
			t.Fatalf("run ended: %+v", got)
		default:
		}
		var err error
		at, err = app.ReadEndpoints(data)
		return err == nil
	})
	eventually(t, "health", func() bool { return run(t, nil, "health", "--url", at.MetricsURL).status == 0 })

	now := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339)
	trail := write(t, filepath.Join(dir, "trail"), strings.ReplaceAll(login(1), "2026-03-01T09:01:00Z", now)+"garbage\n")
	if got := run(t, nil, "send", "-c", cfg, trail); got.status != 0 || !strings.Contains(got.err, "sent 2 records") {
		t.Fatalf("send: %+v", got)
	}
	var found struct{ ID, RuleID string }
	eventually(t, "the alert", func() bool {
		got := run(t, nil, "alerts", "-c", cfg, "-o", "json", "--since", "2h", "--severity", "medium")
		return got.status == 0 && json.Unmarshal([]byte(got.out), &found) == nil
	})
	if got := run(t, nil, "alerts", "-c", cfg, found.ID); got.status != 0 || !strings.Contains(got.out, "Ask the owner of 111122223333.") {
		t.Errorf("alerts ID: %+v", got)
	}
	for _, args := range [][]string{{"--severity", "high"}, {"--rule", "other"}, {"--until", "2h"}} {
		if got := run(t, nil, append([]string{"alerts", "-c", cfg}, args...)...); got.status != 0 || got.out != "" {
			t.Errorf("alerts %v: %+v, want none", args, got)
		}
	}
	if got := run(t, nil, "alerts", "-c", cfg, strings.Repeat("0", 32)); got.status != exitBad {
		t.Errorf("alerts of an unknown id: %+v", got)
	}
	testHunts(t, cfg)
	var status web.Status
	eventually(t, "all to be stored", func() bool {
		got := run(t, nil, "status", "-c", cfg, "-o", "json")
		return got.status == 0 && json.Unmarshal([]byte(got.out), &status) == nil &&
			len(status.Sources) == 1 && status.Sources[0].Events == 1 && status.Sources[0].DeadLetters == 1
	})
	if got := run(t, nil, "status", "-c", cfg); got.status != 0 || !strings.Contains(got.out, "records.api") || !strings.Contains(got.out, status.Rules.Hash) {
		t.Errorf("status: %+v", got)
	}
	testStatusOfBrokenRules(t, cfg, rules)
	testLintOfQueries(t, cfg)
	if got := run(t, nil, "migrate", "-c", cfg); got.status != 0 || got.out != "up to date\n" {
		t.Errorf("migrate: %+v", got)
	}
	if got := run(t, nil, "token", "-c", cfg); got.status != 0 || len(got.out) < 32 {
		t.Errorf("token: %+v", got)
	}
}

// testStatusOfBrokenRules: status tells what is wrong with files that do not load, and which rules are in force meanwhile.
func testStatusOfBrokenRules(t *testing.T, cfg, rules string) {
	t.Helper()
	file := filepath.Join(rules, "root-login.yml")
	write(t, file, strings.Replace(testRule, "severity: medium", "severity: hihg", 1))
	eventually(t, "the failure", func() bool {
		got := run(t, nil, "status", "-c", cfg)
		return got.status == exitBad && strings.Contains(got.out, "yes, tried") && strings.Contains(got.err, "root-login.yml:3:11: severity must be one of")
	})
	write(t, file, testRule)
	eventually(t, "its end", func() bool {
		got := run(t, nil, "status", "-c", cfg)
		return got.status == 0 && strings.Contains(got.out, "FILES BROKEN") && !strings.Contains(got.out, "yes, tried")
	})
}

// testLintOfQueries: ClickHouse says what is wrong with a pivot, at its place.
func testLintOfQueries(t *testing.T, cfg string) {
	t.Helper()
	pivots := "pivots:\n  fine: SELECT actor FROM api WHERE src_ip = {src_ip:IPv6} AND event_time >= {first_event_time:DateTime64(9)}\n" +
		"  typo: SELECT acctor FROM api\nattack:"
	file := write(t, filepath.Join(t.TempDir(), "root-login.yml"), strings.Replace(testRule, "attack:", pivots, 1))
	if got := run(t, nil, "rules", "lint", file); got.status != 0 {
		t.Errorf("lint: %+v", got)
	}
	got := run(t, nil, "rules", "lint", "--queries", "-c", cfg, file)
	if got.status != exitUsage || strings.Count(got.out, "root-login.yml:") != 1 || !strings.Contains(got.out, `:3: pivot "typo": `) || !strings.Contains(got.out, "acctor") {
		t.Errorf("lint --queries: %+v", got)
	}
}

func testHunts(t *testing.T, cfg string) {
	t.Helper()
	query := "SELECT event_name, src_ip, mfa FROM api WHERE actor_type = {who:String}"
	eventually(t, "the event in ClickHouse", func() bool {
		got := run(t, nil, "hunt", "-c", cfg, query, "--param", "who=Root", "-o", "csv")
		return got.status == 0 && got.out == "event_name,src_ip,mfa\nConsoleLogin,198.51.100.7,\n"
	})
	for _, tc := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{query, "-p", "who=Root", "-o", "json"}, 0, `{"event_name":"ConsoleLogin","src_ip":"198.51.100.7","mfa":null}`},
		{[]string{query, "-p", "who=Root"}, 0, "ConsoleLogin"},
		{[]string{"root-activity"}, 0, "ConsoleLogin"},
		{[]string{"--list"}, 0, "root-activity"},
		{[]string{"-"}, 0, "42"},
		{[]string{"SELECT number FROM numbers(10)", "--limit", "3", "-o", "csv"}, 0, "number\n0\n1\n2\n"},
		{[]string{"SELEC 1"}, exitUsage, "Syntax error"},
		{[]string{"DROP TABLE api"}, exitUsage, "refused"},
		{[]string{"INSERT INTO api (region) VALUES ('x')"}, exitUsage, "refused"},
		{[]string{"SELECT * FROM file('/etc/passwd', 'LineAsString')"}, exitUsage, "refused"},
		{[]string{"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')"}, exitUsage, "refused"},
		{[]string{"SELECT name FROM system.users SETTINGS readonly = 0"}, exitUsage, "refused"},
		{[]string{"no-such-hunt"}, exitUsage, "no query is named"},
		{[]string{query, "-p", "Root"}, exitUsage, "name=value"},
		{[]string{query, "--limit", "-1"}, exitUsage, "--limit"},
		{[]string{query, "--timeout", "0s"}, exitUsage, "--timeout"},
	} {
		got := run(t, strings.NewReader("SELECT 6 * 7\n"), append([]string{"hunt", "-c", cfg}, tc.args...)...)
		if got.status != tc.status || !strings.Contains(got.out+got.err, tc.want) {
			t.Errorf("hunt %v: %+v, want status %d and %q", tc.args, got, tc.status, tc.want)
		}
	}
}
