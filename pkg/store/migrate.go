package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/shrike-sec/shrike/migrations"
)

// MigrateOptions say what Migrate makes of the tables beyond their columns.
type MigrateOptions struct {
	// Retention is how long each table keeps its rows, by table name: class tables by event time, alerts by the end of
	// their period, dead_letter by received time. Tables that are not named keep everything.
	Retention map[string]time.Duration
	// Files are the migrations; nil means those of this binary.
	Files fs.FS
}

// graceDays is how much later than its retention ClickHouse drops a row. Ingest refuses older events as expired; if
// ClickHouse dropped them at the same moment, rows would vanish while they are inserted and counted.
const graceDays = 2

// migration is one file of migrations/: NNNN_name.sql, statements that end with a semicolon at the end of a line.
type migration struct {
	version  int
	name     string
	checksum string
	sql      string
}

// Migrate makes the database and brings its tables up to the migrations and the retention given. It may be called any number of
// times and by several processes at once: every statement holds IF [NOT] EXISTS, and each migration is recorded under
// its own token. It returns the names of those it applied. It refuses a database whose recorded migrations differ from
// the files: history is added to, never changed.
func (s *Store) Migrate(ctx context.Context, o MigrateOptions) (applied []string, err error) {
	if err := s.createDatabase(ctx); err != nil {
		return nil, err
	}
	todo, err := s.pending(ctx, o.Files)
	if err != nil {
		return nil, err
	}
	for _, m := range todo {
		for _, statement := range statements(m.sql) {
			if err := s.exec(ctx, statement); err != nil {
				return applied, fmt.Errorf("apply migration %s: %w", m.name, err)
			}
		}
		if err := s.record(ctx, m); err != nil {
			return applied, err
		}
		applied = append(applied, m.name)
	}
	for _, table := range retentionTables {
		if keep, ok := o.Retention[table.name]; ok {
			if err := s.setRetention(ctx, table.name, table.column, keep); err != nil {
				return applied, err
			}
		}
	}
	return applied, nil
}

// Pending returns the names of the migrations that Migrate would apply. A database that does not exist yet needs all.
func (s *Store) Pending(ctx context.Context) ([]string, error) {
	todo, err := s.pending(ctx, nil)
	var names []string
	for _, m := range todo {
		names = append(names, m.name)
	}
	return names, err
}

func (s *Store) createDatabase(ctx context.Context) error {
	if err := s.server.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+quoteName(s.database)+" ENGINE = Atomic"); err != nil {
		return fmt.Errorf("create database %s: %w", s.database, err)
	}
	return nil
}

const createMigrations = `CREATE TABLE IF NOT EXISTS schema_migrations
(
  version UInt32,
  name String,
  checksum String,
  applied_time DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree
ORDER BY version
SETTINGS non_replicated_deduplication_window = 200000`

func (s *Store) pending(ctx context.Context, files fs.FS) ([]migration, error) {
	all, err := readMigrations(files)
	if err != nil {
		return nil, err
	}
	done := map[int]bool{}
	err = s.query(ctx, func(row driver.Rows) error {
		var version uint32
		var sums []string
		if err := row.Scan(&version, &sums); err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(m migration) bool { return m.version == int(version) })
		if at < 0 {
			return nil // a newer binary's: columns are only ever added, so this one still works
		}
		if len(sums) != 1 || sums[0] != all[at].checksum {
			return fmt.Errorf("migration %s was applied to this database with another text (checksum %s, now %s): restore the file and put the change into a new one",
				all[at].name, strings.Join(sums, ", "), all[at].checksum)
		}
		done[int(version)] = true
		return nil
	}, "SELECT version, groupUniqArray(checksum) FROM schema_migrations GROUP BY version")
	if errors.Is(err, ErrNoDatabase) || isCode(err, codeUnknownTable) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read applied migrations: %w", err)
	}
	return slices.DeleteFunc(all, func(m migration) bool { return done[m.version] }), nil
}

func (s *Store) record(ctx context.Context, m migration) error {
	if err := s.exec(ctx, createMigrations); err != nil {
		return fmt.Errorf("create table schema_migrations: %w", err)
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(insertSettings("migration/"+strconv.Itoa(m.version))))
	err := s.exec(ctx, "INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)", uint32(m.version), m.name, m.checksum)
	if err != nil {
		return fmt.Errorf("record migration %s: %w", m.name, err)
	}
	return nil
}

var migrationName = regexp.MustCompile(`^(\d{4})_[a-z0-9_]+\.sql$`)

func readMigrations(files fs.FS) ([]migration, error) {
	if files == nil {
		files = migrations.Files
	}
	names, err := fs.Glob(files, "*.sql") // sorted
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	var all []migration
	for i, name := range names {
		match := migrationName.FindStringSubmatch(name)
		if match == nil {
			return nil, fmt.Errorf("migration %s: the name must be NNNN_what.sql", name)
		}
		version, _ := strconv.Atoi(match[1])
		if version != i+1 {
			return nil, fmt.Errorf("migration %s: the next number is %04d", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		sum := sha256.Sum256(text)
		all = append(all, migration{version, strings.TrimSuffix(name, ".sql"), hex.EncodeToString(sum[:]), string(text)})
	}
	return all, nil
}

// statements cuts a migration at semicolons that end a line.
func statements(sql string) []string {
	var out []string
	for part := range strings.SplitSeq(sql+"\n", ";\n") {
		if strings.TrimSpace(part) != "" {
			out = append(out, strings.TrimSpace(part))
		}
	}
	return out
}

// retentionTables lists the tables that forget, and the column by whose time they do.
var retentionTables = []struct{ name, column string }{
	{"api", "event_time"}, {"flow", "event_time"}, {"http", "event_time"}, {"dns", "event_time"},
	{"alerts", "period_end"}, {"dead_letter", "received_time"},
}

func retentionDays(keep time.Duration) int {
	return int((keep+24*time.Hour-1)/(24*time.Hour)) + graceDays
}

// setRetention changes the table's TTL where it differs; changing it makes ClickHouse look at every part.
func (s *Store) setRetention(ctx context.Context, table, column string, keep time.Duration) error {
	var engine string
	err := s.query(ctx, func(row driver.Rows) error { return row.Scan(&engine) },
		"SELECT engine_full FROM system.tables WHERE database = currentDatabase() AND name = ?", table)
	if err != nil {
		return fmt.Errorf("read retention of %s: %w", table, err)
	}
	ttl := fmt.Sprintf("toDateTime(%s) + toIntervalDay(%d)", column, retentionDays(keep))
	if strings.Contains(engine, "TTL "+ttl+" ") {
		return nil
	}
	if err := s.exec(ctx, "ALTER TABLE "+quoteName(table)+" MODIFY TTL "+ttl); err != nil {
		return fmt.Errorf("set retention of %s: %w", table, err)
	}
	return nil
}

func quoteName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

const codeUnknownTable = 60

func isCode(err error, code int32) bool {
	var e *clickhouse.Exception
	return errors.As(err, &e) && e.Code == code
}
