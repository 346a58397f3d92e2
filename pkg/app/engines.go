package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/dustin/go-humanize/english"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka"
	"github.com/shrike-sec/shrike/pkg/pipeline"
	"github.com/shrike-sec/shrike/pkg/store"
	"github.com/shrike-sec/shrike/pkg/web"
)

// engines is what the stages work with: Kafka and ClickHouse, wherever they run.
type engines struct {
	bus      *bus.Client
	producer *bus.Producer
	store    *store.Store  // writes
	hunter   *store.Hunter // reads, for people
	migrated chan struct{} // closed when the schema is there
}

// connect starts the embedded engines, waits for Kafka and makes the topics. It does not wait for ClickHouse: detect,
// notify and most rules run without it.
func (a *App) connect(ctx context.Context, s *stack, h *web.Health) (*engines, error) {
	e := &engines{migrated: make(chan struct{})}
	kafkaConfig, err := a.kafka(s)
	if err != nil {
		return nil, err
	}
	storeConfig, hunterConfig, err := a.clickhouse(ctx, s)
	if err != nil {
		return nil, err
	}
	if e.bus, err = bus.New(kafkaConfig, a.log.Named("bus")); err != nil {
		return nil, fmt.Errorf("open Kafka client: %w", err)
	}
	s.onStop("kafka client", func(context.Context) error { return e.bus.Close() })
	h.Add("kafka", e.bus.Ping)
	if err := a.wait(ctx, "Kafka", kafkaConfig.Brokers, e.bus.Ping); err != nil {
		return nil, err
	}
	if err := e.bus.EnsureTopics(ctx, a.topics()); err != nil {
		return nil, fmt.Errorf("make topics: %w", err)
	}
	e.producer = e.bus.NewProducer(bus.ProducerOptions{})
	a.endpoints.KafkaBrokers = kafkaConfig.Brokers
	a.endpoints.ClickHouse, a.endpoints.ClickHouseDatabase = storeConfig.Addrs[0], storeConfig.Database
	a.endpoints.ServiceUser, a.endpoints.ServicePassword = storeConfig.User, storeConfig.Password
	a.endpoints.HunterUser, a.endpoints.HunterPassword = hunterConfig.User, hunterConfig.Password
	if e.store, err = store.Open(ctx, storeConfig, a.log.Named("store")); err != nil {
		return nil, fmt.Errorf("open ClickHouse client: %w", err)
	}
	if err := e.store.Register(a.metrics); err != nil {
		return nil, fmt.Errorf("register metrics of the store: %w", err)
	}
	s.onStop("clickhouse client", func(context.Context) error { return e.store.Close() })
	if a.plays(RoleServe) {
		if e.hunter, err = store.OpenHunter(ctx, hunterConfig); err != nil {
			return nil, fmt.Errorf("open ClickHouse client for hunts: %w", err)
		}
		s.onStop("hunter", func(context.Context) error { return e.hunter.Close() })
	}
	if a.plays(RoleStore) || a.plays(RoleServe) {
		h.Add("clickhouse", e.store.Ping)
		h.Add("schema", func(context.Context) error {
			select {
			case <-e.migrated:
				return nil
			default:
				return errors.New("not applied yet")
			}
		})
	}
	s.run("migrations", func(ctx context.Context) error { return a.migrate(ctx, e, storeConfig.Addrs) })
	return e, nil
}

// kafka returns how to reach Kafka, starting the embedded one when no brokers are configured.
func (a *App) kafka(s *stack) (bus.Config, error) {
	if a.cfg.Kafka.Embedded() {
		b, err := kafka.Start(filepath.Join(a.cfg.DataDir, "kafka"), kafka.Options{Log: a.log.Named("kafka")})
		if err != nil {
			return bus.Config{}, fmt.Errorf("start embedded Kafka: %w", err)
		}
		s.onStop("embedded Kafka", func(context.Context) error { return b.Close() })
		return bus.Config{Brokers: []string{b.Addr()}, ClientID: "shrike"}, nil
	}
	return KafkaConfig(a.cfg)
}

// KafkaConfig returns how to reach the configured Kafka, secrets and certificates read.
func KafkaConfig(cfg *config.Config) (bus.Config, error) {
	k := cfg.Kafka
	password, err := config.ReadSecret(k.Password, k.PasswordFile)
	if err != nil {
		return bus.Config{}, fmt.Errorf("kafka.password_file: %w", err)
	}
	tls, err := k.TLS.Config()
	if err != nil {
		return bus.Config{}, fmt.Errorf("kafka.tls: %w", err)
	}
	return bus.Config{
		Brokers: config.Addresses(k.Brokers), ClientID: "shrike", TLS: tls,
		User: k.User, Password: password.Reveal(), Mechanism: k.Mechanism,
	}, nil
}

// clickhouse returns how the service and the hunters reach ClickHouse, starting the embedded one when no addresses are
// configured.
func (a *App) clickhouse(ctx context.Context, s *stack) (service, hunter store.Config, err error) {
	if !a.cfg.ClickHouse.Embedded() {
		return StoreConfig(a.cfg)
	}
	l := a.cfg.Limits
	o := clickhouse.Options{
		Dir: filepath.Join(a.cfg.DataDir, "clickhouse"), Library: a.cfg.ClickHouse.Library, Memory: int64(a.cfg.ClickHouse.Memory),
		Databases: a.cfg.ClickHouse.Database, Log: a.log.Named("clickhouse"),
		HunterSeconds: int(time.Duration(l.HuntTime).Seconds()) + clientSlack, HunterMemory: int64(l.HuntMemory), HunterRows: int64(l.HuntRows),
	}
	server, err := clickhouse.Start(ctx, o)
	if err != nil {
		return service, hunter, fmt.Errorf("start embedded ClickHouse: %w", err)
	}
	o.TCPPort, o.HTTPPort = port(server.Addr()), port(server.HTTPAddr())
	s.run("embedded ClickHouse", func(ctx context.Context) error { return supervise(ctx, server, o, a.log) })
	service = store.Config{
		Addrs: []string{server.Addr()}, Database: a.cfg.ClickHouse.Database,
		User: clickhouse.ServiceUser, Password: server.Password(),
	}
	hunter = service
	hunter.User, hunter.Password = clickhouse.HunterUser, server.HunterPassword()
	return service, hunter, nil
}

// clientSlack is what clickhouse-go adds to a context's deadline when it tells the server, in seconds. The server refuses
// a limit over the profile's.
const clientSlack = 5

// supervise keeps the engine up, on the ports its clients know, until ctx ends.
func supervise(ctx context.Context, server *clickhouse.Server, o clickhouse.Options, log *zap.Logger) error {
	for {
		select {
		case <-ctx.Done():
			return server.Close()
		case <-server.Done():
		}
		log.Error("embedded ClickHouse ended; start it again")
		next, err := backoff.Retry(ctx, func() (*clickhouse.Server, error) { return clickhouse.Start(ctx, o) },
			backoff.WithBackOff(patience()), backoff.WithMaxElapsedTime(0),
			backoff.WithNotify(func(err error, next time.Duration) {
				log.Error("embedded ClickHouse does not start", zap.Duration("retry_in", next), zap.Error(err))
			}))
		if err != nil {
			return nil // ctx ended
		}
		server = next
	}
}

// patience is the pauses between attempts to reach what everything waits for: whatever comes back after hours is seen in seconds.
func patience() backoff.BackOff {
	b := backoff.NewExponentialBackOff()
	b.MaxInterval = 5 * time.Second
	return b
}

func port(address string) int {
	_, p, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(p)
	return n
}

// StoreConfig returns how the service and the hunters reach the configured ClickHouse.
func StoreConfig(cfg *config.Config) (service, hunter store.Config, err error) {
	c := cfg.ClickHouse
	tls, err := c.TLS.Config()
	if err != nil {
		return service, hunter, fmt.Errorf("clickhouse.tls: %w", err)
	}
	password, err := config.ReadSecret(c.Password, c.PasswordFile)
	if err != nil {
		return service, hunter, fmt.Errorf("clickhouse.password_file: %w", err)
	}
	hunterPassword, err := config.ReadSecret(c.HunterPassword, c.HunterPasswordFile)
	if err != nil {
		return service, hunter, fmt.Errorf("clickhouse.hunter_password_file: %w", err)
	}
	service = store.Config{
		Addrs: config.Addresses(c.Addresses), Database: c.Database, User: c.User, Password: password.Reveal(),
		TLS: tls, Compression: c.Compression,
	}
	hunter = service
	hunter.User, hunter.Password = c.HunterUser, hunterPassword.Reveal()
	return service, hunter, nil
}

// wait pings until the service answers, saying which one it waits for.
func (a *App) wait(ctx context.Context, what string, addresses []string, ping func(context.Context) error) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		trying, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return struct{}{}, ping(trying)
	}, backoff.WithBackOff(patience()), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, next time.Duration) {
			a.log.Warn("wait for "+what, zap.Strings("addresses", addresses), zap.Duration("retry_in", next), zap.Error(err))
		}))
	if err != nil {
		return fmt.Errorf("wait for %s at %v: %w", what, addresses, err)
	}
	return nil
}

// migrate brings the schema up to date where all roles are in this process, and waits for `shrike migrate` elsewhere.
func (a *App) migrate(ctx context.Context, e *engines, addresses []string) error {
	if !a.plays(RoleStore) && !a.plays(RoleServe) && !a.plays(RoleCorrelate) {
		return nil
	}
	err := a.wait(ctx, "ClickHouse and its schema", addresses, func(context.Context) error {
		if len(a.roles) == len(AllRoles()) {
			_, err := e.store.Migrate(ctx, MigrateOptions(a.cfg))
			return err
		}
		pending, err := e.store.Pending(ctx)
		if err == nil && len(pending) > 0 {
			err = fmt.Errorf("not applied: %s; run `shrike migrate`", english.Plural(len(pending), "migration", ""))
		}
		return err
	})
	if err != nil {
		return err
	}
	close(e.migrated)
	return nil
}

// topics lists every topic. records and signals are what a stage may fall behind on, so their retention bounds the
// longest outage.
func (a *App) topics() []bus.Topic {
	k, r := a.cfg.Kafka, a.cfg.Retention.Topics
	topic := func(name string, partitions int, keep config.Duration) bus.Topic {
		return bus.Topic{Name: name, Partitions: partitions, Retention: time.Duration(keep), MaxMessage: maxMessage, Replication: k.Replication}
	}
	signals := topic(bus.Signals, k.SignalsPartitions, r.Signals)
	signals.Fixed = true // a group's shard is its hash modulo the partitions
	topics := []bus.Topic{
		signals,
		topic(bus.Alerts, 1, r.Alerts), // one: revisions of an alert stay in order, and alerts are few
		topic(bus.DeadLetter, 1, r.DeadLetter),
	}
	for _, name := range pipeline.RecordTopics() {
		topics = append(topics, topic(name, k.Partitions, r.Records))
	}
	return topics
}

// maxMessage is the largest message: a record of 900 kB with its headers, or one part of a frame.
const maxMessage = 1 << 20
