package deploy

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
)

var update = flag.Bool("update", false, "write the table of METRICS.md")

// The marks between which METRICS.md is generated.
const (
	beginMetrics = "<!-- generated: go test ./deploy -run Metrics -update -->\n"
	endMetrics   = "<!-- end of what is generated -->\n"
)

// open returns the labels whose values come from the configuration or the machine: only their names are documented.
func open() []string {
	return []string{"rule", "exception", "receiver", "source", "shard", "topic", "partition", "version", "revision", "go_version"}
}

// TestMetrics scrapes a Shrike that plays all roles and compares METRICS.md with what it serves. A name in the source
// that is not served fails too, so no metric can be forgotten.
func TestMetrics(t *testing.T) {
	t.Parallel()
	if _, err := clickhouse.Library(""); err != nil {
		if os.Getenv(clickhousetest.RequireEnv) != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	first := startShrike(t, dir) // the audit has nothing to say of an empty folder: something must be stored
	first.post(t)
	first.until(t, "a stored record", func(page string) bool { return strings.Contains(page, `shrike_insert_rows_total{table="api"} 1`) })
	first.stop()

	second := startShrike(t, dir)
	names := metricNames(t)
	var page string
	steady := time.Now()
	second.until(t, "every metric of the source", func(scraped string) bool {
		if table := metricsTable(t, scraped); table != page {
			page, steady = table, time.Now()
		}
		return time.Since(steady) > 2*time.Second && !slices.ContainsFunc(names, func(n string) bool { return !strings.Contains(page, "`"+n+"`") })
	})
	compareMetrics(t, page)
	problems, err := promlint.New(strings.NewReader(second.page)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func compareMetrics(t *testing.T, want string) {
	t.Helper()
	text, err := os.ReadFile("METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), beginMetrics)
	got, after, ok2 := strings.Cut(rest, endMetrics)
	if !ok1 || !ok2 {
		t.Fatalf("METRICS.md lacks the lines %q and %q", beginMetrics, endMetrics)
	}
	if *update {
		if err := os.WriteFile("METRICS.md", []byte(before+beginMetrics+want+endMetrics+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("METRICS.md is not what Shrike serves; run go test ./deploy -run Metrics -update (-want +got):\n%s", diff)
	}
}

// TestMetricsNamed: what the page says in its own words names metrics that exist.
func TestMetricsNamed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	names := metricNames(t)
	for _, name := range regexp.MustCompile(`shrike_[a-z_]+`).FindAllString(string(text), -1) {
		if !slices.Contains(names, name) {
			t.Errorf("METRICS.md names %s, which no package makes", name)
		}
	}
}

// metricNames reads the names of all metrics from the source.
func metricNames(t *testing.T) []string {
	t.Helper()
	others := []string{clickhouse.HunterUser, "shrike_session"} // a user, a cookie
	name := regexp.MustCompile(`^shrike_[a-z_]+$`)
	found := make(map[string]bool)
	err := filepath.WalkDir("../pkg", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, _ := strconv.Unquote(lit.Value); name.MatchString(text) && !slices.Contains(others, text) {
					found[text] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil || len(found) < 20 {
		t.Fatalf("found %d metrics: %v", len(found), err)
	}
	var names []string
	for n := range found {
		names = append(names, n)
	}
	return names
}

// metricsTable makes the Markdown table of a scraped page: one line a metric, with the values of closed labels.
func metricsTable(t *testing.T, page string) string {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for name, f := range families {
		if !strings.HasPrefix(name, "shrike_") {
			continue
		}
		values := make(map[string][]string)
		var order []string
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if _, known := values[l.GetName()]; !known {
					order = append(order, l.GetName())
				}
				values[l.GetName()] = append(values[l.GetName()], l.GetValue())
			}
		}
		slices.Sort(order)
		var labels []string
		for _, label := range order {
			text := "`" + label + "`"
			if !slices.Contains(open(), label) {
				slices.Sort(values[label])
				text += ": " + strings.Join(slices.Compact(values[label]), ", ")
			}
			labels = append(labels, text)
		}
		lines = append(lines, fmt.Sprintf("| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), strings.Join(labels, "; "), f.GetHelp()))
	}
	slices.Sort(lines)
	return "\n| metric | type | labels | meaning |\n|---|---|---|---|\n" + strings.Join(lines, "") + "\n"
}

// shrike is one that runs in this process.
type shrike struct {
	at   app.Endpoints
	page string // scraped last
	stop func()
}

// startShrike starts all roles on the folder and returns when they are ready.
func startShrike(t *testing.T, dir string) *shrike {
	t.Helper()
	exception := filepath.Join(dir, "rules", "exceptions", "root-is-planned.yml")
	if err := errors.Join(os.MkdirAll(filepath.Dir(exception), 0o700), os.WriteFile(exception, []byte(`id: root-is-planned
rule: aws-root-console-login
when: |
  src_ip == "192.0.2.1"
reason: So that there is one.
owner: nobody
expires: 2100-01-01
`), 0o600)); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse("metrics.yml", fmt.Appendf(nil, `
data_dir: %s
rules: { paths: [builtin, %s] }
listen: { address: "127.0.0.1:0", ingest_address: "127.0.0.1:0", metrics_address: "127.0.0.1:0" }
sources: [ { file: { name: logs, paths: [%s] } } ]
receivers: [ { slack: { name: chat, url: "http://127.0.0.1:1/" } } ]
`, dir, filepath.Join(dir, "rules"), filepath.Join(dir, "*.log")), nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(cfg, app.Options{Roles: app.AllRoles(), Log: zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }() // stop waits for it
	stopped := false
	s := &shrike{stop: func() {
		if cancel(); stopped {
			return
		}
		stopped = true
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}}
	t.Cleanup(s.stop)
	select {
	case <-a.Ready():
	case err := <-ended:
		ended <- err
		t.Fatalf("ended before it was ready: %v", err)
	}
	s.at = a.Endpoints()
	return s
}

// post sends one record that no rule wants.
func (s *shrike) post(t *testing.T) {
	t.Helper()
	record := fmt.Sprintf(`{"eventVersion":"1.11","eventTime":%q,"eventSource":"ec2.amazonaws.com","eventName":"DescribeInstances","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.7","eventID":"e-1","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/ada","accountId":"111122223333","userName":"ada"}}`,
		time.Now().UTC().Format(time.RFC3339))
	resp, err := http.Post(s.at.IngestURL+"/v1/logs/cloudtrail", "application/json", bytes.NewReader([]byte(record)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("post: %s", resp.Status)
	}
}

// until scrapes until the page is as wanted.
func (s *shrike) until(t *testing.T, what string, ok func(page string) bool) {
	t.Helper()
	deadline, tick := time.After(time.Minute), time.NewTicker(100*time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get(s.at.MetricsURL + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if s.page = string(page); ok(s.page) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s:\n%s", what, s.page)
		}
	}
}
