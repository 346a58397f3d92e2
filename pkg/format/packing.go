package format

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

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

// PackedHead is how many bytes of a stream's beginning say whether it is packed; a shorter stream is known by all of it.
const PackedHead = 1024

// Packed reports whether a stream that begins with head, its first PackedHead bytes, is no plain UTF-8 or bytes but
// compressed, Parquet, UTF-16 or an archive, or a table (CSV): Split reads such a stream from its start only.
func Packed(head []byte) bool { return packingOf(head) != packNone || isTar(head) || isTable(head) }

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
	if w.meter == nil {
		w.meter = new(meter)
		w.source.meter = w.meter
	}
	for layer := range maxPacked {
		if layer > 0 {
			w.in = &metered{w.in, w.meter}
		}
		peek := bufio.NewReaderSize(w.in, peekSize)
		w.in = peek
		head, _ := peek.Peek(4)
		switch kind := packingOf(head); kind {
		case packNone:
			if (layer > 0 || w.base == 0) && peekTar(peek) {
				w.refuse("tar")
			}
			return
		case packGzip, packZstd:
			if err := w.unpack(peek, kind); err != nil {
				w.end(err)
				return
			}
		case packParquet:
			rows := parquetrows.New(w.ctx, peek, w.isHeader)
			w.in = &metered{rows, w.meter}
			w.closers = append(w.closers, rows)
			return
		case packUTF16: // as PowerShell writes what it is told to redirect
			w.in = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(peek)
			return
		case packForeign:
			w.refuse(foreignName(head))
			return
		}
	}
	w.in = &metered{w.in, w.meter} // the innermost: what it holds is not unpacked again
}

// unpack reads on from what in packs.
func (w *window) unpack(in io.Reader, kind packing) error {
	var err error
	if kind == packGzip {
		var unzip *gzip.Reader
		if unzip, err = gzip.NewReader(in); err == nil {
			w.in = unzip
		}
	} else {
		var unzip *zstd.Decoder
		if unzip, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxZstd)); err == nil {
			w.in = unzip
			w.closers = append(w.closers, unzip.IOReadCloser())
		}
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// A stream may unpack to unpackedFree bytes and to maxRatio times what was read of it, all that is packed in it and in its
// envelopes together, each time that it is packed: no single gzip goes over that, and packed twice some hundred bytes are
// gigabytes of lines, each a dead letter.
const (
	unpackedFree = 1 << 20
	maxRatio     = 1100
)

// errExpands is what reading ends with where more comes.
var errExpands = fmt.Errorf("unpacks to more than %d times its size: no logs do", maxRatio)

// meter counts the bytes of a stream and of what is packed in it.
type meter struct{ read, unpacked int64 }

// metered is something unpacked.
type metered struct {
	in    io.Reader
	meter *meter
}

func (m *metered) Read(p []byte) (n int, err error) {
	n, err = m.in.Read(p)
	if m.meter.unpacked += int64(n); m.meter.unpacked > unpackedFree+maxRatio*m.meter.read {
		return n, errExpands
	}
	return n, err
}

// refuse ends a stream that is an archive.
func (w *window) refuse(name string) {
	w.ended, w.because, w.damage = true, record.ReasonUnknownFormat, name+" data is not read: unpack it first"
}

// peekTar looks for a tar archive. It waits for a whole header only where there is no line yet.
func peekTar(r *bufio.Reader) bool {
	if early, _ := r.Peek(min(r.Buffered(), tarName)); bytes.IndexByte(early, '\n') >= 0 {
		return false
	}
	head, _ := r.Peek(tarHeader)
	return isTar(head)
}

// tarHeader is how long the header of a member is, and tarName the name in it.
const tarHeader, tarName = 512, 100

// isTar knows the header of a tar archive's first member by its mark and its checksum, so that no line of a log passes for
// one that a client wrote the mark into. A name has no newline.
func isTar(head []byte) bool {
	const mark, sumAt, sumEnd = 257, 148, 156
	if len(head) < tarHeader || string(head[mark:mark+5]) != "ustar" || bytes.IndexByte(head[:tarName], '\n') >= 0 {
		return false
	}
	want, err := strconv.ParseInt(string(bytes.Trim(head[sumAt:sumEnd], " \x00")), 8, 64)
	sum := int64((sumEnd - sumAt) * ' ')
	for i, c := range head[:tarHeader] {
		if i < sumAt || i >= sumEnd {
			sum += int64(c)
		}
	}
	return err == nil && sum == want
}
