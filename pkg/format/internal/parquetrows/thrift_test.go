package parquetrows

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	library "github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// withFooter returns the file with another footer.
func withFooter(in, footer []byte) []byte {
	n := int(binary.LittleEndian.Uint32(in[len(in)-8:]))
	out := append(bytes.Clone(in[:len(in)-8-n]), footer...)
	return append(binary.LittleEndian.AppendUint32(out, uint32(len(footer))), "PAR1"...)
}

// changed returns the file with its metadata changed.
func changed(t testing.TB, in []byte, change func(*format.FileMetaData)) []byte {
	t.Helper()
	var p library.CompactProtocol
	var m format.FileMetaData
	n := int(binary.LittleEndian.Uint32(in[len(in)-8:]))
	if err := library.Unmarshal(&p, in[len(in)-8-n:len(in)-8], &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	footer, err := library.Marshal(&p, &m)
	if err != nil {
		t.Fatal(err)
	}
	return withFooter(in, footer)
}

// A few bytes that claim gigabytes are refused before anybody makes room for them: running out of memory or stack cannot be
// recovered from, so without the call of checkMetadata this test ends the test process.
func TestFootersThatClaimGigabytes(t *testing.T) {
	t.Parallel()
	good := file(t, []flow{{Version: 2}})
	huge := []byte{0xfc, 0xff, 0xff, 0xff, 0xff, 0x07} // a list of 2³¹-1 structs
	cases := map[string][]byte{
		"schema":     append([]byte{0x15, 2, 0x19}, huge...),
		"row groups": append([]byte{0x15, 2, 0x49}, huge...),
		"unknown":    append([]byte{0x15, 2, 0xf9}, huge...),
		"a map":      {0xfb, 0xff, 0xff, 0xff, 0xff, 0x07, 0x88},
		"a text":     {0xf8, 0xff, 0xff, 0xff, 0xff, 0x07},
		"no end":     {0x15},
		// 2 MB of lists in each other, and of structs in each other.
		"nested lists":   append([]byte{0xf9}, bytes.Repeat([]byte{0x19}, 2<<20)...),
		"nested structs": bytes.Repeat([]byte{0xfc}, 2<<20),
		// A million structs that are there, each of one byte.
		"empty structs": append([]byte{0x49, 0xfc, 0x80, 0x80, 0x40}, make([]byte, 1<<20+1)...),
	}
	for name, footer := range cases {
		if _, err := read(t, bytes.NewReader(withFooter(good, footer))); !errors.Is(err, errFooter) {
			t.Errorf("%s: got %v, want %v", name, err, errFooter)
		}
	}
	chain := changed(t, good, func(m *format.FileMetaData) {
		root := m.Schema[0]
		root.NumChildren.V = 1
		m.Schema = nil
		for range 50_000 {
			m.Schema = append(m.Schema, root)
		}
	})
	if _, err := read(t, bytes.NewReader(chain)); !errors.Is(err, errFooter) {
		t.Errorf("columns in each other: got %v, want %v", err, errFooter)
	}
}

// What the library writes is walked to its end.
func TestFootersAsWritten(t *testing.T) {
	t.Parallel()
	for name, in := range map[string][]byte{"flat": file(t, []flow{{Version: 2}}), "nested": file(t, []nested{{Text: "x"}})} {
		n := int(binary.LittleEndian.Uint32(in[len(in)-8:]))
		if err := checkMetadata(in[len(in)-8-n : len(in)-8]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
