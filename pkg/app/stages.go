package app

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
	"github.com/shrike-sec/shrike/pkg/notify"
	"github.com/shrike-sec/shrike/pkg/notify/slack"
	"github.com/shrike-sec/shrike/pkg/notify/webhook"
	"github.com/shrike-sec/shrike/pkg/pipeline"
	"github.com/shrike-sec/shrike/pkg/source/file"
	"github.com/shrike-sec/shrike/pkg/source/trail"
	"github.com/shrike-sec/shrike/pkg/store"
)

func (a *App) detectOptions(e *engines) pipeline.DetectOptions {
	return pipeline.DetectOptions{
		Bus: e.bus, Producer: e.producer, Formats: a.formats, Rules: a.rules, Shards: a.cfg.Kafka.SignalsPartitions,
		Retention: a.retention(), Redact: a.secrets, Log: a.log.Named("detect"), Metrics: a.metrics,
	}
}

func (a *App) correlateOptions(e *engines) pipeline.CorrelateOptions {
	return pipeline.CorrelateOptions{
		Bus: e.bus, Producer: e.producer, Rules: a.rules, Shards: a.cfg.Kafka.SignalsPartitions, Memory: memory{e.store, e.migrated},
		MaxKeys: a.cfg.Limits.Keys, MaxBytes: int64(a.cfg.Limits.State), Kept: time.Duration(a.cfg.Retention.Topics.Signals),
		Log: a.log.Named("correlate"), Metrics: a.metrics,
	}
}

// store waits for the schema, then stores.
func (a *App) store(ctx context.Context, e *engines) error {
	select {
	case <-e.migrated:
	case <-ctx.Done():
		return nil
	}
	return pipeline.Store(ctx, pipeline.StoreOptions{
		Bus: e.bus, Producer: e.producer, Store: e.store, Formats: a.formats, Retention: a.retention(),
		Redact: a.secrets, Log: a.log.Named("store"), Metrics: a.metrics,
	})
}

// audit waits for the schema, then audits.
func (a *App) audit(ctx context.Context, e *engines) error {
	select {
	case <-e.migrated:
	case <-ctx.Done():
		return nil
	}
	return pipeline.Audit(ctx, e.store, a.log.Named("audit"), a.metrics)
}

// MigrateOptions says how long the tables keep their rows.
func MigrateOptions(cfg *config.Config) store.MigrateOptions {
	r := cfg.Retention
	return store.MigrateOptions{Retention: map[string]time.Duration{
		"api": time.Duration(r.API), "flow": time.Duration(r.Flow), "http": time.Duration(r.HTTP), "dns": time.Duration(r.DNS),
		"alerts": time.Duration(r.Alerts), "dead_letter": time.Duration(r.DeadLetter),
	}}
}

// notify starts one consumer group a receiver.
func (a *App) notify(s *stack, e *engines) error {
	receivers, err := a.receivers()
	if err != nil {
		return err
	}
	s.run("notify", func(ctx context.Context) error {
		return pipeline.Notify(ctx, pipeline.NotifyOptions{
			Bus: e.bus, Receivers: receivers, Since: a.started, Log: a.log.Named("notify"),
		})
	})
	return nil
}

// receivers makes the configured receivers: the one list of what a receiver can be.
func (a *App) receivers() ([]*notify.Receiver, error) {
	var receivers []*notify.Receiver
	for _, r := range a.cfg.Receivers {
		var name, severity string
		var n notify.Notifier
		var err error
		switch {
		case r.Webhook != nil:
			name, severity = r.Webhook.Name, r.Webhook.Severity
			n, err = newWebhook(r.Webhook)
		case r.Slack != nil:
			name, severity = r.Slack.Name, r.Slack.Severity
			n, err = newSlack(r.Slack)
		}
		if err != nil {
			return nil, fmt.Errorf("receiver %s: %w", name, err)
		}
		receivers = append(receivers, notify.NewReceiver(n, notify.Options{
			Name: name, Severity: severity, Log: a.log.Named("notify").With(zap.String("receiver", name)), Registerer: a.metrics,
		}))
	}
	return receivers, nil
}

func newWebhook(c *config.Webhook) (notify.Notifier, error) {
	url, err := config.ReadSecret(c.URL, c.URLFile)
	if err != nil {
		return nil, err
	}
	secret, err := config.ReadSecret(c.Secret, c.SecretFile)
	if err != nil {
		return nil, err
	}
	tls, err := c.TLS.Config()
	if err != nil {
		return nil, err
	}
	return webhook.New(webhook.Options{URL: url.Reveal(), Secret: secret.Reveal(), TLS: tls})
}

func newSlack(c *config.Slack) (notify.Notifier, error) {
	url, err := config.ReadSecret(c.URL, c.URLFile)
	if err != nil {
		return nil, err
	}
	return slack.New(slack.Options{URL: url.Reveal()})
}

// ingest starts the sources: HTTP, and what is configured.
func (a *App) ingest(ctx context.Context, s *stack, e *engines) error {
	partitions := make(map[string]int)
	for _, topic := range pipeline.RecordTopics() {
		n, err := e.bus.Partitions(ctx, topic)
		if err != nil {
			return fmt.Errorf("ask Kafka about topic %s: %w", topic, err)
		}
		partitions[topic] = n
	}
	guard := newGuard(a, e)
	guard.look(ctx) // before the first record comes in
	s.run("disk guard", guard.run)
	kafka := pipeline.NewIngest(e.producer, a.formats, partitions, a.metrics)
	sink := guard.sink(kafka)
	for _, c := range a.cfg.Sources {
		src, err := a.fileSource(c.File, e)
		if err != nil {
			return fmt.Errorf("source %s: %w", c.File.Name, err)
		}
		s.run("source "+src.Name(), func(ctx context.Context) error { return src.Run(ctx, sink) })
	}
	return a.serveIngest(s, kafka, guard)
}

func (a *App) fileSource(f *config.FileSource, e *engines) (*file.Source, error) {
	keys, err := digest.ReadKeys(f.DigestKeysFile)
	if err != nil {
		return nil, err
	}
	return file.New(file.Config{Name: f.Name, Paths: f.Paths, Follow: f.Follow, Format: f.Format, Layout: f.Layout}, file.Options{
		Positions: filepath.Join(a.cfg.DataDir, "positions"), Registry: a.formats, MaxRecord: int(a.cfg.Limits.Record),
		Trail: trail.Options{Keys: keys, Wait: f.DigestWait.Std(), Report: func(ctx context.Context, found alert.Alert) error {
			return pipeline.SendAlert(ctx, e.producer, &found)
		}},
		Log: a.log.Named("source").With(zap.String("source", f.Name)), Registerer: a.metrics,
	})
}
