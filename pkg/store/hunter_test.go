package store

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
	"github.com/shrike-sec/shrike/pkg/event"
)

func hunter(t *testing.T, d clickhousetest.Database) *Hunter {
	t.Helper()
	cfg := config(d)
	cfg.User, cfg.Password = clickhouse.HunterUser, d.Server.HunterPassword()
	h, err := OpenHunter(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// hunt returns the rows as JSON, a row a line.
func hunt(t *testing.T, h *Hunter, sql string, params map[string]string, l Limits) (string, error) {
	t.Helper()
	rows, err := h.Hunt(t.Context(), sql, params, l)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		line, err := json.Marshal(rows.Values())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(line))
	}
	return strings.Join(out, "\n"), rows.Err()
}

func TestHuntReads(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	r := Range{Topic: "records.api", To: 10}
	b := NewBatch(r)
	b.Event(plain(event.API, r, 0, time.Date(2026, 5, 4, 3, 2, 1, 5, time.UTC)))
	insert(t, s, b)
	h := hunter(t, d)
	for sql, want := range map[string]string{
		"SELECT account_id, src_ip, mfa, src_asn, resources, event_time FROM api":                   `["0","",null,null,[],"2026-05-04T03:02:01.000000005Z"]`,
		"SELECT request.bucketName, unmapped FROM api":                                              `["",{}]`,
		"SELECT toIPv6('10.1.2.3'), [toIPv4('1.2.3.4')], [NULL, 1], (1, 'a'), 1.5, NULL, 'x', true": `["10.1.2.3",["1.2.3.4"],[null,1],[1,"a"],1.5,null,"x",true]`,
		"SELECT toUInt128(7), toDecimal64(1.25, 2), map('a', 1), toDate('2026-01-02'), toInt8(-1)":  `["7","1.25",{"a":1},"2026-01-02T00:00:00Z",-1]`,
		"SELECT count() FROM api WHERE account_id = {account:String} AND `offset` < {n:UInt64}":     `[1]`,
	} {
		var params map[string]string
		if strings.Contains(sql, "{account") {
			params = map[string]string{"account": "0", "n": "5"}
		}
		got, err := hunt(t, h, sql, params, Limits{Time: 10 * time.Second})
		if err != nil || got != want {
			t.Errorf("%s:\n got %s, %v\nwant %s", sql, got, err, want)
		}
	}
	rows, err := h.Hunt(t.Context(), "SELECT number AS n FROM numbers(100000)", nil, Limits{Rows: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	if n != 10 || !rows.Truncated || rows.Err() != nil || rows.Columns[0] != "n" {
		t.Errorf("limit: got %d rows, truncated %v, %v, columns %v", n, rows.Truncated, rows.Err(), rows.Columns)
	}
}

func TestHuntCanOnlyRead(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	one(t, d, "CREATE DATABASE other_"+d.Name)
	t.Cleanup(func() { _, _ = clickhousetest.Query(d.Server, "DROP DATABASE other_"+d.Name+" SYNC") })
	one(t, d, "CREATE TABLE other_"+d.Name+".t (n UInt8) ENGINE = MergeTree ORDER BY n")
	asService, err := OpenHunter(t.Context(), config(d)) // a user who may everything is held to reading too
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asService.Close() })
	forbidden := []string{
		"INSERT INTO api (event_time) VALUES (now())", "ALTER TABLE api DELETE WHERE 1", "DROP TABLE api", "TRUNCATE TABLE api",
		"CREATE TABLE x (n UInt8) ENGINE = MergeTree ORDER BY n", "CREATE TEMPORARY TABLE x (n UInt8)", "OPTIMIZE TABLE api", "DROP DATABASE " + d.Name,
		"SELECT * FROM file('/etc/passwd', 'LineAsString')", "INSERT INTO FUNCTION file('/tmp/x.csv', 'CSV', 'n UInt8') SELECT 1",
		"SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')", "SELECT * FROM s3('http://127.0.0.1:1/b/k', 'CSV')",
		"SELECT * FROM remote('127.0.0.1', system.one)", "SELECT * FROM executable('x.sh', 'TSV', 'n String')",
		"SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')", "SELECT * FROM hdfs('hdfs://127.0.0.1:1/x', 'TSV', 'n String')",
		"SELECT 1 SETTINGS max_memory_usage = 0", "SELECT 1 SETTINGS readonly = 0", "SET max_execution_time = 0", "SET readonly = 0",
		"SYSTEM SHUTDOWN", "CREATE USER x", "GRANT ALL ON *.* TO shrike_hunter", "SYSTEM STOP MERGES api",
	}
	for who, h := range map[string]*Hunter{"hunter": hunter(t, d), "service": asService} {
		for _, sql := range forbidden {
			if who == "service" && strings.HasPrefix(sql, "S") && !strings.Contains(sql, "(") {
				continue // settings and the system are what such a user may have
			}
			if got, err := hunt(t, h, sql, nil, Limits{Time: 5 * time.Second}); err == nil {
				t.Errorf("%s: %s: got %q, want a refusal", who, sql, got)
			} else if !errors.Is(err, ErrQuery) {
				t.Errorf("%s: %s: got %v, want ErrQuery", who, sql, err)
			}
		}
	}
	for _, sql := range []string{
		"SELECT * FROM other_" + d.Name + ".t", "SELECT * FROM system.users", "SELECT * FROM system.processes", "SELECT * FROM system.settings_profiles",
		"SHOW GRANTS FOR shrike", "SHOW CREATE TABLE other_" + d.Name + ".t", "SELECT name FROM system.tables WHERE database LIKE 'other%'",
		"SELECT name FROM system.databases WHERE name LIKE 'other%'", "KILL QUERY WHERE user = 'shrike'", "SELECT 1 SETTINGS max_execution_time = 100000",
	} {
		if got, err := hunt(t, hunter(t, d), sql, nil, Limits{}); err == nil && got != "" {
			t.Errorf("hunter: %s: got %q, want nothing", sql, got)
		}
	}
	if err := s.exec(t.Context(), "SELECT 1"); err != nil {
		t.Fatalf("the engine after all that: %v", err)
	}
	if n := one(t, d, "SELECT count() FROM system.tables WHERE database = '"+d.Name+"' AND name = 'api'"); n != "1" {
		t.Error("table api is gone")
	}
}

func TestHuntLimits(t *testing.T) {
	t.Parallel()
	clickhousetest.Need(t)
	o := clickhousetest.Options(filepath.Join(t.TempDir(), "ch"))
	o.HunterSeconds, o.HunterMemory, o.HunterRows, o.HunterBytes = 2, 100<<20, 1000, 1<<20
	server, err := clickhouse.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	d := clickhousetest.Database{Server: server, Name: "shrike"}
	s, err := Open(t.Context(), config(d), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h := hunter(t, d)
	if _, err := hunt(t, h, "SELECT 1", nil, Limits{}); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("before the first migration: got %v, want ErrNoDatabase", err)
	}
	if _, err := s.Migrate(t.Context(), MigrateOptions{}); err != nil {
		t.Fatal(err)
	}
	const slow = "SELECT count() FROM numbers(1000000000) WHERE NOT ignore(sipHash64(sipHash64(sipHash64(sipHash64(number)))))"
	for name, tc := range map[string]struct {
		sql string
		l   Limits
	}{
		"time of the profile":     {slow, Limits{}},
		"time of the hunt":        {slow, Limits{Time: time.Second}},
		"time beyond the profile": {slow, Limits{Time: time.Hour}},
		"memory":                  {"SELECT length(groupArray(number)) FROM numbers(100000000)", Limits{}},
		"rows":                    {"SELECT number FROM numbers(100000)", Limits{}},
		"bytes":                   {"SELECT repeat(toString(number), 5000) FROM numbers(900)", Limits{}},
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			got, err := hunt(t, h, tc.sql, nil, tc.l)
			if !errors.Is(err, ErrQuery) {
				t.Errorf("got %.100q, %v, want ErrQuery", got, err)
			}
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if _, err := hunt(t, h, "SELECT 1", nil, Limits{}); err != nil {
				t.Errorf("after: %v", err)
			}
		})
	}
}
