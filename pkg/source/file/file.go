// Package file reads log files: files, folders and globs, plain or gzip, once or for as long as they grow.
//
// A round looks for files and reads what is new of each. A plain file is read in pieces: a piece is split into records,
// the sink takes them, and the position behind the last of them is saved; so a restart goes on at the byte after the
// last acknowledged record. A compressed file is read once, from its start, and its position is the number of results
// the sink has taken. Files are known by device, inode and the hash of their first KiB, so that rotation by rename is
// followed and copytruncate is noticed. A file that cannot be read costs only itself. Files of CloudTrail are also shown to package
// trail, which checks them by the trail's digests. Start reading at round in follow.go, then read.go.
//
// In follow mode, give globs that do not also match compressed rotations of the same files: those are new files.
//
// Metrics (constant label source): shrike_file_bytes_total, shrike_file_errors_total.
package file

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/source"
	"github.com/shrike-sec/shrike/pkg/source/trail"
)

// Config is what a user writes about the source.
type Config struct {
	Name   string
	Paths  []string // files, folders (with all below, but for names that begin with a dot) and globs
	Follow bool     // go on reading what is appended; otherwise each file is read to its end, and Run returns
	Format string   // "" recognises each record by its content
	Layout string   // columns for formats that have them
}

// Options is what the program passes. Zero durations mean the defaults.
type Options struct {
	Positions string // folder of the position files; "" keeps none
	Registry  *format.Registry
	// Trail says how trails of CloudTrail among the files are watched; without Report they are not. Its members Dir,
	// Source, Since, Log and Registerer are the source's own.
	Trail      trail.Options
	MaxRecord  int // bytes; 0 is format.DefaultMaxRecord
	Log        *zap.Logger
	Registerer prometheus.Registerer

	Poll   time.Duration // the longest wait between rounds; default 1 s
	Settle time.Duration // how long a compressed file must be unchanged before it is read in follow mode; default 2 s
	Linger time.Duration // how long a file that was rotated away is still followed; default 10 s
}

// Source reads files.
type Source struct {
	cfg       Config
	o         Options
	log       *zap.Logger
	metrics   metrics
	positions *positions
	trail     *trail.Watch
	sink      source.Sink
	open      map[fileID]*tracked
	pieceSize int64           // bytes of a plain file that are read, handed over and acknowledged together
	limits    source.Limits   // of a batch of a compressed file
	failing   map[string]bool // paths whose last visit failed: each failure is logged once
}

var _ source.Source = (*Source)(nil)

// New makes a Source. It reads nothing yet, not even the positions.
func New(cfg Config, o Options) (*Source, error) {
	switch {
	case cfg.Name == "":
		return nil, errors.New("file source needs a name")
	case len(cfg.Paths) == 0:
		return nil, errors.New("file source needs paths")
	case cfg.Format != "":
		if _, ok := o.Registry.Spec(cfg.Format); !ok {
			return nil, fmt.Errorf("no format is named %q", cfg.Format)
		}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if cfg.Layout != "" {
		layout, unknown, err := o.Registry.Layout(cfg.Format, cfg.Layout)
		if err != nil {
			return nil, err
		}
		if cfg.Layout = layout; len(unknown) > 0 {
			o.Log.Warn("columns are not known: their values go to unmapped", zap.String("format", cfg.Format), zap.Strings("columns", unknown))
		}
	}
	for d, def := range map[*time.Duration]time.Duration{&o.Poll: time.Second, &o.Settle: 2 * time.Second, &o.Linger: 10 * time.Second} {
		if *d <= 0 {
			*d = def
		}
	}
	if o.MaxRecord <= 0 {
		o.MaxRecord = format.DefaultMaxRecord
	}
	return &Source{
		cfg: cfg, o: o, log: o.Log, metrics: newMetrics(o.Registerer, cfg.Name),
		open: map[fileID]*tracked{}, failing: map[string]bool{},
		pieceSize: int64(max(1<<20, 2*o.MaxRecord)),
	}, nil
}

// Name returns the source's name.
func (s *Source) Name() string { return s.cfg.Name }

// Run reads until everything is read or, in follow mode, until ctx ends. While the sink fails it waits and offers the
// same records again.
func (s *Source) Run(ctx context.Context, sink source.Sink) error {
	p, err := openPositions(s.o.Positions, s.cfg.Name, s.log)
	if err != nil {
		return err
	}
	s.positions, s.sink = p, &patient{next: sink, log: s.log}
	defer s.close()
	if err := s.watchTrails(); err != nil {
		return err
	}
	if s.cfg.Follow {
		return s.follow(ctx)
	}
	for _, path := range find(s.cfg.Paths, s.report) {
		if ctx.Err() != nil {
			return nil
		}
		s.visit(ctx, path)
	}
	s.judge(ctx, true)
	return nil
}

func (s *Source) close() {
	for _, t := range s.open {
		t.close()
	}
	s.positions.close()
	if err := s.trail.Close(); err != nil {
		s.log.Error("close what is known of trails", zap.Error(err))
	}
}

// report logs a path's trouble when it begins, and forgets it when the path is well again.
func (s *Source) report(path string, err error) {
	if err == nil {
		delete(s.failing, path)
		return
	}
	s.metrics.errors.Inc()
	if !s.failing[path] {
		s.failing[path] = true
		s.log.Warn("skip file", zap.String("path", path), zap.Error(err))
	}
}
