// Package clickhousetest gives tests the real engine: one server for each test binary, and a fresh database for each test.
//
// A test binary that uses it must hand its TestMain to Main, because the server is that binary, executed again:
//
//	func TestMain(m *testing.M) { clickhousetest.Main(m) }
//
// Where the engine's library is missing the tests skip, and say so; with RequireEnv set they fail.
package clickhousetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
)

// RequireEnv names the variable that turns "skipped, there is no engine" into "failed".
const RequireEnv = "SHRIKE_TEST_REQUIRE_ENGINES"

const childEnv = "SHRIKE_CLICKHOUSETEST_CHILD"

// Databases is the pattern of databases that the hunter of a test server may read.
const Databases = "shrike*"

// shared is the binary's one server; Main closes it.
var shared struct {
	sync.Mutex
	server *clickhouse.Server
	dir    string
}

// Main runs the tests, or is the server when this process is the child of one.
func Main(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(clickhouse.Child(os.Args[1:]))
	}
	status := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.Close()
	}
	if shared.dir != "" {
		os.RemoveAll(shared.dir)
	}
	os.Exit(status)
}

// Options returns what starts a server of a test's own on dir, for tests that kill it.
func Options(dir string) clickhouse.Options {
	self, err := os.Executable()
	if err != nil {
		panic("BUG: a test binary without a path: " + err.Error())
	}
	return clickhouse.Options{
		Dir: dir, Databases: Databases, Log: zap.NewNop(),
		Command: []string{self}, Env: []string{childEnv + "=1"},
	}
}

// Need skips the test when there is no engine, or fails it when RequireEnv is set.
func Need(t testing.TB) {
	t.Helper()
	_, err := clickhouse.Library("")
	switch {
	case err == nil:
	case os.Getenv(RequireEnv) != "":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// Port returns a port that nobody listens on, for what a test kills and starts again in the same place. It is none of those that
// the kernel gives to clients and to listeners that do not care: one of these would have it before the second start.
func Port(t testing.TB) int {
	t.Helper()
	const from, to = 12_000, 30_000
	for range 100 {
		port := from + mathrand.IntN(to-from) //nolint:gosec // a port need not be secret
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// Database is a fresh database on the binary's shared server. It is dropped when the test ends.
type Database struct {
	Server *clickhouse.Server
	Name   string
}

// Start returns a fresh database.
func Start(t testing.TB) Database {
	t.Helper()
	Need(t)
	s, err := start()
	if err != nil {
		t.Fatalf("start the shared ClickHouse: %v", err)
	}
	d := Database{Server: s, Name: "shrike_" + strings.ToLower(rand.Text())}
	if _, err := Query(s, "CREATE DATABASE "+d.Name+" ENGINE=Atomic"); err != nil {
		t.Fatalf("create database: %v", err)
	}
	t.Cleanup(func() {
		if _, err := Query(s, "DROP DATABASE IF EXISTS "+d.Name+" SYNC"); err != nil {
			t.Errorf("drop database: %v", err)
		}
	})
	return d
}

func start() (*clickhouse.Server, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		select {
		case <-shared.server.Done():
			return nil, errors.New("the shared server has ended")
		default:
			return shared.server, nil
		}
	}
	dir, err := os.MkdirTemp("", "shrike-clickhouse-")
	if err != nil {
		return nil, err
	}
	shared.dir = dir
	shared.server, err = clickhouse.Start(context.Background(), Options(dir))
	return shared.server, err
}

// Query runs SQL as the service user over HTTP and returns what it printed.
func Query(s *clickhouse.Server, sql string) (string, error) {
	return QueryAs(s, clickhouse.ServiceUser, s.Password(), sql)
}

// QueryAs runs SQL as that user over HTTP and returns what it printed.
func QueryAs(s *clickhouse.Server, user, password, sql string) (string, error) {
	req, err := http.NewRequest(http.MethodPost, "http://"+s.HTTPAddr()+"/", strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-ClickHouse-User", user)
	req.Header.Set("X-ClickHouse-Key", password)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s", strings.TrimSpace(string(body)))
	}
	return strings.TrimSpace(string(body)), nil
}
