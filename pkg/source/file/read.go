package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/source"
)

// tracked is an open file and how far it is read.
type tracked struct {
	path string // where it is now
	f    *os.File
	pos  position

	size  int64     // when it was last looked at
	quiet time.Time // since when nothing was new
	gone  time.Time // since when its first path is another file's, or nobody's; zero while it is its own
}

func (t *tracked) close() { _ = t.f.Close() } // only read from

// start opens a file and finds its position: the saved one if it is the same file, else its beginning.
func (s *Source) start(path string) (*tracked, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	t := &tracked{path: path, f: f, quiet: time.Now()}
	if err := s.locate(t); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (s *Source) locate(t *tracked) error {
	info, err := t.f.Stat()
	if err != nil {
		return fmt.Errorf("look at file: %w", err)
	}
	id, err := idOf(info)
	if err != nil {
		return err
	}
	if saved, ok := s.positions.byID[id]; ok {
		same, err := saved.sameFile(t.f)
		if err != nil {
			return err
		}
		if same {
			t.pos = saved
			return nil
		}
	}
	return s.restart(t, id)
}

// restart puts a file's position to its beginning.
func (s *Source) restart(t *tracked, id fileID) error {
	t.pos = position{fileID: id, Path: t.path, Line: 1, Format: s.cfg.Format, Layout: s.cfg.Layout}
	return t.pos.learn(t.f)
}

// visit reads a file to its end.
func (s *Source) visit(ctx context.Context, path string) {
	t, err := s.start(path)
	if err == nil {
		defer t.close()
		if isPacked(t.f) {
			err = s.compressed(ctx, t)
		} else if err = s.plain(ctx, t, true); err == nil {
			err = s.showPlain(t, true)
		}
	}
	if ctx.Err() == nil {
		s.report(path, err)
	}
}

// compressed reads a whole object and leaves out the results that the sink has taken before: how an object is split
// does not change from one reading to the next.
func (s *Source) compressed(ctx context.Context, t *tracked) error {
	if t.pos.Finished {
		return nil
	}
	if _, err := t.f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("go to start: %w", err)
	}
	skip := t.pos.Results
	skipped := func() bool {
		if skip > 0 {
			skip--
			return true
		}
		return false
	}
	batch := source.NewBatch(ctx, s.sink, s.limits, func(n int64) error {
		t.pos.Results += n
		s.positions.save(t.pos)
		return nil
	})
	o := s.splitOptions(record.Origin{Object: t.pos.Path}, &t.pos)
	reading := s.trail.Reading(t.pos.Path)
	if reading != nil {
		o.Tap = reading
	}
	stats, err := format.Split(ctx, t.f, s.o.Registry, o,
		func(r record.Record) error {
			if skipped() {
				return nil
			}
			return batch.Record(r)
		},
		func(d record.DeadLetter) error {
			if skipped() {
				return nil
			}
			return batch.DeadLetter(d)
		})
	if err = errors.Join(err, batch.Flush()); err != nil {
		return err
	}
	s.trail.Take(reading, "") // before the position says that the file is done with
	t.pos.Finished = true
	s.positions.save(t.pos)
	s.metrics.bytes.Add(float64(stats.Bytes))
	s.metrics.disagreements.Add(float64(stats.Disagreements))
	return nil
}

func (s *Source) splitOptions(at record.Origin, pos *position) format.SplitOptions {
	at.Source = s.cfg.Name
	return format.SplitOptions{
		Origin: at, Received: time.Now().UTC(), Format: pos.Format, Layout: pos.Layout, Last: pos.Last, MaxRecord: s.o.MaxRecord,
	}
}

// plain reads what is new of a plain file. last says that nothing more will come: a last line without its newline is
// then a line, and a document that is not closed a dead letter.
func (s *Source) plain(ctx context.Context, t *tracked, last bool) error {
	info, err := t.f.Stat()
	if err != nil {
		return fmt.Errorf("look at file: %w", err)
	}
	t.size = info.Size()
	same, err := t.pos.sameFile(t.f)
	if err != nil {
		return err
	}
	if !same || t.size < t.pos.Offset {
		s.log.Info("read a file from its start again, for it was truncated", zap.String("path", t.path))
		if err := s.restart(t, t.pos.fileID); err != nil {
			return err
		}
	}
	if t.size == t.pos.Offset {
		return nil
	}
	batch := source.NewBatch(ctx, s.sink, source.Limits{Bytes: math.MaxInt}, nil) // a piece bounds it
	for {
		more, err := s.piece(ctx, t, last, batch)
		if err != nil || !more {
			return err
		}
	}
}

// piece reads one piece of a file, hands over its records and saves the position behind them. more is false when
// nothing is left that can be read now.
func (s *Source) piece(ctx context.Context, t *tracked, last bool, batch *source.Batch) (more bool, err error) {
	// A piece holds a record of any allowed length. One that is longer than allowed grows it until its end is in.
	for size := s.pieceSize; ; size *= 2 {
		from, line, err := t.resume()
		if err != nil {
			return false, err
		}
		// Taken before the bytes are: if the file is replaced meanwhile, the next look sees that it is another.
		next := t.pos
		if err := next.learn(t.f); err != nil {
			return false, err
		}
		whole := from+size >= t.size
		o := s.splitOptions(record.Origin{Object: t.pos.Path, Offset: from, Line: line}, &t.pos)
		o.More, o.Outside = !whole || !last, !t.pos.InList
		stats, err := format.Split(ctx, io.NewSectionReader(t.f, from, min(size, t.size-from)), s.o.Registry, o,
			batch.Record, batch.DeadLetter)
		if err == nil {
			err = batch.Flush()
		}
		if err != nil {
			return false, err
		}
		if end := from + stats.Bytes; end > t.pos.Offset {
			next.Offset, next.InList, next.Element = end, stats.InList, stats.Element
			next.Format, next.Layout, next.Last = stats.Format, stats.Layout, stats.Last
			s.metrics.disagreements.Add(float64(stats.Disagreements))
			return true, s.advance(t, next)
		}
		if whole {
			return false, nil
		}
	}
}

// advance saves that everything in front of next is acknowledged.
func (s *Source) advance(t *tracked, next position) error {
	lines, err := countLines(t.f, t.pos.Offset, next.Offset)
	if err != nil {
		return err
	}
	s.metrics.bytes.Add(float64(next.Offset - t.pos.Offset))
	next.Line += lines
	t.pos, t.quiet = next, time.Now()
	s.positions.save(t.pos)
	return nil
}

// resume says where to split on: at the position or, if a newline stands in front of it, at that. Bytes that begin a
// stream may mean more than they do behind a newline (gzip, a byte order mark), and a client may choose a line's
// first bytes. line is the element's number in a list.
func (t *tracked) resume() (from, line int64, err error) {
	from, line = t.pos.Offset, t.pos.Line
	switch {
	case from == 0:
		return from, line, nil
	case t.pos.InList:
		return from, t.pos.Element, nil
	}
	var b [1]byte
	if _, err := t.f.ReadAt(b[:], from-1); err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, fmt.Errorf("read file: %w", err)
	}
	if b[0] == '\n' {
		return from - 1, line - 1, nil
	}
	return from, line, nil
}

func countLines(f io.ReaderAt, from, to int64) (n int64, err error) {
	var buf [32 << 10]byte
	for in := io.NewSectionReader(f, from, to-from); ; {
		k, err := in.Read(buf[:])
		n += int64(bytes.Count(buf[:k], []byte{'\n'}))
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, fmt.Errorf("count lines: %w", err)
		}
	}
}
