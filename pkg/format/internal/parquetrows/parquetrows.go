// Package parquetrows reads Parquet files as the text that the same logs would be: for columns that a header line could
// name, such as those of flow logs, that line and one line a row; for all others one JSON object a row, keys with
// nothing in them left out.
//
// Bytes enter through New's reader and are spooled to a temporary file, for Parquet is read from its end; the text
// leaves through Read. Rows are never all in memory. It knows no format of logs. Start reading at Reader.open; json.go
// puts nested rows together, value.go writes single values.
package parquetrows

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"
)

// MaxSize is the largest file in bytes: services write objects of up to 256 MB.
const MaxSize = 1 << 30

// ErrTooLarge is what Read returns for a file over MaxSize.
var ErrTooLarge = fmt.Errorf("parquet file over %d bytes", MaxSize)

// ErrSpool is what Read returns when the temporary file cannot be made or written: nothing is wrong with the data.
var ErrSpool = errors.New("spool parquet file")

// maxFooter bounds what a file may claim that its footer takes; the library allocates that much, and more for what is in it.
const maxFooter = 16 << 20

// batch is how many rows are read at once, maxBatch how many values, and maxText about how many bytes of text.
const (
	batch    = 64
	maxBatch = 1 << 20
	maxText  = 1 << 20
)

// Reader is the file's rows as text.
type Reader struct {
	ctx      context.Context //nolint:containedctx // lives for one stream
	in       io.Reader
	isHeader func([]byte) bool
	limit    int64 // MaxSize, but for tests

	spool   *os.File
	size    int64 // of it
	file    *parquet.File
	group   int // the next one
	rows    parquet.Rows
	root    *node
	flat    bool
	fresh   []parquet.Row
	pending []parquet.Row // those of them that are not written yet
	broken  error         // why there are no more of the group behind them
	unpack  unpacker
	page    []byte // kept for the next one
	head    []byte // of a page, as well

	text bytes.Buffer
	err  error
}

// New makes a Reader of a whole Parquet file. isHeader says whether rows may become lines under a line of the columns'
// names. Close must be called.
func New(ctx context.Context, in io.Reader, isHeader func(line []byte) bool) *Reader {
	return &Reader{ctx: ctx, in: in, isHeader: isHeader, limit: MaxSize}
}

// Read implements io.Reader. What is wrong with the file is an error; so is whatever the input's is.
func (r *Reader) Read(p []byte) (int, error) {
	for r.text.Len() == 0 && r.err == nil {
		r.err = r.guarded()
	}
	if r.text.Len() == 0 {
		return 0, r.err
	}
	return r.text.Read(p)
}

// guarded makes an error of the library's panics: it panics on files that contradict themselves.
func (r *Reader) guarded() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parquet file contradicts itself: %v", p)
		}
	}()
	if r.spool == nil {
		return r.open()
	}
	return r.fill()
}

// Close removes the temporary file.
func (r *Reader) Close() error {
	if r.rows != nil {
		_ = r.rows.Close() // of a file that was only read
	}
	if r.spool == nil {
		return nil
	}
	return errors.Join(r.spool.Close(), os.Remove(r.spool.Name()))
}

func (r *Reader) open() error {
	spool, err := os.CreateTemp("", "shrike-parquet-*")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSpool, err)
	}
	r.spool = spool
	in := &stoppable{ctx: r.ctx, in: r.in}
	size, err := io.Copy(spool, io.LimitReader(in, r.limit+1))
	switch {
	case in.err != nil:
		return in.err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrSpool, err)
	case size > r.limit:
		return ErrTooLarge
	}
	if err := checkFooter(spool, size); err != nil {
		return err
	}
	f, err := parquet.OpenFile(spool, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return fmt.Errorf("open parquet file: %w", err)
	}
	r.file, r.size = f, size
	r.root = tree(f.Root())
	names := r.root.header()
	if r.flat = names != nil && r.isHeader(names); r.flat {
		r.text.Write(append(names, '\n'))
	}
	return nil
}

// checkFooter refuses a file that claims a footer it cannot have.
func checkFooter(f io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return io.ErrUnexpectedEOF
	}
	if _, err := f.ReadAt(tail[:], size-8); err != nil {
		return fmt.Errorf("read parquet footer: %w", err)
	}
	if string(tail[4:]) != "PAR1" {
		return io.ErrUnexpectedEOF
	}
	n := int64(binary.LittleEndian.Uint32(tail[:4]))
	if n > size-12 || n > maxFooter {
		return fmt.Errorf("parquet footer of %d bytes in a file of %d", n, size)
	}
	footer := make([]byte, n)
	if _, err := f.ReadAt(footer, size-8-n); err != nil {
		return fmt.Errorf("read parquet footer: %w", err)
	}
	return checkMetadata(footer)
}

// next opens the next group of rows, once it is known what it takes.
func (r *Reader) next() error {
	groups := r.file.Metadata().RowGroups
	if r.group == len(groups) {
		return io.EOF
	}
	group := &groups[r.group]
	for i := range group.Columns {
		c := &group.Columns[i]
		if c.MetaData.Codec != groups[0].Columns[i].MetaData.Codec { // the library goes by one of them
			return fmt.Errorf("%w: groups of rows are not packed alike", errPage)
		}
		c.OffsetIndexOffset, c.ColumnIndexOffset = 0, 0 // nothing is looked up
	}
	perRow, err := r.checkGroup(group)
	if err != nil {
		return err
	}
	r.fresh = make([]parquet.Row, max(1, min(batch, maxBatch/max(1, perRow))))
	r.rows = r.file.RowGroups()[r.group].Rows()
	r.group++
	return nil
}

// fill writes the next rows' text; io.EOF behind the last one.
func (r *Reader) fill() error {
	for r.text.Len() < maxText && len(r.pending) > 0 {
		if r.flat {
			r.root.line(&r.text, r.pending[0])
		} else {
			r.root.object(&r.text, r.pending[0])
		}
		r.pending = r.pending[1:]
	}
	switch {
	case len(r.pending) > 0:
		return nil
	case r.rows == nil:
		return r.next()
	case errors.Is(r.broken, io.EOF):
		err := r.rows.Close()
		if r.rows, r.broken = nil, nil; err != nil {
			return fmt.Errorf("close row group: %w", err)
		}
		return nil
	case r.broken != nil:
		return fmt.Errorf("read parquet rows: %w", r.broken)
	}
	n, err := r.rows.ReadRows(r.fresh)
	if n == 0 && err == nil {
		err = io.EOF
	}
	r.pending, r.broken = r.fresh[:n], err
	return nil
}

// stoppable ends reading when the context is done, and remembers the errors of reading.
type stoppable struct {
	ctx context.Context //nolint:containedctx // as Reader's
	in  io.Reader
	err error // never io.EOF
}

func (s *stoppable) Read(p []byte) (n int, err error) {
	if err = s.ctx.Err(); err == nil {
		n, err = s.in.Read(p)
	}
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
	}
	return n, err
}
