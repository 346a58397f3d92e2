package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/detections"
	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/pipeline"
	"github.com/shrike-sec/shrike/pkg/redact"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/ruleset"
	"github.com/shrike-sec/shrike/pkg/telemetry"
	"github.com/shrike-sec/shrike/pkg/web"
)

// Role is one stage of the way; `shrike run` plays all of them in one process.
type Role string

// The roles.
const (
	RoleIngest    Role = "ingest"
	RoleStore     Role = "store"
	RoleDetect    Role = "detect"
	RoleCorrelate Role = "correlate"
	RoleNotify    Role = "notify"
	RoleServe     Role = "serve"
)

// AllRoles returns every role, in the order of the pipeline.
func AllRoles() []Role {
	return []Role{RoleIngest, RoleStore, RoleDetect, RoleCorrelate, RoleNotify, RoleServe}
}

// Options are what the command line decides.
type Options struct {
	Roles   []Role // at least one
	Log     *zap.Logger
	Without []string         // ids of rules to leave out
	Hangup  <-chan os.Signal // each has the rules read again; nil: none comes
}

// App is Shrike in one process.
type App struct {
	cfg       *config.Config
	roles     []Role
	log       *zap.Logger
	formats   *format.Registry
	rules     *ruleset.Holder
	secrets   *redact.Rules // what is neither stored nor shown
	metrics   *prometheus.Registry
	ready     chan struct{}
	endpoints Endpoints
	started   time.Time
}

// stopWithin is how long a clean stop may take, all parts together.
const stopWithin = 10 * time.Second

// New checks what can be checked without starting anything: rules that do not load are an error here. All
// roles together embed the engines that are not configured; one role alone needs both by address.
func New(cfg *config.Config, o Options) (*App, error) {
	if len(o.Roles) == 0 {
		return nil, fmt.Errorf("start: no role given")
	}
	a := &App{
		cfg: cfg, roles: o.Roles, log: o.Log, formats: builtin.Formats(), secrets: redact.Compile(cfg.Redact.Keys...),
		metrics: telemetry.NewRegistry(), ready: make(chan struct{}),
	}
	if (cfg.Kafka.Embedded() || cfg.ClickHouse.Embedded()) && len(o.Roles) < len(AllRoles()) {
		return nil, fmt.Errorf("start %s: one role alone needs kafka.brokers and clickhouse.addresses; `shrike run` embeds both", o.Roles[0])
	}
	var err error
	a.rules, err = ruleset.New(ruleset.Options{
		Load: func() (*rule.Set, error) {
			set, err := Rules(cfg)
			if err != nil {
				return nil, err
			}
			return without(set, o.Without), nil
		},
		Paths:  slices.DeleteFunc(slices.Clone(cfg.Rules.Paths), func(p string) bool { return p == rule.Builtin }),
		Hangup: o.Hangup, Log: o.Log.Named("rules"), Metrics: a.metrics,
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Rules loads the configured rules; those that are built in when none are configured.
func Rules(cfg *config.Config) (*rule.Set, error) {
	return rule.LoadWith(detections.FS, rulePaths(cfg)...)
}

// ExamineRules is Rules for one who wants to hear everything at once: the set holds what nothing is wrong with.
func ExamineRules(cfg *config.Config) (*rule.Set, rule.Problems) {
	return rule.ExamineWith(detections.FS, rulePaths(cfg)...)
}

func rulePaths(cfg *config.Config) []string {
	if len(cfg.Rules.Paths) == 0 {
		return []string{rule.Builtin}
	}
	return cfg.Rules.Paths
}

func without(set *rule.Set, ids []string) *rule.Set {
	return set.Filter(func(r *rule.Rule) bool { return !slices.Contains(ids, r.ID) })
}

// Ready is closed when every part has been started and sources are taken in.
func (a *App) Ready() <-chan struct{} { return a.ready }

// Endpoints says where the parts can be reached; valid once Ready is closed.
func (a *App) Endpoints() Endpoints { return a.endpoints }

func (a *App) isReady(context.Context) error {
	select {
	case <-a.ready:
		return nil
	default:
		return errors.New("still starting")
	}
}

func (a *App) plays(r Role) bool { return slices.Contains(a.roles, r) }

// Run starts the parts from the way's end to its beginning, so that whatever is sent finds its reader, and stops them
// the other way round when ctx ends; nil then. It returns an error when a part cannot start or fails for good.
func (a *App) Run(ctx context.Context) error {
	a.started = time.Now()
	if err := os.MkdirAll(a.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	s := &stack{log: a.log, failed: make(chan error, 16)}
	defer s.stopAll(stopWithin)
	if err := a.start(ctx, s); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	close(a.ready)
	a.log.Info("ready", zap.Any("roles", a.roles), zap.String("console", a.endpoints.APIURL),
		zap.String("ingest", a.endpoints.IngestURL), zap.String("metrics", a.endpoints.MetricsURL))
	select {
	case <-ctx.Done():
		a.log.Info("stopping")
		return nil
	case err := <-s.failed:
		return err
	}
}

// start is the wiring, end of the way first. Reading it downwards is the order of starting; stopping goes upwards.
func (a *App) start(ctx context.Context, s *stack) error {
	health := &web.Health{}
	health.Add("start", a.isReady)
	health.Note("rules", func() string { return a.rulesStatus().String() })
	s.run("rules", a.rules.Run)
	if err := a.serveMetrics(s, health); err != nil {
		return err
	}
	e, err := a.connect(ctx, s, health)
	if err != nil {
		return err
	}
	if a.plays(RoleServe) {
		if err := a.serve(s, e, health); err != nil {
			return err
		}
	}
	if a.plays(RoleNotify) {
		if err := a.notify(s, e); err != nil {
			return err
		}
	}
	if a.plays(RoleCorrelate) {
		s.run("correlate", func(ctx context.Context) error { return pipeline.Correlate(ctx, a.correlateOptions(e)) })
	}
	if a.plays(RoleDetect) {
		s.run("detect", func(ctx context.Context) error { return pipeline.Detect(ctx, a.detectOptions(e)) })
	}
	if a.plays(RoleStore) {
		s.run("audit", func(ctx context.Context) error { return a.audit(ctx, e) })
		s.run("store", func(ctx context.Context) error { return a.store(ctx, e) })
	}
	if a.plays(RoleIngest) {
		if err := a.ingest(ctx, s, e); err != nil {
			return err
		}
	}
	return a.announce(s)
}

func (a *App) retention() pipeline.Retention {
	r := a.cfg.Retention
	return pipeline.Retention{
		event.API: time.Duration(r.API), event.Flow: time.Duration(r.Flow),
		event.HTTP: time.Duration(r.HTTP), event.DNS: time.Duration(r.DNS),
	}
}
