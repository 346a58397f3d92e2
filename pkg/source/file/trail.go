package file

import (
	"context"
	"fmt"
	"io"
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/source/trail"
)

// watchTrails begins to watch trails, if they are to be.
func (s *Source) watchTrails() (err error) {
	if s.o.Trail.Report == nil {
		return nil
	}
	o := s.o.Trail
	o.Dir, o.Source, o.Log, o.Registerer = s.o.Positions, s.cfg.Name, s.log, s.o.Registerer
	if len(s.positions.byID) > 0 {
		o.Since = time.Now() // some of what is read is not known to the watch
	}
	s.trail, err = trail.Open(o)
	return err
}

// judge lets trails be judged when everything there is has been read.
func (s *Source) judge(ctx context.Context, final bool) {
	if ctx.Err() != nil {
		return
	}
	if err := s.trail.Judge(ctx, time.Now(), final); err != nil && ctx.Err() == nil {
		s.log.Error("judge trails", zap.Error(err))
	}
}

// shown reports whether the watch has seen a plain file in the size it was read in, or need not see it.
func (s *Source) shown(pos *position) bool {
	return s.trail == nil || pos.Shown == pos.Offset || !trail.IsName(pos.Path)
}

// showPlain shows a plain file of a trail to the watch. CloudTrail's files are compressed and whole when they come, but
// one that was unpacked grows while it is written: it is shown when it has not changed for a while, or will not (last).
// It is read again for it, from its start, for its records were read in pieces, some of them before a restart.
func (s *Source) showPlain(t *tracked, last bool) error {
	if s.shown(&t.pos) {
		return nil
	}
	info, err := t.f.Stat()
	if err != nil {
		return fmt.Errorf("look at file: %w", err)
	}
	if !last && (time.Since(info.ModTime()) < s.o.Settle || info.Size() != t.pos.Offset) {
		return nil
	}
	r := s.trail.Reading(t.pos.Path)
	if _, err := io.Copy(r, io.NewSectionReader(t.f, 0, info.Size())); err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	s.trail.Take(r, "")
	t.pos.Shown = t.pos.Offset
	s.positions.save(t.pos)
	return nil
}
