package parquetrows

import (
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/parquet-go/parquet-go/format"
)

// What the pages of one group of rows may take. The library trusts what a page says of itself: sizes, numbers of values and
// lengths of runs, of which a few bytes are enough for gigabytes. Writers make pages of about a megabyte.
const (
	maxPage    = 64 << 20  // bytes of one page, unpacked
	maxValues  = 1 << 24   // of one page
	maxGroup   = 512 << 20 // bytes: of each column the largest page and the dictionary
	maxPerRow  = 1 << 22   // values of one row, in all columns
	valueBytes = 16        // what a value takes besides its bytes: levels, index or offset
)

// errPage is what a page is that contradicts itself or would take too much memory.
var errPage = errors.New("parquet page claims more than it can hold")

// pageHeader is what counts of one.
type pageHeader struct {
	kind         format.PageType
	size, packed int // of its bytes, unpacked and as they stand in the file
	values       int
	encoding     format.Encoding
	repLen       int // of version 2: bytes of the levels in front, which are not packed
	defLen       int
	plain        bool // of version 2: nor is the rest
}

// pages walks the pages of one column of one group of rows.
type pages struct {
	in      io.ReaderAt
	pos     int64
	end     int64
	codec   format.CompressionCodec
	leaf    *node
	unpack  *unpacker
	body    []byte
	header  []byte
	largest int // cost of the costliest data page
	dict    int // and of the dictionary
	row     int // values of the row that is being counted
	longest int // values of the longest row
}

// checkGroup refuses a group of rows that would take too much memory. It returns how many values the rows of the group may
// have at most.
func (r *Reader) checkGroup(group *format.RowGroup) (perRow int, err error) {
	leaves := r.root.leaves(nil)
	if len(leaves) != len(group.Columns) {
		return 0, fmt.Errorf("%w: %d columns, %d in the group", errPage, len(leaves), len(group.Columns))
	}
	cost := 0
	for i := range group.Columns {
		m := &group.Columns[i].MetaData
		p := pages{in: r.spool, codec: m.Codec, leaf: leaves[i], unpack: &r.unpack, body: r.page, header: r.head}
		err := p.column(m, r.size)
		r.page, r.head = p.body, p.header
		cost += p.largest + p.dict
		perRow += p.longest
		switch {
		case err != nil:
			return 0, fmt.Errorf("column %s: %w", leaves[i].name, err)
		case cost > maxGroup || perRow > maxPerRow:
			return 0, fmt.Errorf("%w: %d bytes of pages, %d values a row", errPage, cost, perRow)
		}
	}
	return perRow, nil
}

// column walks the pages as the library does: the dictionary from where one should be, then on from the first page of data.
func (p *pages) column(m *format.ColumnMetaData, size int64) error {
	start := m.DataPageOffset
	if m.DictionaryPageOffset != 0 {
		start = m.DictionaryPageOffset
	}
	if start < 0 || m.DataPageOffset < start || m.TotalCompressedSize < 0 || start > size {
		return fmt.Errorf("%w: at byte %d of %d", errPage, start, size)
	}
	p.pos, p.end = start, start+min(m.TotalCompressedSize, size-start)
	if m.DictionaryPageOffset != 0 && p.pos < p.end {
		if err := p.next(); err != nil {
			return err
		}
	}
	for p.pos = m.DataPageOffset; p.pos < p.end; {
		if err := p.next(); err != nil {
			return err
		}
	}
	p.longest = max(p.longest, p.row)
	return nil
}

// next checks the page at pos and goes behind it.
func (p *pages) next() error {
	h, n, err := p.readHeader()
	if err != nil {
		return err
	}
	if h.packed > maxPage || h.size > maxPage || h.values > maxValues || int64(h.packed) > p.end-p.pos-int64(n) {
		return fmt.Errorf("%w: %d bytes (%d in the file), %d values", errPage, h.size, h.packed, h.values)
	}
	if cap(p.body) < h.packed {
		p.body = make([]byte, h.packed)
	}
	body := p.body[:h.packed]
	if _, err := p.in.ReadAt(body, p.pos+int64(n)); err != nil {
		return fmt.Errorf("read parquet page: %w", err)
	}
	p.pos += int64(n + h.packed)
	cost := h.packed + h.size + h.values*valueBytes
	switch h.kind {
	case format.DictionaryPage:
		p.dict = max(p.dict, cost)
		_, err = p.unpack.bytes(p.codec, body, h.size)
		return err
	case format.DataPage:
		p.largest = max(p.largest, cost)
		return p.dataPage(&h, body)
	case format.DataPageV2:
		p.largest = max(p.largest, cost)
		return p.dataPage2(&h, body)
	}
	return nil // the library says what it cannot read
}

func (p *pages) dataPage(h *pageHeader, body []byte) error {
	plain, err := p.unpack.bytes(p.codec, body, h.size)
	if err != nil {
		return err
	}
	for _, l := range []struct{ max, n int }{{p.leaf.rep, 0}, {p.leaf.def, 1}} {
		if l.max == 0 {
			continue
		}
		var levels []byte
		if levels, plain, err = sized(plain); err != nil {
			return err
		}
		if err := p.levels(levels, l.max, l.n == 0, h.values); err != nil {
			return err
		}
	}
	return checkValues(h, plain)
}

func (p *pages) dataPage2(h *pageHeader, body []byte) error {
	if h.repLen > len(body) || h.defLen > len(body)-h.repLen {
		return fmt.Errorf("%w: levels longer than the page", errPage)
	}
	if p.leaf.rep > 0 {
		if err := p.levels(body[:h.repLen], p.leaf.rep, true, h.values); err != nil {
			return err
		}
	}
	if p.leaf.def > 0 {
		if err := p.levels(body[h.repLen:h.repLen+h.defLen], p.leaf.def, false, h.values); err != nil {
			return err
		}
	}
	plain := body[h.repLen+h.defLen:]
	if !h.plain {
		var err error
		if plain, err = p.unpack.bytes(p.codec, plain, h.size); err != nil {
			return err
		}
	}
	return checkValues(h, plain)
}

// levels checks runs of levels; those of repetition also say where rows begin.
func (p *pages) levels(b []byte, most int, rows bool, values int) error {
	width := bits.Len(uint(most))
	if !rows {
		return runs(b, width, values, nil)
	}
	left := values
	return runs(b, width, values, func(value uint64, n int) {
		if n = min(n, left); n <= 0 { // what fills the last group up is nobody's
			return
		}
		left -= n
		if value == 0 {
			p.longest, p.row = max(p.longest, p.row, 1), 1
		} else if p.row += n; p.row > p.longest {
			p.longest = p.row
		}
	})
}

// sized cuts off what has its length in front, four bytes.
func sized(b []byte) (first, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, fmt.Errorf("%w: it ends early", errPage)
	}
	n := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24
	if n > uint64(len(b)-4) {
		return nil, nil, fmt.Errorf("%w: levels longer than the page", errPage)
	}
	return b[4 : 4+n], b[4+n:], nil
}

// readHeader reads the header at pos and says how long it is.
func (p *pages) readHeader() (h pageHeader, n int, err error) {
	const usual, most = 4 << 10, 1 << 20 // what it may hold of the smallest and largest value may be long
	for size := usual; ; size = most {
		size = int(min(int64(size), p.end-p.pos))
		if cap(p.header) < size {
			p.header = make([]byte, size)
		}
		b := p.header[:size]
		if got, err := p.in.ReadAt(b, p.pos); err != nil && (!errors.Is(err, io.EOF) || got < size) {
			return h, 0, fmt.Errorf("read parquet page: %w", err)
		}
		t := thrift{b: b}
		h = pageHeader{}
		t.structure(0, func(id int, kind byte) bool { return h.field(&t, id, kind) })
		switch {
		case !t.bad:
			return h, len(b) - len(t.b), nil
		case size < usual || size == most || int64(size) == p.end-p.pos:
			return h, 0, fmt.Errorf("%w: a header that cannot be read", errPage)
		}
	}
}

func (h *pageHeader) field(t *thrift, id int, kind byte) bool {
	switch {
	case kind == typeI32 && id <= 3:
		n := t.int32()
		switch id {
		case 1:
			h.kind = format.PageType(n)
		case 2:
			h.size = n
		case 3:
			h.packed = n
		}
		return true
	case kind == typeStruct && (id == 5 || id == 7 || id == 8):
		t.structure(1, func(member int, kind byte) bool { return h.data(t, id == 8, member, kind) })
		return true
	}
	return false
}

// data reads a member of the header of a page of data or of a dictionary; second: of version 2.
func (h *pageHeader) data(t *thrift, second bool, id int, kind byte) bool {
	if second && id == 7 && (kind == typeTrue || kind == typeFalse) {
		h.plain = kind == typeFalse
		return true
	}
	if kind != typeI32 {
		return false
	}
	n := t.int32()
	switch {
	case id == 1:
		h.values = n
	case id == 2 && !second, id == 4 && second:
		h.encoding = format.Encoding(n)
	case id == 5 && second:
		h.defLen = n
	case id == 6 && second:
		h.repLen = n
	}
	return true
}

// leaves appends the columns in their order.
func (n *node) leaves(to []*node) []*node {
	if n.leaf {
		return append(to, n)
	}
	for _, f := range n.fields {
		to = f.leaves(to)
	}
	return to
}

// int32 reads a number; one that is below zero or too large is bad.
func (t *thrift) int32() int {
	n := t.uvarint()
	if n&1 != 0 || n>>1 > 1<<31-1 {
		t.bad = true
		return 0
	}
	return int(n >> 1)
}

// checkValues checks what encodings say of the number of values.
func checkValues(h *pageHeader, b []byte) error {
	switch h.encoding {
	case format.PlainDictionary, format.RLEDictionary: //nolint:staticcheck // deprecated for writers; files have it
		if len(b) == 0 {
			return nil
		}
		return runs(b[1:], int(b[0]), h.values, nil)
	case format.RLE:
		flags, _, err := sized(b)
		if err != nil {
			return err
		}
		return runs(flags, 1, h.values, nil)
	case format.DeltaBinaryPacked, format.DeltaLengthByteArray:
		return checkDelta(b, h.values)
	case format.DeltaByteArray:
		return checkPrefixes(b, h.values)
	}
	return nil
}
