package ruleset

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/rule"
)

// Options is what a Holder needs. Load is required.
type Options struct {
	Load   func() (*rule.Set, error) // reads the files
	Paths  []string                  // files and folders that Load reads, to be watched
	Hangup <-chan os.Signal          // each signal is a wish to load; nil: none comes

	Log     *zap.Logger           // nil logs nothing
	Metrics prometheus.Registerer // nil measures nothing
}

// Holder has the rules in force. It is safe for concurrent use.
type Holder struct {
	o       Options
	metrics *metrics
	current atomic.Pointer[rule.Set]

	loading sync.Mutex // held while files are read: one after the other

	mu     sync.Mutex // guards status
	status Status
}

// Status is how the rules are.
type Status struct {
	Rules      int
	Exceptions int
	Hash       string    // of the set in force
	Loaded     time.Time // when it was loaded
	Failed     time.Time // when the files last did not load; zero: they did
	Err        error     // why; rule.Problems where rules are wrong
}

// New loads the rules. Its error is Load's: there are no older rules to stay in force.
func New(o Options) (*Holder, error) {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	set, err := o.Load()
	if err != nil {
		return nil, err
	}
	h := &Holder{o: o, metrics: newMetrics(o.Metrics)}
	h.take(set)
	if len(set.Rules()) == 0 {
		o.Log.Warn("there are no rules: nothing can alert", zap.Strings("paths", o.Paths))
	}
	return h, nil
}

// Set returns the rules in force.
func (h *Holder) Set() *rule.Set { return h.current.Load() }

// Status says how the rules are.
func (h *Holder) Status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.status
}

// Refresh reads the files now and returns the rules in force after that: those of the files, or if these do not load, the
// same as before. Files that are all gone count as files that do not load: nobody wants to be blind by a mount that failed.
func (h *Holder) Refresh() *rule.Set {
	h.loading.Lock()
	defer h.loading.Unlock()
	set, err := h.o.Load()
	old := h.Set()
	if err == nil && len(set.Rules()) == 0 && len(old.Rules()) > 0 {
		err = fmt.Errorf("there are no rules any more in %s: a folder that is being filled, or not mounted; a rule that is not to run says mode: off",
			strings.Join(h.o.Paths, ", "))
	}
	switch {
	case err != nil:
		h.metrics.reloads.WithLabelValues("broken").Inc()
		h.fail(err)
		return old
	case set.Hash() == old.Hash():
		h.metrics.reloads.WithLabelValues("unchanged").Inc()
		if h.mend() {
			h.o.Log.Info("rules load again, and are those in force")
		}
		return old
	}
	h.metrics.reloads.WithLabelValues("changed").Inc()
	d := differ(old, set)
	h.take(set)
	h.o.Log.Info("rules reloaded", zap.Int("rules", len(set.Rules())), zap.Int("exceptions", len(set.Exceptions())), zap.String("hash", set.Hash()),
		zap.Strings("added", d.added), zap.Strings("changed", d.changed), zap.Strings("removed", d.removed))
	return set
}

// take puts the set in force.
func (h *Holder) take(set *rule.Set) {
	now := time.Now()
	h.current.Store(set)
	h.mu.Lock()
	h.status = Status{Rules: len(set.Rules()), Exceptions: len(set.Exceptions()), Hash: set.Hash(), Loaded: now}
	h.mu.Unlock()
	h.metrics.take(set, now)
}

// fail notes that the files do not load. The same mistake is logged once.
func (h *Holder) fail(err error) {
	h.mu.Lock()
	known := h.status.Err != nil && h.status.Err.Error() == err.Error()
	h.status.Failed, h.status.Err = time.Now(), err
	loaded := h.status.Loaded
	h.mu.Unlock()
	h.metrics.broken.Set(1)
	if known {
		return
	}
	var problems []string
	if many, ok := errors.AsType[rule.Problems](err); ok {
		for _, p := range many {
			problems = append(problems, p.Error())
		}
	} else {
		problems = []string{err.Error()}
	}
	h.o.Log.Error("rules not reloaded: those of before stay in force", zap.Time("loaded", loaded), zap.Strings("problems", problems))
}

// mend notes that the files load, and reports whether they did not before.
func (h *Holder) mend() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	failed := h.status.Err != nil
	h.status.Failed, h.status.Err = time.Time{}, nil
	h.metrics.broken.Set(0)
	return failed
}

// difference is by what two sets differ, in ids of rules.
type difference struct{ added, changed, removed []string }

func differ(old, set *rule.Set) difference {
	var d difference
	for _, r := range set.Rules() {
		switch o := old.Rule(r.ID); {
		case o == nil:
			d.added = append(d.added, r.ID)
		case o.Version != r.Version:
			d.changed = append(d.changed, r.ID)
		}
	}
	for _, r := range old.Rules() {
		if set.Rule(r.ID) == nil {
			d.removed = append(d.removed, r.ID)
		}
	}
	return d
}
