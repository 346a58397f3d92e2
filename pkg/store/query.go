package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// AlertQuery selects alerts; empty fields select all.
type AlertQuery struct {
	Since, Until time.Time // Since <= first event time < Until
	Rule         string
	Severity     string // the least
	ID           string
	Limit        int // 0 is 1,000
}

// Alerts returns the newest revision of the alerts selected, the newest first event first.
func (s *Store) Alerts(ctx context.Context, q AlertQuery) ([]alert.Alert, error) {
	where := []string{"1"}
	var args []any
	add := func(condition string, arg any) {
		where = append(where, condition)
		args = append(args, arg)
	}
	if !q.Since.IsZero() {
		add("first_event_time >= fromUnixTimestamp64Nano(?)", q.Since.UnixNano())
	}
	if !q.Until.IsZero() {
		add("first_event_time < fromUnixTimestamp64Nano(?)", q.Until.UnixNano())
	}
	if q.Rule != "" {
		add("rule_id = ?", q.Rule)
	}
	if q.ID != "" {
		add("id = ?", q.ID)
	}
	if q.Severity != "" {
		levels := severitiesFrom(q.Severity)
		if levels == nil {
			return nil, fmt.Errorf("list alerts: unknown severity %q", q.Severity)
		}
		add("has(?, severity)", levels)
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 1000
	}
	alerts := []alert.Alert{}
	err := s.query(ctx, func(row driver.Rows) error {
		var body string
		if err := row.Scan(&body); err != nil {
			return err
		}
		var a alert.Alert
		if err := json.Unmarshal([]byte(body), &a); err != nil {
			return fmt.Errorf("read stored alert: %w", err)
		}
		alerts = append(alerts, a)
		return nil
	}, fmt.Sprintf("SELECT body FROM alerts FINAL WHERE %s ORDER BY first_event_time DESC, id LIMIT %d", strings.Join(where, " AND "), limit), args...)
	if err != nil {
		return nil, fmt.Errorf("list alerts: %w", err)
	}
	return alerts, nil
}

func severitiesFrom(least string) []string {
	rank := rule.SeverityRank(least)
	if rank < 0 {
		return nil
	}
	return rule.SeverityWords()[rank:]
}

// SourceStatus is one source of records, by what is stored of it.
type SourceStatus struct {
	Source      string
	LastEvent   time.Time // newest event time; zero when only dead letters came
	Events      uint64
	DeadLetters uint64
}

// SourceStatus returns the sources that something is stored of, by name. It reads two columns of every event.
func (s *Store) SourceStatus(ctx context.Context) ([]SourceStatus, error) {
	var parts []string
	for _, class := range classTables() {
		parts = append(parts, fmt.Sprintf("SELECT source, max(event_time) AS newest, count() AS events, 0 AS dead FROM %s GROUP BY source", class))
	}
	parts = append(parts, "SELECT source, toDateTime64(0, 9, 'UTC'), 0, count() FROM dead_letter GROUP BY source")
	out := []SourceStatus{}
	err := s.query(ctx, func(row driver.Rows) error {
		var x SourceStatus
		if err := row.Scan(&x.Source, &x.LastEvent, &x.Events, &x.DeadLetters); err != nil {
			return err
		}
		if x.Events == 0 {
			x.LastEvent = time.Time{}
		}
		out = append(out, x)
		return nil
	}, "SELECT source, max(newest), sum(events), sum(dead) FROM ("+strings.Join(parts, " UNION ALL ")+") GROUP BY source ORDER BY source")
	if err != nil {
		return nil, fmt.Errorf("read source status: %w", err)
	}
	return out, nil
}

// DiskUsed returns the used share, 0 to 1, of ClickHouse's fullest disk.
func (s *Store) DiskUsed(ctx context.Context) (fraction float64, err error) {
	row := s.server.QueryRow(ctx, "SELECT max(1 - unreserved_space / total_space) FROM system.disks WHERE total_space > 0 AND type = 'Local'")
	if err := row.Scan(&fraction); err != nil {
		return 0, fmt.Errorf("read disk space: %w", err)
	}
	return fraction, nil
}
