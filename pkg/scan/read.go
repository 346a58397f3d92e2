package scan

import (
	"context"
	"errors"
	"io"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// ReaderOptions says how to read and where the results go. Callbacks run one at a time in the caller's goroutine; what
// they get is valid until they return, and an error of theirs ends the reading.
type ReaderOptions struct {
	Formats    *format.Registry
	Format     string // "" recognises by content
	Layout     string
	Event      func(*event.Event) error
	DeadLetter func(*record.DeadLetter) error
	Control    func(*record.Record) // gets records that are known to hold no event; nil for none
	Progress   io.Writer            // gets every byte of the files as stored; nil for none
}

// Counts is what was read.
type Counts struct {
	Inputs   int
	Records  int64
	Events   int64
	Controls int64 // header lines and the like: known to hold no event
	Dead     map[record.Reason]int64
	Formats  map[string]int64 // events by format
	// Disagreements counts records whose content one format recognises while the one that the caller or the file's name
	// speaks of does not.
	Disagreements int64
}

func newCounts() Counts { return Counts{Dead: map[record.Reason]int64{}, Formats: map[string]int64{}} }

// add adds what another reader read.
func (c *Counts) add(o Counts) {
	c.Inputs += o.Inputs
	c.Records += o.Records
	c.Events += o.Events
	c.Controls += o.Controls
	c.Disagreements += o.Disagreements
	for reason, n := range o.Dead {
		c.Dead[reason] += n
	}
	for name, n := range o.Formats {
		c.Formats[name] += n
	}
}

// DeadLetters returns their number over all reasons.
func (c *Counts) DeadLetters() int64 {
	var n int64
	for _, v := range c.Dead {
		n += v
	}
	return n
}

// Reader turns inputs into events.
type Reader struct {
	o       ReaderOptions
	decoder *format.Decoder
	counts  Counts
	err     error // of the event callback, for the decoder's emit cannot return one
}

// NewReader makes a Reader.
func NewReader(o ReaderOptions) *Reader {
	return &Reader{o: o, decoder: format.NewDecoder(o.Formats), counts: newCounts()}
}

// Counts returns what was read so far.
func (r *Reader) Counts() Counts { return r.counts }

// Unreadable is an input that could not be opened or read to its end.
type Unreadable struct{ Err error } // Err names the file

func (u *Unreadable) Error() string { return "read input: " + u.Err.Error() }

// Unwrap returns the cause.
func (u *Unreadable) Unwrap() error { return u.Err }

// Read reads one input to its end. The error is a callback's, the context's, or *Unreadable, after which the next
// input can be read. Bad data is no error: it becomes dead letters.
func (r *Reader) Read(ctx context.Context, in Input) error {
	stats, err := in.Split(ctx, r.o.Formats, format.SplitOptions{Format: r.o.Format, Layout: r.o.Layout}, r.o.Progress, r.record, r.dead)
	r.counts.Inputs++
	r.counts.Controls += stats.Controls
	r.counts.Disagreements += stats.Disagreements
	return err
}

// Split cuts the input into records, without parsing them; see format.Split. It sets the options' Origin, and progress,
// unless nil, gets every byte as stored. The error is also *Unreadable.
func (in Input) Split(ctx context.Context, reg *format.Registry, o format.SplitOptions, progress io.Writer,
	emit func(record.Record) error, dead func(record.DeadLetter) error,
) (format.SplitStats, error) {
	f, err := in.open()
	if err != nil {
		return format.SplitStats{}, &Unreadable{err}
	}
	defer func() { _ = f.Close() }() // only read from
	source := &watched{in: f, progress: progress}
	o.Origin = record.Origin{Source: "scan", Object: in.Name}
	stats, err := format.Split(ctx, source, reg, o, emit, dead)
	if source.err != nil && err != nil {
		return stats, &Unreadable{source.err}
	}
	return stats, err
}

func (r *Reader) record(rec record.Record) error {
	r.counts.Records++
	err := r.decoder.Decode(&rec, r.emit)
	if r.err != nil {
		return r.err
	}
	var bad *format.Error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, format.ErrControl):
		r.counts.Controls++
		if r.o.Control != nil {
			r.o.Control(&rec)
		}
		return nil
	case errors.As(err, &bad):
		return r.dead(record.DeadLetter{Record: rec, Reason: bad.Reason, Detail: bad.Detail, Size: int64(len(rec.Raw))})
	}
	return err
}

func (r *Reader) emit(e *event.Event) {
	r.counts.Events++
	r.counts.Formats[e.Text(event.Format)]++
	if r.err == nil {
		r.err = r.o.Event(e)
	}
}

func (r *Reader) dead(d record.DeadLetter) error {
	r.counts.Dead[d.Reason]++
	return r.o.DeadLetter(&d)
}

// watched tells the reader's own errors from those of what is done with the bytes, and reports progress.
type watched struct {
	in       io.Reader
	progress io.Writer
	err      error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.in.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	if w.progress != nil && n > 0 {
		_, _ = w.progress.Write(p[:n]) // a progress bar that cannot be drawn is no reason to stop
	}
	return n, err
}
