package file

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/record"
)

// discard takes everything at once.
type discard struct{}

func (discard) Records(context.Context, []record.Record) error         { return nil }
func (discard) DeadLetters(context.Context, []record.DeadLetter) error { return nil }

// BenchmarkRead reads a file of flow lines: looking for pieces, splitting, recognising, copying, saving positions.
func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	var text strings.Builder
	const lines = 200_000
	for i := range lines {
		fmt.Fprintf(&text, "2 111122223333 eni-0a1b2c3d4e5f60718 10.0.%d.%d 198.51.100.44 49152 443 6 12 4180 1772355600 1772355660 ACCEPT OK\n", i>>8&255, i&255)
	}
	path := filepath.Join(dir, "flow.log")
	write(b, path, text.String())
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		s, err := New(Config{Name: fmt.Sprint("bench", n), Paths: []string{path}}, Options{Positions: dir, Registry: formats()})
		if err != nil {
			b.Fatal(err)
		}
		n++
		run(b, s, discard{})
	}
	b.ReportMetric(float64(lines*b.N)/b.Elapsed().Seconds(), "records/s")
}
