package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"go.uber.org/zap"
)

// Config says which ClickHouse to use and as whom.
type Config struct {
	Addrs       []string // host:port of the native protocol; the first that answers is used
	Database    string
	User        string
	Password    string
	TLS         *tls.Config // nil is plain text
	Compression bool        // LZ4 on the wire: pays across a network, halves the throughput of loopback
}

// ErrNoDatabase is returned until somebody has called Migrate.
var ErrNoDatabase = errors.New("the database does not exist yet: run `shrike migrate`")

// Store reads and writes one database. It is safe for concurrent use.
type Store struct {
	*client
	log     *zap.Logger
	metrics *metrics
}

// Open returns a Store. It does not connect yet: Ping tells whether ClickHouse answers.
func Open(_ context.Context, cfg Config, log *zap.Logger) (*Store, error) {
	c, err := newClient(cfg)
	if err != nil {
		return nil, err
	}
	return &Store{client: c, log: log, metrics: newMetrics()}, nil
}

// client is the connections of one user to one database.
//
// Nobody may connect to a database that does not exist: ClickHouse refuses it, and the embedded engine even dies of
// that (an error before a connection is authenticated ends it; so does a wrong password). So there are two pools, and
// the second is used only after the first has seen the database.
type client struct {
	database string
	server   driver.Conn // connected to no database
	db       driver.Conn
	exists   atomic.Bool
}

func newClient(cfg Config) (*client, error) {
	o := options(cfg)
	db, err := clickhouse.Open(o)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	o = options(cfg)
	o.Auth.Database, o.MaxOpenConns, o.MaxIdleConns = "", 4, 1
	server, err := clickhouse.Open(o)
	if err != nil {
		return nil, fmt.Errorf("open ClickHouse: %w", err)
	}
	return &client{database: cfg.Database, server: server, db: db}, nil
}

func options(cfg Config) *clickhouse.Options {
	o := &clickhouse.Options{
		Addr: cfg.Addrs,
		Auth: clickhouse.Auth{Database: cfg.Database, Username: cfg.User, Password: cfg.Password},
		TLS:  cfg.TLS,
		// A range's insert for each partition of a large machine, and the questions of people at the same time.
		MaxOpenConns: 32, MaxIdleConns: 8, ConnMaxLifetime: time.Hour,
		DialTimeout: 5 * time.Second, ReadTimeout: 5 * time.Minute,
		ConnOpenStrategy: clickhouse.ConnOpenInOrder,
	}
	if cfg.Compression {
		o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
	}
	return o
}

// Ping asks ClickHouse whether it is there; the database need not be.
func (c *client) Ping(ctx context.Context) error {
	if err := c.server.Ping(ctx); err != nil {
		return fmt.Errorf("ping ClickHouse: %w", err)
	}
	return nil
}

// Close closes the connections.
func (c *client) Close() error { return errors.Join(c.db.Close(), c.server.Close()) }

// conn returns the pool of the database, or ErrNoDatabase.
func (c *client) conn(ctx context.Context) (driver.Conn, error) {
	if c.exists.Load() {
		return c.db, nil
	}
	var exists uint8
	if err := c.server.QueryRow(ctx, "EXISTS DATABASE "+quoteName(c.database)).Scan(&exists); err != nil {
		return nil, fmt.Errorf("look for database %s: %w", c.database, err)
	}
	if exists == 0 {
		return nil, fmt.Errorf("database %s: %w", c.database, ErrNoDatabase)
	}
	c.exists.Store(true)
	return c.db, nil
}

// query runs a query and calls scan for each row.
func (c *client) query(ctx context.Context, scan func(row driver.Rows) error, sql string, args ...any) error {
	conn, err := c.conn(ctx)
	if err != nil {
		return err
	}
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (c *client) exec(ctx context.Context, sql string, args ...any) error {
	conn, err := c.conn(ctx)
	if err != nil {
		return err
	}
	return conn.Exec(ctx, sql, args...)
}
