package store

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/shrike-sec/shrike/migrations"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
	"github.com/shrike-sec/shrike/pkg/event"
)

func TestTablesAreTheFieldTable(t *testing.T) {
	t.Parallel()
	_, d := migrated(t)
	for _, class := range event.LogClasses() {
		rows := one(t, d, fmt.Sprintf(`SELECT name, type, default_expression, compression_codec FROM system.columns
			WHERE database = '%s' AND table = '%s' ORDER BY position FORMAT TabSeparatedRaw`, d.Name, class))
		var have []schemaColumn
		for line := range strings.SplitSeq(rows, "\n") {
			f := strings.Split(line, "\t")
			codec := strings.TrimSuffix(strings.TrimPrefix(f[3], "CODEC("), ")")
			have = append(have, schemaColumn{Name: f[0], Type: f[1], Alias: f[2], Codec: codec})
		}
		want := schemaOf(class)
		for i := range want { // the server formats expressions its own way
			if want[i].Alias != "" {
				want[i].Alias = one(t, d, "SELECT formatQuerySingleLine('SELECT "+strings.ReplaceAll(want[i].Alias, "'", "\\'")+"') FORMAT TabSeparatedRaw")[len("SELECT "):]
			}
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("table %s is not what the field table says (-want +got):\n%s\na new file in migrations/ needs:\n%s",
				class, diff, strings.Join(addColumns(class, have), "\n"))
		}
	}
}

func TestWhatIsMissingMakesTheTable(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	for _, sql := range []string{
		"ALTER TABLE api DROP COLUMN mfa", "ALTER TABLE api DROP COLUMN request", "ALTER TABLE api MODIFY COLUMN src_asn Nullable(UInt64)",
	} {
		if err := s.exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	var have []schemaColumn
	for _, c := range schemaOf(event.API) {
		switch c.Name {
		case "mfa", "request":
			continue
		case "src_asn":
			c.Type = "Nullable(UInt64)"
		}
		have = append(have, c)
	}
	statements := addColumns(event.API, have)
	if len(statements) != 3 {
		t.Fatalf("got %d statements, want 3: %s", len(statements), statements)
	}
	for _, sql := range statements {
		if err := s.exec(t.Context(), strings.TrimSuffix(sql, ";")); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	got := one(t, d, "SELECT groupArray(name) FROM (SELECT name FROM system.columns WHERE database='"+d.Name+"' AND table='api' ORDER BY position)")
	var want []string
	for _, c := range schemaOf(event.API) {
		want = append(want, "'"+c.Name+"'")
	}
	if got != "["+strings.Join(want, ",")+"]" {
		t.Errorf("columns after the ALTERs:\n%s\nwant:\n%s", got, want)
	}
}

func TestMigrateIsIdempotentAndConcurrent(t *testing.T) {
	t.Parallel()
	s, d := open(t)
	one(t, d, "DROP DATABASE "+d.Name) // Migrate makes it
	pending, err := s.Pending(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all, err := readMigrations(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(pending) != len(all) || len(all) == 0 {
		t.Fatalf("pending on nothing: got %v, want all %d", pending, len(all))
	}
	g, ctx := errgroup.WithContext(t.Context())
	for range 4 {
		g.Go(func() error {
			_, err := s.Migrate(ctx, MigrateOptions{Retention: retention()})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	applied, err := s.Migrate(t.Context(), MigrateOptions{Retention: retention()})
	if err != nil || len(applied) != 0 {
		t.Errorf("second time: got %v, %v, want nothing applied", applied, err)
	}
	if got, want := one(t, d, "SELECT count() FROM "+d.Name+".schema_migrations"), fmt.Sprint(len(all)); got != want {
		t.Errorf("got %s recorded migrations, want %s", got, want)
	}
	if pending, err := s.Pending(t.Context()); err != nil || len(pending) != 0 {
		t.Errorf("pending after: got %v, %v", pending, err)
	}
}

func TestMigrateRefusesChangedHistory(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	files := fstest.MapFS{"0001_a.sql": {Data: []byte("CREATE TABLE IF NOT EXISTS a (n UInt8) ENGINE = MergeTree ORDER BY n;\n")}}
	for range 2 {
		if _, err := s.Migrate(t.Context(), MigrateOptions{Files: files}); err != nil {
			t.Fatal(err)
		}
	}
	files["0002_b.sql"] = &fstest.MapFile{Data: []byte("ALTER TABLE a ADD COLUMN IF NOT EXISTS m UInt8;\n")}
	if applied, err := s.Migrate(t.Context(), MigrateOptions{Files: files}); err != nil || len(applied) != 1 {
		t.Fatalf("got %v, %v, want 0002_b applied", applied, err)
	}
	files["0001_a.sql"].Data = []byte("CREATE TABLE IF NOT EXISTS a (n UInt16) ENGINE = MergeTree ORDER BY n;\n")
	_, err := s.Migrate(t.Context(), MigrateOptions{Files: files})
	if err == nil || !strings.Contains(err.Error(), "0001_a was applied") {
		t.Errorf("got %v, want a refusal that names the migration", err)
	}
	files["0004_d.sql"] = &fstest.MapFile{Data: []byte("")}
	if _, err := readMigrations(files); err == nil || !strings.Contains(err.Error(), "0003") {
		t.Errorf("got %v, want the number that is missing", err)
	}
}

func TestRetentionBecomesTTL(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	ttl := func(table string) string {
		return one(t, d, fmt.Sprintf("SELECT extract(engine_full, 'TTL .* SETTINGS') FROM system.tables WHERE database='%s' AND name='%s'", d.Name, table))
	}
	if got, want := ttl("flow"), "TTL toDateTime(event_time) + toIntervalDay(92) SETTINGS"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r := retention()
	r["flow"] /= 3
	if _, err := s.Migrate(t.Context(), MigrateOptions{Retention: r}); err != nil {
		t.Fatal(err)
	}
	if got, want := ttl("flow"), "TTL toDateTime(event_time) + toIntervalDay(32) SETTINGS"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for table := range r {
		if ttl(table) == "" {
			t.Errorf("table %s has no TTL", table)
		}
	}
}

// Two processes may run the same statement at once, and one may die between statement and record.
func TestMigrationsSayIfExists(t *testing.T) {
	t.Parallel()
	safe := regexp.MustCompile(`(?is)^(--[^\n]*\n)*\s*(CREATE|ALTER|DROP)\s.*\bIF (NOT )?EXISTS\b`)
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := migrations.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, sql := range statements(string(text)) {
			if !safe.MatchString(sql) {
				t.Errorf("%s: no IF [NOT] EXISTS: %.100s", name, sql)
			}
		}
	}
}

func TestWellKnownKeys(t *testing.T) {
	t.Parallel()
	s, d := migrated(t)
	for i, json := range []string{
		`{"bucketName":"b1","policy":{"a":[1]},"minCount":3,"key":null}`, ``, `null`, `[1]`, `{"bucketName":{"nested":true}}`,
		`{"bucketName":["x"]}`, `{"bucketName`, `"text"`, `{"bucketName":"b\u00e9"}`,
	} {
		err := s.exec(context.Background(), "INSERT INTO api (event_time, offset, request_json) VALUES (now(), ?, ?)", uint64(i), json)
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := clickhousetest.Query(d.Server, "SELECT offset, request.bucketName, request.minCount, request.key FROM "+d.Name+".api ORDER BY offset FORMAT TSV")
	if err != nil {
		t.Fatal(err)
	}
	want := "0\tb1\t3\t\n1\t\t\t\n2\t\t\t\n3\t\t\t\n4\t{\"nested\":true}\t\t\n5\t[\"x\"]\t\t\n6\t\t\t\n7\t\t\t\n8\tbé"
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}
