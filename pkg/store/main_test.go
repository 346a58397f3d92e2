package store

import (
	"flag"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
)

func TestMain(m *testing.M) {
	// A check here is an insert of a hundred columns: 25 take seconds, rapid's 100 half a minute.
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("25")
	}
	clickhousetest.Main(m)
}

func config(d clickhousetest.Database) Config {
	return Config{Addrs: []string{d.Server.Addr()}, Database: d.Name, User: clickhouse.ServiceUser, Password: d.Server.Password()}
}

// open returns a store on a fresh database, not migrated.
func open(t testing.TB) (*Store, clickhousetest.Database) {
	t.Helper()
	d := clickhousetest.Start(t)
	log := zap.NewNop()
	if tt, ok := t.(*testing.T); ok {
		log = zaptest.NewLogger(tt, zaptest.Level(zap.WarnLevel))
	}
	s, err := Open(t.Context(), config(d), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, d
}

func migrated(t testing.TB) (*Store, clickhousetest.Database) {
	t.Helper()
	s, d := open(t)
	if _, err := s.Migrate(t.Context(), MigrateOptions{Retention: retention()}); err != nil {
		t.Fatal(err)
	}
	return s, d
}

func retention() map[string]time.Duration {
	const day = 24 * time.Hour
	return map[string]time.Duration{
		"api": 400 * day, "flow": 90 * day, "http": 90 * day, "dns": 90 * day, "alerts": 800 * day, "dead_letter": 30 * day,
	}
}

// one returns the single value of a query as text.
func one(t testing.TB, d clickhousetest.Database, sql string) string {
	t.Helper()
	got, err := clickhousetest.Query(d.Server, sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}
