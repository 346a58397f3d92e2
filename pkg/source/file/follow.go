package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

// idleClose is after how long without news an open file is closed: a folder may hold many thousands. A file of which
// there is news again is opened again.
const idleClose = 5 * time.Minute

// breath is the least time between two rounds, so that a busy writer makes batches and not one round a line. A round
// over many files that takes longer is followed by as long a rest, but for no longer than Poll.
const breath = 50 * time.Millisecond

// follow makes rounds until ctx ends: when the system says that something changed, and at least every Poll.
func (s *Source) follow(ctx context.Context) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		s.log.Warn("look for news by polling only", zap.Error(err))
	} else {
		defer w.Close()
	}
	s.reopen()
	for ctx.Err() == nil {
		start := time.Now()
		s.round(ctx, w)
		s.judge(ctx, false)
		s.wait(ctx, w, max(breath, time.Since(start)))
	}
	return nil
}

// reopen finds the files that were not read to their end when their path was given to another file while nobody
// followed: they are looked for in their folder.
func (s *Source) reopen() {
	for id, pos := range s.positions.byID {
		if pos.Finished || at(pos.Path) == id {
			continue
		}
		entries, err := os.ReadDir(filepath.Dir(pos.Path))
		if err != nil {
			continue // the folder is gone, and the file with it
		}
		for _, e := range entries {
			path := filepath.Join(filepath.Dir(pos.Path), e.Name())
			if at(path) != id {
				continue
			}
			if t, err := s.start(path); err == nil {
				if t.pos.Path == pos.Path {
					s.open[id] = t
				} else { // the inode was given to a new file, which is not ours to read
					t.close()
				}
			}
			break
		}
	}
}

// at returns which file is at path, the zero fileID when none is.
func at(path string) fileID {
	info, err := os.Stat(path)
	if err != nil {
		return fileID{}
	}
	id, err := idOf(info)
	if err != nil {
		return fileID{}
	}
	return id
}

// round reads what is new of every file there is, and of those that were rotated away.
func (s *Source) round(ctx context.Context, w *fsnotify.Watcher) {
	now := time.Now()
	current, listed := map[string]fileID{}, map[fileID]bool{}
	for _, path := range find(s.cfg.Paths, s.report) {
		if ctx.Err() != nil {
			return
		}
		watch(w, filepath.Dir(path))
		id, err := s.look(ctx, path, now)
		if ctx.Err() != nil {
			return
		}
		current[path], listed[id] = id, true
		s.report(path, err)
	}
	for _, p := range s.cfg.Paths {
		watch(w, p)
		watch(w, filepath.Dir(p))
	}
	for id, t := range s.open {
		if current[t.pos.Path] != id {
			s.leave(ctx, t, listed[id], now)
			continue
		}
		t.gone = time.Time{}
		if t.pos.Finished || now.Sub(t.quiet) > idleClose {
			s.drop(t)
		}
	}
}

// watch asks to be told of changes in a folder; asking twice is asking once. What cannot be watched is polled.
func watch(w *fsnotify.Watcher, dir string) {
	if w != nil {
		_ = w.Add(dir)
	}
}

// look reads what is new of the file at path.
func (s *Source) look(ctx context.Context, path string, now time.Time) (fileID, error) {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fileID{}, nil // gone since it was found
		}
		return fileID{}, err
	}
	id, err := idOf(info)
	if err != nil {
		return id, err
	}
	t := s.open[id]
	if t == nil {
		saved, ok := s.positions.byID[id]
		if ok && (saved.Finished || info.Size() == saved.Offset && s.shown(&saved)) {
			return id, nil
		}
		if t, err = s.start(path); err != nil {
			return id, err
		}
		s.open[id] = t
	}
	t.path = path
	return id, s.read(ctx, t, now)
}

// read reads what is new of an open file. A compressed one is read when it has not changed for a while, for half of
// it cannot be told from a broken one.
func (s *Source) read(ctx context.Context, t *tracked, now time.Time) error {
	if t.pos.Offset > 0 || !isPacked(t.f) {
		if err := s.plain(ctx, t, false); err != nil {
			return err
		}
		return s.showPlain(t, false)
	}
	info, err := t.f.Stat()
	if err != nil {
		return err
	}
	if t.pos.Finished || now.Sub(info.ModTime()) < s.o.Settle {
		return nil
	}
	return s.compressed(ctx, t)
}

// leave follows a file whose path is now another's, or nobody's, for a while longer: its writer may not know yet that
// it was renamed. Then its last line is complete as it is. One that is listed under another name may still grow.
func (s *Source) leave(ctx context.Context, t *tracked, listed bool, now time.Time) {
	if t.gone.IsZero() {
		t.gone = now
	}
	err := s.read(ctx, t, now)
	if t.quiet.After(t.gone) {
		t.gone = t.quiet
	}
	if err == nil && !t.pos.Finished && now.Sub(t.gone) < s.o.Linger {
		return
	}
	if err == nil && !isPacked(t.f) {
		err = s.plain(ctx, t, true)
	}
	if ctx.Err() != nil {
		return
	}
	if s.report(t.path, err); err == nil && !listed {
		t.pos.Finished = true
		s.positions.save(t.pos)
	}
	s.drop(t)
}

func (s *Source) drop(t *tracked) {
	t.close()
	delete(s.open, t.pos.fileID)
}

// wait returns when something may be new and the rest is over, when Poll is over, or when ctx ends.
func (s *Source) wait(ctx context.Context, w *fsnotify.Watcher, rest time.Duration) {
	var events chan fsnotify.Event
	var errs chan error // an overflow of the system's queue: something is new, nobody knows what
	if w != nil {
		events, errs = w.Events, w.Errors
	}
	least, most := time.NewTimer(min(rest, s.o.Poll)), time.NewTimer(s.o.Poll)
	defer least.Stop()
	defer most.Stop()
	rested, news := false, false
	for !rested || !news {
		select {
		case <-ctx.Done():
			return
		case <-most.C:
			return
		case <-least.C:
			rested = true
		case <-events:
			news = true
		case <-errs: //nolint:errcheck // a watcher that lost something: the next round looks at everything
			news = true
		}
	}
}
