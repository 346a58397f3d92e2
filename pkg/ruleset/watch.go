package ruleset

import (
	"context"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

// Changes come in bursts, such as a checkout: files are read when nothing has happened for a moment, or at last when they
// keep changing.
const (
	quiet  = 200 * time.Millisecond
	atLast = 5 * time.Second
)

// Run loads the rules again whenever the files change or a hangup comes, until ctx ends. Where files cannot be watched, it
// says so and hangups remain.
func (h *Holder) Run(ctx context.Context) error {
	l := &lookout{holder: h, wait: time.NewTimer(0), refused: map[string]bool{}}
	l.wait.Stop()
	var events <-chan fsnotify.Event
	var failures <-chan error
	if w, err := fsnotify.NewWatcher(); err != nil {
		h.o.Log.Warn("files of rules are not watched; SIGHUP reloads them", zap.Error(err))
	} else {
		l.watcher, events, failures = w, w.Events, w.Errors
		defer func() { _ = w.Close() }() // only read from
	}
	l.look() // something may have changed since New
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.o.Hangup:
			before, failed := h.Set(), h.Status().Err
			l.look()
			switch s := h.Status(); {
			case s.Err != nil && failed != nil && s.Err.Error() == failed.Error(): // logged once; who sends a signal waits for an answer
				h.o.Log.Error("rules still do not load: those of before stay in force", zap.Time("loaded", s.Loaded), zap.NamedError("problems", s.Err))
			case s.Err == nil && h.Set() == before:
				h.o.Log.Info("rules are as they were", zap.String("hash", s.Hash))
			}
		case e := <-events:
			if e.Op != fsnotify.Chmod && l.places.concern(e.Name) {
				l.soon()
			}
		case err := <-failures: // events may be lost
			h.o.Log.Warn("watching files of rules", zap.Error(err))
			l.soon()
		case <-l.wait.C:
			l.look()
		}
	}
}

// lookout says when to look at the files. It belongs to one goroutine.
type lookout struct {
	holder  *Holder
	watcher *fsnotify.Watcher // nil: nothing can be watched
	places  places
	refused map[string]bool // folders that cannot be watched, and that this was said of
	wait    *time.Timer
	since   time.Time // of the first change that has not been looked at; zero: none
}

// soon puts the look off to when the changes are over.
func (l *lookout) soon() {
	now := time.Now()
	if l.since.IsZero() {
		l.since = now
	}
	l.wait.Reset(min(quiet, max(0, l.since.Add(atLast).Sub(now))))
}

// look watches what is there now, then reads it: in this order nothing changes unseen.
func (l *lookout) look() {
	l.since = time.Time{}
	l.watch()
	l.holder.Refresh()
}

func (l *lookout) watch() {
	if l.watcher == nil {
		return
	}
	l.places = placesOf(l.holder.o.Paths)
	for dir := range l.places {
		// Also where it is watched already: the folder of this name may be another one now.
		if err := l.watcher.Add(dir); err != nil && !l.refused[dir] {
			l.refused[dir] = true
			l.holder.o.Log.Warn("folder of rules is not watched; SIGHUP reloads it", zap.String("folder", dir), zap.Error(err))
		}
	}
	for _, dir := range l.watcher.WatchList() {
		if _, wanted := l.places[dir]; !wanted {
			_ = l.watcher.Remove(dir) // it may be gone
		}
	}
}
