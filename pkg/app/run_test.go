package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest"
	"go.uber.org/zap/zaptest/observer"

	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
	"github.com/shrike-sec/shrike/pkg/store"
)

// TestMain lets this binary be the engine's process too, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == clickhouse.ChildCommand {
		os.Exit(clickhouse.Child(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("test.yml", []byte(text+"\nlisten: { address: 127.0.0.1:0, ingest_address: 127.0.0.1:0, metrics_address: 127.0.0.1:0 }\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// until waits for a condition.
func until(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline, tick := time.After(within), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %s", what, within)
		}
	}
}

// One process with everything in it stores what it is sent, also after its engine was killed, and stops in time leaving
// nothing behind. What it exports is as Prometheus wants it.
func TestRunAllRoles(t *testing.T) {
	clickhousetest.Need(t)
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	a, err := New(parse(t, "data_dir: "+dir), Options{Roles: AllRoles(), Log: zaptest.NewLogger(t, zaptest.Level(zap.DPanicLevel))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	select {
	case <-a.Ready():
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatal("not ready within a minute")
	}
	for _, name := range []string{"token", "run.json"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 600", name, info, err)
		}
	}
	s := openStore(t, a)
	stores := func(n int) func() bool {
		return func() bool {
			rows, err := s.Audit(t.Context())
			var sum int64
			for _, r := range rows {
				sum += r.Events
			}
			return err == nil && sum == int64(n)
		}
	}
	postLine(t, a, 1)
	until(t, 30*time.Second, "the record in ClickHouse", stores(1))
	if problems, err := testutil.GatherAndLint(a.metrics); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
	killEngine(t)
	postLine(t, a, 2) // Kafka takes it meanwhile
	until(t, 30*time.Second, "the record sent while the engine was dead", stores(2))

	_ = s.Close()
	http.DefaultClient.CloseIdleConnections()
	stopped := time.Now()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
	if took := time.Since(stopped); took > stopWithin {
		t.Errorf("stopping took %s, want at most %s", took, stopWithin)
	}
	if _, err := os.Stat(filepath.Join(dir, "run.json")); !os.IsNotExist(err) {
		t.Errorf("run.json is there after the end: %v", err)
	}
	if pids := enginePids(t); len(pids) > 0 {
		t.Errorf("engines left behind: %v", pids)
	}
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

func openStore(t *testing.T, a *App) *store.Store {
	t.Helper()
	e := a.Endpoints()
	s, err := store.Open(t.Context(), store.Config{
		Addrs: []string{e.ClickHouse}, Database: e.ClickHouseDatabase, User: e.ServiceUser, Password: e.ServicePassword,
	}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func postLine(t *testing.T, a *App, n int) {
	t.Helper()
	line := fmt.Sprintf("198.51.100.7 - - [%s] \"GET /%d HTTP/1.1\" 200 5 \"-\" \"curl\"\n", time.Now().Format("02/Jan/2006:15:04:05 -0700"), n)
	res, err := http.Post(a.Endpoints().IngestURL+"/v1/logs/nginx", "text/plain", strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("ingest answered %s", res.Status)
	}
}

// enginePids are the children of this process that are engines.
func enginePids(t *testing.T) (pids []int) {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		data, _ := os.ReadFile(list) // its thread may have ended
		for field := range strings.FieldsSeq(string(data)) {
			pid, _ := strconv.Atoi(field)
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if strings.Contains(string(line), clickhouse.ChildCommand) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func killEngine(t *testing.T) {
	t.Helper()
	pids := enginePids(t)
	if len(pids) != 1 {
		t.Fatalf("engines of this process: %v, want one", pids)
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// A part that cannot go on ends the process with its error, after the others have stopped.
func TestRunEndsWithThePartThatFails(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	cfg := parse(t, "data_dir: "+t.TempDir())
	cfg.Listen.MetricsAddress = config.Address(l.Addr().String())
	a, err := New(cfg, Options{Roles: AllRoles(), Log: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("run on a port that is taken: %v", err)
	}
}

// Without Kafka a role waits, says for whom and how long, and can be stopped.
func TestRunWaitsForKafka(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.WarnLevel)
	cfg := parse(t, "data_dir: "+t.TempDir()+"\nkafka: { brokers: [\"127.0.0.1:1\"] }\nclickhouse: { addresses: [\"127.0.0.1:1\"], hunter_user: h }")
	a, err := New(cfg, Options{Roles: []Role{RoleDetect}, Log: zap.New(core)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	waits := func() []observer.LoggedEntry { return logs.FilterMessage("wait for Kafka").All() }
	until(t, 30*time.Second, "two attempts", func() bool { return len(waits()) >= 2 })
	fields := waits()[1].ContextMap()
	if fmt.Sprint(fields["addresses"]) != "[127.0.0.1:1]" || fields["retry_in"] == nil || fields["error"] == nil {
		t.Errorf("the message does not say whom it waits for and why: %v", fields)
	}
	select {
	case <-a.Ready():
		t.Error("ready without Kafka")
	default:
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("stopped while waiting: %v", err)
	}
}
