package app

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/detections"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/source"
	"github.com/shrike-sec/shrike/pkg/source/http"
	"github.com/shrike-sec/shrike/pkg/web"
)

// listen starts one HTTP server and returns its base URL.
func (a *App) listen(s *stack, o web.ServerOptions) (string, error) {
	tls, err := a.cfg.Listen.TLS.Config()
	if err != nil {
		return "", fmt.Errorf("listen.tls: %w", err)
	}
	o.TLS, o.Log = tls, a.log.Named(o.Name)
	server := web.NewServer(o)
	if err := server.Listen(); err != nil {
		return "", err
	}
	s.run(o.Name+" listener", server.Run)
	return server.URL(), nil
}

// serveMetrics is the first to start and the last to stop: metrics and health of this process.
func (a *App) serveMetrics(s *stack, h *web.Health) (err error) {
	l := a.cfg.Listen
	token, err := config.ReadSecret("", l.MetricsTokenFile)
	if err != nil {
		return fmt.Errorf("listen.metrics_token_file: %w", err)
	}
	a.endpoints.MetricsURL, err = a.listen(s, web.ServerOptions{
		Name: "metrics", Address: string(l.MetricsAddress),
		Handler: web.NewOps(web.OpsOptions{
			Health: h, Gatherer: a.metrics, Token: token.Reveal(), Loopback: l.MetricsAddress.Loopback(), Hosts: l.Hosts,
			Rules: a.rulesStatus,
		}),
	})
	return err
}

// serve starts the API and the console. Its token is made at the first start.
func (a *App) serve(s *stack, e *engines, h *web.Health) error {
	l := a.cfg.Listen
	secret, made, err := token(a.cfg.TokenFile(), l.TokenFile == "")
	if err != nil {
		return fmt.Errorf("the API's token: %w", err)
	}
	if made {
		a.log.Info("made the API's token", zap.String("file", a.cfg.TokenFile()))
	}
	hunts, err := web.Hunts(detections.FS)
	if err != nil {
		return err
	}
	a.endpoints.APIURL, err = a.listen(s, web.ServerOptions{
		Name: "api", Address: string(l.Address), Write: time.Duration(a.cfg.Limits.HuntTime) + 10*time.Second,
		Handler: web.New(web.Options{
			Token: secret, Loopback: l.Address.Loopback(), Hosts: append(l.Hosts, l.Address.Host()), Health: h,
			Alerts: storedAlerts{e.store}, Hunter: hunter{e.hunter, a.cfg.Limits}, Rules: a.rules.Set, Hunts: hunts,
			Status: func(ctx context.Context) (*web.Status, error) {
				status, err := Status(ctx, e.bus, e.store, ReceiverNames(a.cfg))
				if err == nil {
					status.Rules = a.rulesStatus()
				}
				return status, err
			},
			Log: a.log.Named("web"), Registerer: a.metrics,
		}),
	})
	return err
}

// serveIngest starts HTTP ingest. It answers 429 by itself while a disk is full, so it needs no waiting sink.
func (a *App) serveIngest(s *stack, sink source.Sink, g *guard) (err error) {
	l := a.cfg.Listen
	tokens, err := tokens(l.IngestTokenFile)
	if err != nil {
		return fmt.Errorf("listen.ingest_token_file: %w", err)
	}
	in, err := http.New(http.Options{
		Tokens: tokens, Registry: a.formats, MaxBody: int64(a.cfg.Limits.Body), MaxRecord: int(a.cfg.Limits.Record),
		Overloaded: g.overloaded, Log: a.log.Named("ingest"), Registerer: a.metrics,
	})
	if err != nil {
		return err
	}
	handler := in.Handler(sink)
	if l.IngestAddress.Loopback() {
		handler = web.LoopbackGuard(l.Hosts, handler)
	}
	a.endpoints.IngestURL, err = a.listen(s, web.ServerOptions{Name: "ingest", Address: string(l.IngestAddress), Handler: handler})
	return err
}

// tokens reads a file of tokens, one a line; none when there is no file.
func tokens(file string) ([]string, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	found := strings.Fields(string(data))
	if len(found) == 0 {
		return nil, fmt.Errorf("read tokens: %s is empty", file)
	}
	return found, nil
}

// announce writes where this process can be reached, when it is the one that others need to find.
func (a *App) announce(s *stack) error {
	if len(a.roles) < len(AllRoles()) {
		return nil
	}
	a.endpoints.Pid = os.Getpid()
	a.endpoints.TokenFile = a.cfg.TokenFile()
	if err := a.endpoints.write(a.cfg.DataDir); err != nil {
		return err
	}
	s.onStop("endpoints", func(context.Context) error {
		if err := os.Remove(endpointsFile(a.cfg.DataDir)); err != nil {
			return fmt.Errorf("remove endpoints: %w", err)
		}
		return nil
	})
	return nil
}
