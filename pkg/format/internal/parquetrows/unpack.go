package parquetrows

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// unpacker unpacks pages to see how large they are; the library does so, too, but without a bound, and on a damaged page of
// LZ4 it doubles its room until there is none.
type unpacker struct {
	room []byte
	gzip gzip.Reader
	zstd *zstd.Decoder
}

// bytes returns what is packed in src, which must not be more than size; it is valid until the next call.
func (u *unpacker) bytes(codec format.CompressionCodec, src []byte, size int) ([]byte, error) {
	if codec == format.Uncompressed {
		return src, nil
	}
	if cap(u.room) <= size {
		u.room = make([]byte, size+1)
	}
	room := u.room[:size+1] // one byte more shows that there is more
	n, err := 0, error(nil)
	switch codec {
	case format.Snappy:
		if n, err = snappy.DecodedLen(src); err == nil && n <= size {
			_, err = snappy.Decode(room, src)
		}
	case format.Gzip:
		if err = u.gzip.Reset(bytes.NewReader(src)); err == nil {
			n, err = readAll(&u.gzip, room)
		}
	case format.Brotli:
		n, err = readAll(brotli.NewReader(bytes.NewReader(src)), room)
	case format.Zstd:
		if u.zstd == nil {
			if u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage)); err != nil {
				return nil, err
			}
		}
		if err = u.zstd.Reset(bytes.NewReader(src)); err == nil {
			n, err = readAll(u.zstd, room)
		}
	case format.Lz4Raw:
		if size > 0 || len(src) > 0 {
			n, err = lz4.UncompressBlock(src, room)
		}
	default:
		return nil, fmt.Errorf("parquet page is packed by %s, which is not read", codec)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("unpack parquet page: %w", err)
	case n > size:
		return nil, fmt.Errorf("%w: it is said to be %d bytes and is more", errPage, size)
	}
	return room[:n], nil
}

// readAll reads to the end or until room is full.
func readAll(in io.Reader, room []byte) (n int, err error) {
	for n < len(room) && err == nil {
		var k int
		k, err = in.Read(room[n:])
		n += k
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}

// runs walks runs of equal values and packed ones (https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE);
// visit, if not nil, gets each value and how often it stands there. Together there may be no more than those of the page, and
// what fills the last group up.
func runs(b []byte, width, values int, visit func(value uint64, n int)) error {
	if width > 32 {
		return fmt.Errorf("%w: values of %d bits", errPage, width)
	}
	for n := 0; len(b) > 0; {
		head, size := binary.Uvarint(b)
		if size <= 0 || head>>1 > maxValues+8 {
			return fmt.Errorf("%w: a run of %d", errPage, head>>1)
		}
		b = b[size:]
		count, length := int(head>>1), (width+7)/8
		packed := head&1 == 1
		if packed {
			length, count = count*width, count*8
		}
		if n += count; n > values+1024 {
			return fmt.Errorf("%w: more than the %d values in runs", errPage, values)
		}
		length = min(length, len(b)) // the last may be cut
		if visit != nil {
			each(b[:length], width, count, packed, visit)
		}
		b = b[length:]
	}
	return nil
}

// each visits the values of one run.
func each(b []byte, width, count int, packed bool, visit func(value uint64, n int)) {
	var value uint64
	if !packed {
		for i, c := range b {
			value |= uint64(c) << (8 * i)
		}
		visit(value, count)
		return
	}
	for i := range count {
		value = 0
		for k := range width {
			if at := i*width + k; at/8 < len(b) && b[at/8]>>(at%8)&1 == 1 {
				value |= 1 << k
			}
		}
		visit(value, 1)
	}
}

// checkDelta checks the header of differences.
func checkDelta(b []byte, values int) error {
	var head [3]uint64 // values of a block, parts of a block, values
	for i := range head {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return fmt.Errorf("%w: it ends early", errPage)
		}
		head[i], b = n, b[size:]
	}
	if head[0] > 1<<16 || head[1] > head[0] || head[2] > uint64(values) {
		return fmt.Errorf("%w: %d differences, %d a block, of %d values", errPage, head[2], head[0], values)
	}
	return nil
}

// checkPrefixes adds up what texts have in common with those before them.
func checkPrefixes(b []byte, values int) error {
	if err := checkDelta(b, values); err != nil {
		return err
	}
	// Behind the lengths stand other bytes, which are an error to the decoder only when it needs them.
	lengths, err := new(delta.BinaryPackedEncoding).DecodeInt32(make([]int32, 0, values), b)
	if err != nil {
		return fmt.Errorf("read parquet page: %w", err)
	}
	sum := 0
	for _, n := range lengths {
		if sum += int(n); n < 0 || sum > maxPage {
			return fmt.Errorf("%w: texts of more than %d bytes", errPage, maxPage)
		}
	}
	return nil
}
