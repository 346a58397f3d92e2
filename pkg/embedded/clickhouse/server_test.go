package clickhouse_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
)

// parentEnv makes this binary a process that owns a server on the folder it names, and waits to be killed.
const parentEnv = "SHRIKE_TEST_CLICKHOUSE_PARENT"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentEnv); dir != "" {
		os.Unsetenv(parentEnv) // the server it starts is not a parent again
		s, err := clickhouse.Start(context.Background(), clickhousetest.Options(dir))
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println("pid", s.Pid())
		<-s.Done()
		os.Exit(0)
	}
	clickhousetest.Main(m)
}

func start(t testing.TB, o clickhouse.Options) *clickhouse.Server {
	t.Helper()
	s, err := clickhouse.Start(t.Context(), o)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func query(t testing.TB, s *clickhouse.Server, sql string) string {
	t.Helper()
	got, err := clickhousetest.Query(s, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

func TestKilledServerStartsAgainWithItsData(t *testing.T) {
	t.Parallel()
	clickhousetest.Need(t)
	o := clickhousetest.Options(t.TempDir())
	s := start(t, o)
	query(t, s, "CREATE DATABASE shrike ENGINE=Atomic")
	query(t, s, "CREATE TABLE shrike.t (n UInt64) ENGINE=MergeTree ORDER BY n")
	for round := range 3 {
		query(t, s, fmt.Sprintf("INSERT INTO shrike.t SELECT number+%d FROM numbers(1000)", round*1000))
		password := s.Password()
		if err := syscall.Kill(s.Pid(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		select {
		case <-s.Done():
		case <-time.After(10 * time.Second):
			t.Fatal("Done is not closed after the server died")
		}
		s = start(t, o)
		if s.Password() != password {
			t.Error("the password changed with a restart")
		}
		if got, want := query(t, s, "SELECT uniqExact(n) FROM shrike.t"), strconv.Itoa((round+1)*1000); got != want {
			t.Errorf("after kill %d: got %s rows, want %s", round+1, got, want)
		}
	}
	s.Close()
	s = start(t, o)
	if got := query(t, s, "SELECT count() FROM shrike.t"); got != "3000" {
		t.Errorf("after a clean end: got %s rows, want 3000", got)
	}
}

func TestServerEndsWithItsParent(t *testing.T) {
	t.Parallel()
	clickhousetest.Need(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	parent := exec.Command(self)
	parent.Env = append(os.Environ(), parentEnv+"="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "pid ")))
	if err != nil {
		t.Fatalf("parent said %q", line)
	}
	_ = syscall.Kill(pid, syscall.SIGSTOP) // as one that has much to end
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	time.AfterFunc(time.Second, func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	start(t, clickhousetest.Options(dir)) // at once, as who is restarted does: it waits for the folder
	deadline := time.After(15 * time.Second)
	for tick := time.Tick(20 * time.Millisecond); running(pid); {
		select {
		case <-deadline:
			t.Fatalf("server %d outlives its parent", pid)
		case <-tick:
		}
	}
}

// running is false for a zombie too: where nobody reaps orphans, that is what remains of an ended process.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestTwoServersOnOneFolder(t *testing.T) {
	t.Parallel()
	clickhousetest.Need(t)
	o := clickhousetest.Options(t.TempDir())
	start(t, o)
	if _, err := clickhouse.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "already running") {
		t.Errorf("got %v, want an error that says the folder is in use", err)
	}
}

func TestSecretsArePrivate(t *testing.T) {
	t.Parallel()
	clickhousetest.Need(t)
	dir := t.TempDir()
	s := start(t, clickhousetest.Options(dir))
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, filepath.Join(dir, "data")) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(path), got)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	users, err := os.ReadFile(filepath.Join(dir, "users.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(users), s.Password()) {
		t.Error("users.xml holds the password itself")
	}
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(cmdline), s.Password()) {
		t.Error("the command line shows the password")
	}
}

func TestUsersMayOnlyWhatTheyMust(t *testing.T) {
	t.Parallel()
	d := clickhousetest.Start(t)
	query(t, d.Server, "CREATE TABLE "+d.Name+".t (n UInt64) ENGINE=MergeTree ORDER BY n")
	query(t, d.Server, "INSERT INTO "+d.Name+".t VALUES (1)")
	own := "SELECT n FROM " + d.Name + ".t"
	for _, tc := range []struct {
		user, password string
		sql            string
		allowed        bool
	}{
		{"default", "", own, false},
		{"default", "", "CREATE DATABASE shrike_other", false},
		{clickhouse.ServiceUser, "wrong", own, false},
		{clickhouse.HunterUser, "", own, false},
		{clickhouse.HunterUser, d.Server.HunterPassword(), own, true},
		{clickhouse.HunterUser, d.Server.HunterPassword(), "SELECT name FROM system.users", false},
		{clickhouse.HunterUser, d.Server.HunterPassword(), "SELECT query FROM system.processes", false},
		{clickhouse.HunterUser, d.Server.HunterPassword(), "CREATE TABLE default.x (n UInt8) ENGINE=Memory", false},
	} {
		_, err := clickhousetest.QueryAs(d.Server, tc.user, tc.password, tc.sql)
		if allowed := err == nil; allowed != tc.allowed {
			t.Errorf("%s as %s: allowed %v, want %v (%v)", tc.sql, tc.user, allowed, tc.allowed, err)
		}
	}
}

func TestNoSystemLogsGrow(t *testing.T) {
	t.Parallel()
	d := clickhousetest.Start(t)
	query(t, d.Server, "SYSTEM FLUSH LOGS")
	if got := query(t, d.Server, "SELECT groupArray(name) FROM system.tables WHERE database='system' AND name LIKE '%\\_log' AND engine LIKE '%MergeTree'"); got != "[]" {
		t.Errorf("got log tables %s, want none", got)
	}
}

func TestMissingLibrary(t *testing.T) {
	o := clickhousetest.Options(t.TempDir())
	o.Library = filepath.Join(t.TempDir(), "libchdb.so")
	_, err := clickhouse.Start(t.Context(), o)
	if !errors.Is(err, clickhouse.ErrNoLibrary) || !strings.Contains(err.Error(), "make clickhouse") {
		t.Errorf("got %v, want ErrNoLibrary naming the command", err)
	}
	t.Setenv(clickhouse.LibraryEnv, o.Library)
	o.Library = ""
	if _, err := clickhouse.Start(t.Context(), o); !errors.Is(err, clickhouse.ErrNoLibrary) {
		t.Errorf("with %s at a missing file: got %v, want ErrNoLibrary", clickhouse.LibraryEnv, err)
	}
}

func TestBrokenLibrarySaysWhy(t *testing.T) {
	t.Parallel()
	o := clickhousetest.Options(t.TempDir())
	o.Library = filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(o.Library, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := clickhouse.Start(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "load "+o.Library) {
		t.Errorf("got %v, want the loader's own words", err)
	}
}
