package parquetrows

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	library "github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// withPage returns the file with another first page of data of its first column.
func withPage(t testing.TB, in []byte, change func(m *format.ColumnMetaData, h *format.PageHeader, body []byte) []byte) []byte {
	t.Helper()
	var page []byte
	out := changed(t, in, func(m *format.FileMetaData) {
		column := &m.RowGroups[0].Columns[0].MetaData
		var p library.CompactProtocol
		var h format.PageHeader
		r := p.NewReaderFromBytes(in[column.DataPageOffset:])
		if err := library.NewDecoder(r).Decode(&h); err != nil {
			t.Fatal(err)
		}
		start := int(column.DataPageOffset) + r.BytesRead()
		body := change(column, &h, bytes.Clone(in[start:start+int(h.CompressedPageSize)]))
		h.CRC, h.CompressedPageSize = 0, int32(len(body))
		head, err := library.Marshal(&p, &h)
		if err != nil {
			t.Fatal(err)
		}
		page = append(head, body...)
		n := int(binary.LittleEndian.Uint32(in[len(in)-8:]))
		column.DataPageOffset, column.DictionaryPageOffset, column.TotalCompressedSize = int64(len(in)-8-n), 0, int64(len(page))
	})
	n := int(binary.LittleEndian.Uint32(out[len(out)-8:]))
	footer := len(out) - 8 - n
	return append(append(bytes.Clone(out[:footer]), page...), out[footer:]...)
}

// allocated returns what f takes from the heap in bytes, kept or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

type one struct {
	N *int64 `parquet:"n,optional"`
}

type word struct {
	Text string `parquet:"text,dict"`
}

// Pages that claim gigabytes are refused before there is room made for them. Without the call of checkGroup this test takes all
// memory there is.
func TestPagesThatClaimGigabytes(t *testing.T) {
	five := int64(5)
	numbers := file(t, []one{{&five}, {}, {&five}}, parquet.DataPageVersion(1))
	words := file(t, []word{{"a"}, {"b"}, {"a"}}, parquet.DataPageVersion(1))
	levels := []byte{2, 0, 0, 0, 6, 1} // a run of three
	huge := binary.AppendUvarint(nil, 1<<30<<1)
	for name, in := range map[string][]byte{
		"values": withPage(t, numbers, func(_ *format.ColumnMetaData, h *format.PageHeader, body []byte) []byte {
			h.DataPageHeader.V.NumValues = 1 << 30
			return body
		}),
		"size": withPage(t, numbers, func(m *format.ColumnMetaData, h *format.PageHeader, body []byte) []byte {
			m.Codec, h.UncompressedPageSize = format.Snappy, 1<<31-1
			return body
		}),
		"a run of levels": withPage(t, numbers, func(_ *format.ColumnMetaData, _ *format.PageHeader, _ []byte) []byte {
			return append(append(binary.LittleEndian.AppendUint32(nil, uint32(len(huge)+1)), huge...), 1)
		}),
		"a run of a dictionary": withPage(t, words, func(_ *format.ColumnMetaData, h *format.PageHeader, _ []byte) []byte {
			h.DataPageHeader.V.Encoding = format.RLEDictionary
			return append(append([]byte{1}, huge...), 1)
		}),
		"differences": withPage(t, numbers, func(_ *format.ColumnMetaData, h *format.PageHeader, _ []byte) []byte {
			h.DataPageHeader.V.Encoding = format.DeltaBinaryPacked
			return append(append(bytes.Clone(levels), 0x80, 1, 4), binary.AppendUvarint(nil, 1<<30)...)
		}),
		"gzip": withPage(t, numbers, func(m *format.ColumnMetaData, h *format.PageHeader, _ []byte) []byte {
			m.Codec, h.UncompressedPageSize = format.Gzip, 100
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			for range 1 << 7 {
				_, _ = w.Write(make([]byte, 1<<20))
			}
			_ = w.Close()
			return packed.Bytes()
		}),
		"damaged LZ4": withPage(t, numbers, func(m *format.ColumnMetaData, h *format.PageHeader, _ []byte) []byte {
			m.Codec, h.UncompressedPageSize = format.Lz4Raw, 100
			return []byte{0xf0, 0xff, 1}
		}),
		"damaged Snappy": withPage(t, numbers, func(m *format.ColumnMetaData, h *format.PageHeader, _ []byte) []byte {
			m.Codec, h.UncompressedPageSize = format.Snappy, 100
			return []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1}
		}),
	} {
		var err error
		took := allocated(func() { _, err = read(t, bytes.NewReader(in)) })
		if err == nil || took > 64<<20 {
			t.Errorf("%s: took %d MB of memory and said %v, want an error", name, took>>20, err)
		}
	}
}

// A row that says the same long text a thousand times is cut where no record could be as long, and those behind it are read.
// Without the case of maxRow in one it fails.
func TestRowsThatAreTooLong(t *testing.T) {
	t.Parallel()
	type row struct {
		ID   int64    `parquet:"id"`
		List []string `parquet:"list,list,dict"`
	}
	long := strings.Repeat("x", 64<<10)
	rows := []row{{ID: 1}, {ID: 2}, {ID: 3, List: []string{"a"}}}
	for range 1000 {
		rows[1].List = append(rows[1].List, long)
	}
	text, err := read(t, bytes.NewReader(file(t, rows)))
	lines := strings.Split(text, "\n")
	if err != nil || len(lines) != 4 || lines[0] != `{"id":1,"list":[]}` || lines[2] != `{"id":3,"list":["a"]}` {
		t.Fatalf("got %d lines and %v", len(lines), err)
	}
	if n := len(lines[1]); n < maxRow || n > maxRow+len(long)+10 {
		t.Errorf("the long row has %d bytes, want about %d", n, maxRow)
	}
}

// A list in one row that has more values than fit is refused: the library would hold them all, and 24 bytes for each.
func TestRowsOfTooManyValues(t *testing.T) {
	t.Parallel()
	type row struct {
		List []int64 `parquet:"list"`
	}
	small := file(t, []row{{[]int64{1, 2}}, {[]int64{3}}}, parquet.DataPageVersion(1))
	if text, err := read(t, bytes.NewReader(small)); text != "{\"list\":[1,2]}\n{\"list\":[3]}\n" || err != nil {
		t.Errorf("got %q and %v", text, err)
	}
	const n = maxPerRow + 1
	many := withPage(t, small, func(_ *format.ColumnMetaData, h *format.PageHeader, _ []byte) []byte {
		h.DataPageHeader.V.NumValues, h.DataPageHeader.V.Encoding = n, format.RLEDictionary
		run := func(count uint64, value byte) []byte { return append(binary.AppendUvarint(nil, count<<1), value) }
		sized := func(b []byte) []byte { return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...) }
		rep := sized(append(run(1, 0), run(n-1, 1)...))
		return append(append(rep, sized(run(n, 1))...), append([]byte{1}, run(n, 0)...)...)
	})
	if _, err := read(t, bytes.NewReader(many)); !errors.Is(err, errPage) || !strings.Contains(err.Error(), "values a row") {
		t.Errorf("got %v, want %v", err, errPage)
	}
}

// Whatever packs pages and whatever puts values into them, files are read as they were written.
func TestPagesAsWritten(t *testing.T) {
	t.Parallel()
	type row struct {
		A int64    `parquet:"a,delta"`
		B string   `parquet:"b,delta"`
		C *string  `parquet:"c,optional,dict"`
		D []string `parquet:"d,list"`
		E float64  `parquet:"e,split"`
		F bool     `parquet:"f"`
	}
	var rows []row
	for i := range 1000 {
		text := strings.Repeat("ab", i%7)
		r := row{A: int64(i * i), B: text, D: make([]string, i%3), E: float64(i) / 2, F: i%5 == 0}
		if i%2 == 0 {
			r.C = &text
		}
		rows = append(rows, r)
	}
	want, err := read(t, bytes.NewReader(file(t, rows)))
	if err != nil || strings.Count(want, "\n") != len(rows) {
		t.Fatalf("%d lines, %v", strings.Count(want, "\n"), err)
	}
	for _, o := range []parquet.WriterOption{
		parquet.Compression(&parquet.Snappy), parquet.Compression(&parquet.Gzip), parquet.Compression(&parquet.Zstd),
		parquet.Compression(&parquet.Brotli), parquet.Compression(&parquet.Lz4Raw),
	} {
		for version := 1; version <= 2; version++ {
			for _, size := range []int{1 << 10, 1 << 20} {
				in := file(t, rows, o, parquet.DataPageVersion(version), parquet.PageBufferSize(size), parquet.MaxRowsPerRowGroup(600))
				if got, err := read(t, bytes.NewReader(in)); err != nil || got != want {
					t.Errorf("%v, version %d, pages of %d: %v", o, version, size, err)
				}
			}
		}
	}
}
