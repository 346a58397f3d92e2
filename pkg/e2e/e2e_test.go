package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/scan"
	"github.com/shrike-sec/shrike/pkg/store"
)

// records is how many records the end-to-end tests send.
const records = 200_000

// TestWholeWay sends half a day of logs with three attacks through one process with both engines embedded: every record is in
// ClickHouse once, and each alert reaches the receiver once.
func TestWholeWay(t *testing.T) {
	r := newReceiver(t)
	cfg := parse(t, fmt.Sprintf(`
data_dir: %s
kafka: { partitions: 4 }
listen: { address: "127.0.0.1:0", ingest_address: "127.0.0.1:0", metrics_address: "127.0.0.1:0" }
receivers: [ { webhook: { name: test, url: "%s", secret: "%s" } } ]
`, t.TempDir(), r.URL, webhookSecret))
	a := start(t, cfg, app.AllRoles())
	w := newWorkload(t, 7, records*11/10)
	if w.records < records {
		t.Fatalf("simulated %d records, want %d", w.records, records)
	}
	for _, b := range w.bodies {
		post(t, a.Endpoints().IngestURL, b)
	}
	s := open(t, a)
	until(t, 3*time.Minute, "every record in ClickHouse once", func() (bool, string) { return accounted(t, s, w.records) })
	checkAlerts(t, r, w)
	checkCounts(t, s, w, builtinRules(t))
}

// checkCounts holds the stored alerts against those of a scan of the same records, which has no Kafka, no ranges and no
// crashes: the same ids, the same counts.
func checkCounts(t *testing.T, s *store.Store, w *workload, rules *rule.Set) {
	t.Helper()
	want := w.scan(t, rules)
	until(t, time.Minute, "the alerts of an uninterrupted scan", func() (bool, string) {
		stored, err := s.Alerts(context.Background(), store.AlertQuery{})
		if err != nil {
			return false, err.Error()
		}
		got := make(map[string]string, len(stored))
		for _, a := range stored {
			got[identify(&a, rules)] = describe(&a, rules)
		}
		diff := cmp.Diff(want, got)
		return diff == "", diff
	})
}

func builtinRules(t *testing.T) *rule.Set {
	t.Helper()
	rules, err := app.Rules(config.Default())
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// identify returns the alert's id, or of a rule over alerts what it is about: when an alert that it read fired may have moved
// after it was told, where partitions come at different speed, and be in another period.
func identify(a *alert.Alert, rules *rule.Set) string {
	if r := rules.Rule(a.RuleID); r != nil && r.OverAlerts() {
		return fmt.Sprintf("%s %v", a.RuleID, a.Group)
	}
	return a.ID
}

// describe says what must not depend on arrival order. Which event of a group was the first to have a value does, and when
// the alerts fired that a rule over alerts reads.
func describe(a *alert.Alert, rules *rule.Set) string {
	if r := rules.Rule(a.RuleID); r != nil && (r.FirstSeen != nil || r.OverAlerts()) {
		return fmt.Sprintf("%s %v", a.RuleID, a.Group)
	}
	return fmt.Sprintf("%s %v: %d from %s to %s", a.RuleID, a.Group, a.Count, a.FirstEventTime.UTC().Format(time.RFC3339Nano), a.LastEventTime.UTC().Format(time.RFC3339Nano))
}

// scan returns what the alerts of the workload should be, by what identify says.
func (w *workload) scan(t *testing.T, rules *rule.Set) map[string]string {
	t.Helper()
	dir := t.TempDir()
	for i, b := range w.bodies {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.%s.gz", i, b.format)), b.gz, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inputs, err := scan.Inputs([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	report, err := scan.Run(t.Context(), inputs, scan.Options{Formats: builtin.Formats(), Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	alerts := make(map[string]string, len(report.Alerts))
	for _, a := range report.Alerts {
		alerts[identify(&a, rules)] = describe(&a, rules)
	}
	return alerts
}

func checkAlerts(t *testing.T, r *receiver, w *workload) {
	t.Helper()
	until(t, 4*time.Minute, "every expected alert", func() (bool, string) {
		got := r.rules()
		for id := range w.want {
			if got[id] == 0 {
				return false, fmt.Sprintf("no alert of %s; got %v", id, got)
			}
		}
		return true, ""
	})
	for id := range r.rules() {
		if !w.want[id] {
			t.Errorf("alert of rule %s, which nothing should fire", id)
		}
	}
	if ids := r.repeated(); len(ids) > 0 {
		t.Errorf("alerts delivered more than once: %v", ids)
	}
}

func parse(t testing.TB, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("e2e.yml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// start runs the roles in this process until the test ends, and returns when they are ready.
func start(t testing.TB, cfg *config.Config, roles []app.Role) *app.App {
	t.Helper()
	a, stop := run(t, cfg, roles)
	t.Cleanup(stop)
	return a
}

// run is start with the stopping left to the caller.
func run(t testing.TB, cfg *config.Config, roles []app.Role) (a *app.App, stop func()) {
	t.Helper()
	a, err := app.New(cfg, app.Options{Roles: roles, Log: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }() // ends when stopped, which waits for it
	select {
	case <-a.Ready():
	case err := <-ended:
		t.Fatalf("run %v: %v", roles, err)
	case <-time.After(time.Minute):
		t.Fatalf("run %v: not ready within a minute", roles)
	}
	return a, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run %v: %v", roles, err)
		}
	}
}

func open(t testing.TB, a *app.App) *store.Store {
	t.Helper()
	e := a.Endpoints()
	s, err := store.Open(context.Background(), store.Config{
		Addrs: []string{e.ClickHouse}, Database: e.ClickHouseDatabase, User: e.ServiceUser, Password: e.ServicePassword,
	}, logger(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
