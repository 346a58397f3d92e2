package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// ErrQuery is what Hunt wraps when the query is at fault, or was stopped at a limit, and not the connection.
var ErrQuery = errors.New("query refused")

// Hunter runs SQL of people: it can only read. It is safe for concurrent use.
type Hunter struct{ *client }

// OpenHunter returns a Hunter of cfg's user, who should be one whose profile has readonly=1 and limits, and SELECT on
// the database only; the embedded engine's is. A user who may more is held to reading by the query's settings.
func OpenHunter(_ context.Context, cfg Config) (*Hunter, error) {
	c, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	return &Hunter{client: c}, nil
}

// Limits bound one hunt, within what the user's profile allows.
type Limits struct {
	Time time.Duration // 0 is as long as the profile allows; a second at least
	Rows int           // 0 is all; Rows.Next is false after so many and Truncated true
}

// Hunt runs a query; {name:Type} in it takes its value from params. The caller closes the Rows.
func (h *Hunter) Hunt(ctx context.Context, sql string, params map[string]string, l Limits) (*Rows, error) {
	conn, err := h.conn(ctx)
	if err != nil {
		return nil, err
	}
	cancel := context.CancelFunc(func() {})
	if l.Time > 0 {
		// clickhouse-go tells the server the deadline, in whole seconds.
		ctx, cancel = context.WithTimeout(ctx, max(l.Time, time.Second))
	}
	options := []clickhouse.QueryOption{clickhouse.WithSettings(clickhouse.Settings{"readonly": 1})}
	if len(params) > 0 {
		options = append(options, clickhouse.WithParameters(clickhouse.Parameters(params)))
	}
	rows, err := conn.Query(clickhouse.Context(ctx, options...), sql)
	if err != nil {
		err = queryError(ctx, err)
		cancel()
		return nil, err
	}
	r := &Rows{rows: rows, ctx: ctx, cancel: cancel, limit: l.Rows}
	for _, c := range rows.ColumnTypes() {
		r.Columns = append(r.Columns, c.Name())
		r.dest = append(r.dest, reflect.New(c.ScanType()).Interface())
	}
	return r, nil
}

// queryError tells a query's own fault from the connection's. At the deadline the server's answer and our giving up
// race; whichever is first, it was the query.
func queryError(ctx context.Context, err error) error {
	var e *clickhouse.Exception
	switch {
	case errors.As(err, &e):
		return fmt.Errorf("%w: %s", ErrQuery, e.Message)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%w: it takes longer than allowed", ErrQuery)
	}
	return fmt.Errorf("hunt: %w", err)
}

// Rows is the result of a hunt, read row by row as it comes.
type Rows struct {
	Columns   []string // their names
	Truncated bool     // there were more rows than Limits.Rows

	rows   driver.Rows
	dest   []any
	read   int
	limit  int
	ctx    context.Context //nolint:containedctx // of the query, which lives as long as its rows
	cancel context.CancelFunc
	err    error
}

// Next goes to the next row; false at the end, at an error (Err) and at the limit.
func (r *Rows) Next() bool {
	if r.err != nil || r.Truncated || !r.rows.Next() {
		return false
	}
	if r.limit > 0 && r.read == r.limit {
		r.Truncated = true
		return false
	}
	r.read++
	if err := r.rows.Scan(r.dest...); err != nil {
		r.err = fmt.Errorf("hunt: read row: %w", err)
		return false
	}
	return true
}

// Values returns the row as people read it and encoding/json writes it: addresses as text (IPv4 without ::ffff:, a
// missing one ""), NULL as nil, times as time.Time, the rest as Go has it. They are the caller's.
func (r *Rows) Values() []any {
	out := make([]any, len(r.dest))
	for i, d := range r.dest {
		out[i] = plainValue(reflect.ValueOf(d).Elem())
	}
	return out
}

func plainValue(v reflect.Value) any {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		if s, ok := reflect.TypeAssert[fmt.Stringer](v); ok && v.Kind() == reflect.Pointer {
			return s.String() // big integers, decimals
		}
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case net.IP:
		if x.IsUnspecified() {
			return ""
		}
		return x.String()
	case time.Time:
		return x.UTC()
	default:
		return plainList(v)
	}
}

// plainList turns lists of addresses and of NULLs element by element; other values stay as they are.
func plainList(v reflect.Value) any {
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() == reflect.Uint8 {
		return v.Interface()
	}
	switch v.Interface().(type) {
	case []string, []int64, []uint64, []float64:
		return v.Interface()
	}
	out := make([]any, v.Len())
	for i := range out {
		out[i] = plainValue(v.Index(i))
	}
	return out
}

// Err returns what ended the rows early, nil at their end.
func (r *Rows) Err() error {
	if r.err != nil {
		return r.err
	}
	if err := r.rows.Err(); err != nil {
		return queryError(r.ctx, err)
	}
	return nil
}

// Close ends the query, if it has not ended.
func (r *Rows) Close() error {
	r.cancel()
	return r.rows.Close()
}
