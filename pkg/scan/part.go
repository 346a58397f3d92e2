package scan

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Bounds of parts. What a part found waits for those before it, so the bounds are of memory, too: for each CPU at most queued
// finds, of a range of events or some dead letters.
const (
	usualPart   = 256     // inputs
	partBytes   = 8 << 20 // of inputs as stored
	queued      = 8
	manyLetters = 1000
	letterBytes = 1 << 20
)

// part is some inputs in a row. One goroutine reads and matches it while others do other parts; what it finds is taken when
// all before it has been, so that a scan comes to the same on any number of CPUs.
type part struct {
	inputs []Input
	finds  chan find // closed at the part's end; then what is below is whole

	counts      Counts
	skipped     int64
	first, last int64 // event times
	digests     []string
	unreadable  []error
}

// find is what a range of a part came to.
type find struct {
	signals  []match.Signal
	excepted map[string]uint64
	letters  []record.DeadLetter
}

// cut makes parts of the inputs, by their sizes alone.
func (s *scan) cut(inputs []Input) []*part {
	var parts []*part
	for start := 0; start < len(inputs); {
		end, size := start+1, inputs[start].Size
		for end < len(inputs) && end-start < s.o.partSize && size+inputs[end].Size <= partBytes {
			size += inputs[end].Size
			end++
		}
		parts = append(parts, &part{inputs: inputs[start:end], finds: make(chan find, queued), first: math.MaxInt64, last: math.MinInt64})
		start = end
	}
	return parts
}

// read reads the parts, as many at a time as there are lanes, and takes what they find in their order.
func (s *scan) read(ctx context.Context, parts []*part) error {
	g, ctx := errgroup.WithContext(ctx) // a goroutine a lane, and this one's
	var next atomic.Int64
	for range s.lanes() {
		g.Go(func() error {
			for i := next.Add(1) - 1; i < int64(len(parts)); i = next.Add(1) - 1 {
				if err := s.readPart(ctx, parts[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	g.Go(func() error { return s.take(ctx, parts) })
	return g.Wait()
}

func (s *scan) lanes() int {
	switch {
	case s.o.Profiler != nil:
		return 1
	case s.o.lanes > 0:
		return s.o.lanes
	}
	return runtime.GOMAXPROCS(0)
}

// take takes what the parts found, one after the other.
func (s *scan) take(ctx context.Context, parts []*part) error {
	for _, p := range parts {
		for more := true; more; {
			var f find
			select {
			case f, more = <-p.finds:
				s.takeFind(f)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		s.takePart(p)
	}
	return nil
}

func (s *scan) takeFind(f find) {
	for i := range f.letters {
		s.o.DeadLetter(&f.letters[i])
	}
	if len(f.signals)+len(f.excepted) > 0 {
		s.correlate(f.signals, f.excepted)
	}
}

func (s *scan) takePart(p *part) {
	s.report.add(p.counts)
	s.report.Skipped += p.skipped
	s.report.Unreadable = append(s.report.Unreadable, p.unreadable...)
	s.first, s.last = min(s.first, p.first), max(s.last, p.last)
	for _, name := range p.digests {
		s.digests[name] = true
	}
}

// lane reads one part.
type lane struct {
	*part
	o       *Options
	matcher *match.Matcher
	events  int // since the range began
	letters []record.DeadLetter
	bytes   int // of them
}

// readPart reads a part to its end. The error is the context's.
func (s *scan) readPart(ctx context.Context, p *part) error {
	l := &lane{part: p, o: &s.o, matcher: matcher(s.o)}
	r := NewReader(ReaderOptions{
		Formats: s.o.Formats, Control: l.control, Progress: s.o.Progress,
		Event:      func(e *event.Event) error { return l.event(ctx, e) },
		DeadLetter: func(d *record.DeadLetter) error { return l.letter(ctx, d) },
	})
	for _, in := range p.inputs {
		var unreadable *Unreadable
		err := r.Read(ctx, in)
		switch {
		case errors.As(err, &unreadable) && ctx.Err() == nil:
			p.unreadable = append(p.unreadable, err)
		case err != nil:
			return err
		}
	}
	if err := l.send(ctx); err != nil {
		return err
	}
	p.counts = r.Counts()
	close(p.finds)
	return nil
}

func (l *lane) event(ctx context.Context, e *event.Event) error {
	at := e.UnixNano(event.EventTime)
	if !l.o.Since.IsZero() && at < l.o.Since.UnixNano() || !l.o.Until.IsZero() && at >= l.o.Until.UnixNano() {
		l.skipped++
		return nil
	}
	l.first, l.last = min(l.first, at), max(l.last, at)
	l.matcher.Event(e)
	if l.events++; l.events < l.o.rangeSize {
		return nil
	}
	return l.send(ctx)
}

func (l *lane) letter(ctx context.Context, d *record.DeadLetter) error {
	if l.o.DeadLetter == nil {
		return nil
	}
	kept := *d
	kept.Record = d.Clone()
	l.letters, l.bytes = append(l.letters, kept), l.bytes+len(d.Raw)
	if len(l.letters) < manyLetters && l.bytes < letterBytes {
		return nil
	}
	return l.send(ctx)
}

// control remembers that an input is a digest file.
func (l *lane) control(r *record.Record) {
	if digest.Is(r.Raw) {
		l.digests = append(l.digests, r.Origin.Object)
	}
}

// send ends the range and waits until there is room for what it came to.
func (l *lane) send(ctx context.Context) error {
	f := find{signals: l.matcher.Signals(1)[0], excepted: l.matcher.Excepted(), letters: l.letters}
	l.matcher.Begin()
	l.events, l.letters, l.bytes = 0, nil, 0
	select {
	case l.finds <- f:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
