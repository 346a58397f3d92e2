package format

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/encoding/unicode"

	"github.com/shrike-sec/shrike/pkg/format/internal/parquetrows"
	"github.com/shrike-sec/shrike/pkg/record"
)

// maxPacked is how often a stream may be compressed.
const maxPacked = 3

// maxZstd bounds the memory that zstd data may ask for in bytes; encoders ask for 8 MB at most unless told otherwise.
const maxZstd = 64 << 20

// packing is how a stream says that it is not text.
type packing uint8

const (
	packNone packing = iota
	packGzip
	packZstd
	packParquet
	packUTF16
	packForeign // of what is not read
)

// foreign are the first bytes of archives and compressions that no service writes logs in and people do.
var foreign = [...]struct{ head, name string }{
	{"PK\x03\x04", "zip"}, {"BZh9", "bzip2"}, {"\xfd7zX", "xz"}, {"7z\xbc\xaf", "7-Zip"}, {"\x04\"M\x18", "LZ4"}, {"\xff\x06\x00\x00", "Snappy"},
}

// Packed reports whether a stream that begins with head, its first four bytes or more, is no plain UTF-8 or bytes but
// compressed, Parquet or UTF-16: Split reads such a stream from its start only.
func Packed(head []byte) bool { return packingOf(head) != packNone }

func packingOf(head []byte) packing {
	switch {
	case len(head) >= 3 && head[0] == 0x1f && head[1] == 0x8b && head[2] == 8:
		return packGzip
	case len(head) >= 4 && string(head[:4]) == "\x28\xb5\x2f\xfd":
		return packZstd
	case len(head) >= 4 && string(head[:4]) == "PAR1":
		return packParquet
	case len(head) >= 4 && (string(head[:2]) == "\xff\xfe" || string(head[:2]) == "\xfe\xff"):
		return packUTF16
	case foreignName(head) != "":
		return packForeign
	}
	return packNone
}

func foreignName(head []byte) string {
	for _, f := range foreign {
		if len(head) >= 4 && string(head[:len(f.head)]) == f.head {
			return f.name
		}
	}
	return ""
}

// open puts as many decompressors on the source as its bytes ask for.
func (w *window) open(in io.Reader, name string) {
	w.source = &sourceReader{in: in, name: name}
	w.in = w.source
	for layer := range maxPacked {
		peek := bufio.NewReaderSize(w.in, readSize)
		w.in = peek
		head, _ := peek.Peek(4)
		var err error
		switch packingOf(head) {
		case packNone:
			if layer > 0 && isTar(peek) {
				w.refuse("tar")
			}
			return
		case packGzip:
			var unzip *gzip.Reader
			if unzip, err = gzip.NewReader(peek); err == nil {
				w.in = unzip
			}
		case packZstd:
			var unzip *zstd.Decoder
			unzip, err = zstd.NewReader(peek, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxZstd))
			if err == nil {
				w.in = unzip
				w.closers = append(w.closers, unzip.IOReadCloser())
			}
		case packParquet:
			rows := parquetrows.New(w.ctx, peek, w.isHeader)
			w.in = rows
			w.closers = append(w.closers, rows)
			return
		case packUTF16: // as PowerShell writes what it is told to redirect
			w.in = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(peek)
			return
		case packForeign:
			w.refuse(foreignName(head))
			return
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			w.end(err)
			return
		}
	}
}

// refuse ends a stream that is an archive.
func (w *window) refuse(name string) {
	w.ended, w.because, w.damage = true, record.ReasonUnknownFormat, name+" data is not read: unpack it first"
}

// isTar knows the header of a tar archive's first member.
func isTar(r *bufio.Reader) bool {
	const at, mark = 257, "ustar"
	head, _ := r.Peek(at + len(mark))
	return len(head) == at+len(mark) && string(head[at:]) == mark
}
