package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"go.uber.org/zap"
)

// attemptTime bounds one attempt of an insert. A server that takes longer is asked later what it made of it.
const attemptTime = 2 * time.Minute

// Insert stores the batch, each row exactly once, and returns when it is durable (as far as ClickHouse is) or when ctx
// ends. It retries for as long as that takes.
//
// Each table gets the range as one native block under the range's token; the coverage row goes last. An attempt that
// was not OK is never simply repeated: the server may have stored it, or may still do so, or may know the token and have
// lost the rows (a crash between the two). Then mend counts what is there. verify says that somebody may have tried this range before,
// as after a restart; then it counts from the start. The Batch must not change any more.
func (s *Store) Insert(ctx context.Context, b *Batch, verify bool) error {
	b.place()
	if !verify {
		err := s.insertOnce(ctx, b)
		if err == nil {
			s.metrics.bytes.Add(float64(b.arena.bytes))
			return nil
		}
		s.log.Warn("insert not confirmed, verifying it", zap.String("range", b.r.token()), zap.Error(err))
	}
	if err := s.insertVerified(ctx, b); err != nil {
		return err
	}
	s.metrics.bytes.Add(float64(b.arena.bytes))
	return nil
}

func (s *Store) insertVerified(ctx context.Context, b *Batch) error {
	if err := s.mend(ctx, b.r, b.blocks(), s.storedRows); err != nil {
		return err
	}
	if b.alerts != nil {
		if err := s.insertAlerts(ctx, b); err != nil {
			return err
		}
	}
	return s.mend(ctx, b.r, []*block{b.coverage()}, s.storedCoverage)
}

func (s *Store) insertOnce(ctx context.Context, b *Batch) error {
	blocks := b.blocks()
	if b.alerts != nil {
		blocks = append(blocks, &b.alerts.block)
	}
	for _, block := range append(blocks, b.coverage()) {
		if err := s.send(ctx, b.r, block, nil, b.r.token()); err != nil {
			return err
		}
	}
	return nil
}

// insertAlerts stores alerts until it is OK. They need no counting: storing a revision twice changes nothing, the table
// keeps one row an id. (Nor could they be counted: ClickHouse drops older revisions when it likes.) So no token either.
func (s *Store) insertAlerts(ctx context.Context, b *Batch) error {
	return s.retry(ctx, b.r, func() (bool, error) {
		return true, s.send(ctx, b.r, &b.alerts.block, nil, "")
	})
}

// send inserts those rows of the block, all when rows is nil, as one block under the token.
func (s *Store) send(ctx context.Context, r Range, b *block, rows []int, token string) error {
	conn, err := s.conn(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	started := time.Now()
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(insertSettings(token)), clickhouse.WithQueryID(queryID(r)))
	columns := b.used()
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = quoteName(c.name())
	}
	batch, err := conn.PrepareBatch(ctx, fmt.Sprintf("INSERT INTO %s (%s)", quoteName(b.table), strings.Join(names, ", ")))
	if err != nil {
		return fmt.Errorf("insert into %s: %w", b.table, err)
	}
	defer batch.Close() // nothing after Send
	native := batch.Columns()
	for i, c := range columns {
		reserve(native[i], c)
		if err := c.send(batch.Column(i), rows, b.rows); err != nil {
			return fmt.Errorf("insert into %s: column %s: %w", b.table, c.name(), err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert into %s: %w", b.table, err)
	}
	s.metrics.seconds.WithLabelValues(b.table).Observe(time.Since(started).Seconds())
	n := b.rows
	if rows != nil {
		n = len(rows)
		s.metrics.mended.WithLabelValues(b.table).Add(float64(n))
	}
	s.metrics.rows.WithLabelValues(b.table).Add(float64(n))
	return nil
}

// reserve gives a large text column its memory at once. The client has no call for that, so it gets one text as long as all, and
// is emptied again; grown bit by bit it would copy a block of raw records five times over, a third of our time.
func reserve(native column.Interface, c buffer) {
	const worthIt = 1 << 20
	text, ok := native.(*column.String)
	if !ok {
		return
	}
	var list []string
	switch c := c.(type) {
	case *values[string]:
		list = c.list
	case *texts:
		list = c.list
	}
	size := 0
	for _, s := range list {
		size += len(s)
	}
	if size < worthIt {
		return
	}
	if err := text.AppendRow(make([]byte, size)); err == nil {
		text.Reset()
	}
}

// queryID tells apart the attempts at a range, so that the server can say whether one is still running.
func queryID(r Range) string { return r.token() + "#" + rand.Text() }

// insertSettings pin what makes the insert of one block one block on the server, stored under the token once: no
// asynchronous buffer, no squashing with other blocks, no splitting by size or number of days. Without a token nothing
// is deduplicated.
func insertSettings(token string) clickhouse.Settings {
	settings := clickhouse.Settings{
		"insert_deduplicate":              0,
		"async_insert":                    0,
		"min_insert_block_size_rows":      0,
		"min_insert_block_size_bytes":     0,
		"max_insert_block_size":           100_000_000,
		"max_insert_threads":              1,
		"max_partitions_per_insert_block": 0,
		// The server makes the dictionaries of LowCardinality columns; the client would hash each value boxed.
		"low_cardinality_allow_in_native_format": 0,
	}
	if token != "" {
		settings["insert_deduplicate"] = 1
		settings["insert_deduplication_token"] = token
	}
	return settings
}
