package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/store"
	"github.com/shrike-sec/shrike/pkg/web"
)

// storedAlerts is the store as the API sees it.
type storedAlerts struct{ store *store.Store }

func (s storedAlerts) Alerts(ctx context.Context, q web.AlertQuery) ([]alert.Alert, error) {
	return s.store.Alerts(ctx, q)
}

// hunter is the read-only client as the API sees it: whole results, within the configured limits.
type hunter struct {
	hunter *store.Hunter
	limits config.Limits
}

func (h hunter) Hunt(ctx context.Context, sql string, params map[string]string) (*web.Rows, error) {
	rows, err := h.hunter.Hunt(ctx, sql, params, store.Limits{Time: time.Duration(h.limits.HuntTime), Rows: h.limits.HuntRows})
	if err != nil {
		return nil, huntError(err)
	}
	defer func() { _ = rows.Close() }() // the result is read to its end or not at all
	out := &web.Rows{Columns: rows.Columns, Rows: [][]any{}}
	for rows.Next() {
		out.Rows = append(out.Rows, rows.Values())
	}
	out.Truncated = rows.Truncated
	return out, huntError(rows.Err())
}

func huntError(err error) error {
	if errors.Is(err, store.ErrQuery) {
		return fmt.Errorf("%w: %s", web.ErrQuery, strings.TrimPrefix(err.Error(), store.ErrQuery.Error()+": "))
	}
	return err
}

// memory is the memory of rules in tables that may not be there yet.
type memory struct {
	*store.Store
	migrated <-chan struct{}
}

// schemaWithin is how long the first question waits for the tables: longer than `run` takes to make them.
const schemaWithin = 5 * time.Second

func (m memory) Memos(ctx context.Context, ruleHashes []string, take func([]correlate.Memo) error) error {
	if err := m.wait(ctx); err != nil {
		return err
	}
	return m.Store.Memos(ctx, ruleHashes, take)
}

func (m memory) Buckets(ctx context.Context, ruleHashes []string, since time.Time, take func([]correlate.Bucket) error) error {
	if err := m.wait(ctx); err != nil {
		return err
	}
	return m.Store.Buckets(ctx, ruleHashes, since, take)
}

func (m memory) wait(ctx context.Context) error {
	select {
	case <-m.migrated:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(schemaWithin):
		return errors.New("ClickHouse or its tables are not there yet")
	}
}
