package format

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/shrike-sec/shrike/pkg/format/internal/parquetrows"
	"github.com/shrike-sec/shrike/pkg/record"
)

// window is the part of the uncompressed stream that is being looked at. It grows to one record's limit plus one
// read and no further, whatever comes.
type window struct {
	ctx    context.Context //nolint:containedctx // lives for one Split call, whose argument it is
	in     io.Reader
	source *sourceReader

	buf  []byte
	r, w int   // unread is buf[r:w]
	base int64 // offset of buf[r] in the uncompressed object

	left    int64 // bytes that may still be read, if limited
	limited bool

	tap io.Writer // is shown what is read; nil for nobody

	isHeader func(line []byte) bool // whether a format has a header line like it

	meter *meter // of the stream and of all that is packed in it; nil before open

	ended   bool
	err     error         // why Split must give up: the source's error or the context's
	closers []io.Closer   // decompressors and temporary files
	damage  string        // what is wrong with the compressed data that ended the stream, "" when it ended well
	because record.Reason // the damage's reason
}

// Sizes of reads: a trail is mostly objects of a few kB, and buffers for more would be half of what reading them costs.
const (
	readSize  = 64 << 10
	firstRead = 8 << 10
	peekSize  = 4 << 10
)

func (w *window) unread() []byte { return w.buf[w.r:w.w] }

func (w *window) consume(n int) {
	w.r += n
	w.base += int64(n)
}

// more reads once and reports whether there is more unread than before; false at the end of the stream and on errors.
func (w *window) more() bool {
	if w.ended {
		return false
	}
	if w.err = w.ctx.Err(); w.err != nil {
		w.ended = true
		return false
	}
	w.makeRoom()
	for range 100 {
		n, err := w.in.Read(w.buf[w.w:])
		if w.tap != nil {
			_, _ = w.tap.Write(w.buf[w.w : w.w+n])
		}
		w.w += n
		if err != nil {
			w.end(err)
		}
		if w.left -= int64(n); w.limited && w.left < 0 {
			w.ended, w.err = true, ErrTooLarge
			return false
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
	w.end(io.ErrNoProgress)
	return false
}

func (w *window) makeRoom() {
	read := min(max(firstRead, len(w.buf)), readSize)
	if len(w.buf)-w.w >= read/2 {
		return
	}
	if size := w.w - w.r; size+read > len(w.buf) {
		grown := make([]byte, max(2*len(w.buf), read+size))
		copy(grown, w.unread())
		w.buf, w.r, w.w = grown, 0, size
		return
	}
	w.w = copy(w.buf, w.unread())
	w.r = 0
}

// end notes why the stream is over. The source's own errors are Split's; what a decompressor says of good reads is
// damaged data.
func (w *window) end(err error) {
	w.ended = true
	switch {
	case w.source.err != nil:
		w.err = fmt.Errorf("read %s: %w", w.source.name, w.source.err)
	case errors.Is(err, io.EOF):
	case errors.Is(err, io.ErrNoProgress), errors.Is(err, parquetrows.ErrSpool), w.ctx.Err() != nil:
		w.err = fmt.Errorf("read %s: %w", w.source.name, err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		w.because, w.damage = record.ReasonTruncated, "compressed data ends early"
	case errors.Is(err, parquetrows.ErrTooLarge), errors.Is(err, errExpands):
		w.because, w.damage = record.ReasonTooLong, err.Error()
	default:
		w.because, w.damage = record.ReasonSyntax, "compressed data is damaged: "+err.Error()
	}
}

// sourceReader remembers the error of the reader below all decompression.
type sourceReader struct {
	in   io.Reader
	name string
	err  error // never io.EOF

	meter *meter // counts what is read; nil for what is packed in another stream
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if s.meter != nil {
		s.meter.read += int64(n)
	}
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
	}
	return n, err
}

func (w *window) close() {
	for _, c := range w.closers {
		_ = c.Close() // only read from
	}
	w.closers = nil
}
