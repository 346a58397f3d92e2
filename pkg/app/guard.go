package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/pipeline"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/source"
)

// guard watches the disks and keeps records out while one is too full: HTTP answers 429, other sources wait. What is
// not taken in stays with its sender, which can say so; a full disk would lose what is stored.
type guard struct {
	disks    []disk
	limit    float64 // used share from which on a disk is full
	every    time.Duration
	producer *bus.Producer // for the alert
	log      *zap.Logger
	used     prometheus.Gauge
	full     atomic.Pointer[string] // what is full; nil when nothing is
}

// disk is one that Shrike writes to.
type disk struct {
	name string
	used func(ctx context.Context) (share float64, err error)
}

func newGuard(a *App, e *engines) *guard {
	g := &guard{
		disks: a.disks(e), limit: a.cfg.Limits.Disk, every: 5 * time.Second, producer: e.producer, log: a.log,
		used: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "shrike_disk_used_ratio", Help: "Used share of the fullest disk that Shrike writes to.",
		}),
	}
	a.metrics.MustRegister(g.used)
	return g
}

// disks are the data folder's, and ClickHouse's own where it is elsewhere.
func (a *App) disks(e *engines) []disk {
	dir, err := filepath.Abs(a.cfg.DataDir)
	if err != nil {
		dir = a.cfg.DataDir
	}
	disks := []disk{{dir, func(context.Context) (float64, error) { return diskUsed(dir) }}}
	if !a.cfg.ClickHouse.Embedded() {
		disks = append(disks, disk{"ClickHouse", e.store.DiskUsed})
	}
	return disks
}

// run looks every few seconds until ctx ends.
func (g *guard) run(ctx context.Context) error {
	tick := time.NewTicker(g.every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			g.look(ctx)
		}
	}
}

// look asks the disks, and tells when one has become full.
func (g *guard) look(ctx context.Context) {
	place, used := g.fullest(ctx)
	g.used.Set(used)
	if used < g.limit {
		if g.full.Swap(nil) != nil {
			g.log.Info("disk has room again", zap.String("disk", place), zap.Float64("used", used))
		}
		return
	}
	why := fmt.Sprintf("%s is %.0f %% full (limit %.0f %%)", place, used*100, g.limit*100)
	if g.full.Swap(&why) != nil {
		return // known, and told
	}
	g.log.Error("refuse records: disk is full", zap.String("disk", place), zap.Float64("used", used))
	err := pipeline.Report(ctx, g.producer, pipeline.Trouble{
		Rule: pipeline.DiskFull, About: place, Count: 1, At: time.Now(),
		Title: "Shrike takes no more logs: " + why,
		Runbook: "Ingest answers 429 and sources wait; nothing is lost while senders keep their logs. Make room: shorten " +
			"retention in the configuration and restart, or give the disk more space. Ingest goes on by itself.",
	})
	if err != nil && ctx.Err() == nil {
		g.log.Error("send the alert about the disk", zap.Error(err))
	}
}

// fullest returns the fullest disk. One that cannot be asked about does not stop ingest.
func (g *guard) fullest(ctx context.Context) (place string, used float64) {
	for _, d := range g.disks {
		asking, cancel := context.WithTimeout(ctx, 3*time.Second)
		share, err := d.used(asking)
		cancel()
		if err != nil {
			g.log.Debug("ask how full a disk is", zap.String("disk", d.name), zap.Error(err))
			continue
		}
		if place == "" || share > used {
			place, used = d.name, share
		}
	}
	return place, used
}

// diskUsed returns the used share of the disk that holds dir, as df counts it: of what is used and what we may use; what only
// root may use is neither.
func diskUsed(dir string) (float64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	used := float64(st.Blocks - st.Bfree)
	if used == 0 {
		return 0, nil
	}
	return used / (used + float64(st.Bavail)), nil
}

// overloaded tells HTTP ingest whether to refuse, why, and when to come back.
func (g *guard) overloaded() (retryAfter time.Duration, reason string, overloaded bool) {
	if why := g.full.Load(); why != nil {
		return time.Minute, *why, true
	}
	return 0, "", false
}

// sink makes the sources wait while a disk is full.
func (g *guard) sink(next source.Sink) source.Sink { return &guardedSink{g, next} }

type guardedSink struct {
	g    *guard
	next source.Sink
}

func (s *guardedSink) Records(ctx context.Context, rs []record.Record) error {
	if err := s.room(ctx); err != nil {
		return err
	}
	return s.next.Records(ctx, rs)
}

func (s *guardedSink) DeadLetters(ctx context.Context, ds []record.DeadLetter) error {
	if err := s.room(ctx); err != nil {
		return err
	}
	return s.next.DeadLetters(ctx, ds)
}

func (s *guardedSink) room(ctx context.Context) error {
	if s.g.full.Load() == nil {
		return nil
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for s.g.full.Load() != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
