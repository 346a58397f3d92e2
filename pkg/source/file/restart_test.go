package file

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/source/sourcetest"
)

// However often a source is stopped, and wherever, every line arrives exactly once and in order as long as the sink
// says what it has taken; plain, compressed, as one document or table, and in the pieces of a container's log.
func TestStopAndResume(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "file-test")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		n := rapid.IntRange(1, 200).Draw(t, "lines")
		var lines []string
		for i := range n {
			lines = append(lines, fmt.Sprintf("%s%d", rapid.StringMatching(`[a-z,\]}"][a-z ,\[\]{}"]{0,60}[a-z]`).Draw(t, "line"), i))
		}
		data, path := text(lines), filepath.Join(dir, "a.log")
		first, step := 1, 1 // the numbers of the records' lines or elements
		switch rapid.SampledFrom([]string{"plain", "gzip", "zstd", "document", "log group", "container", "table"}).Draw(t, "kind") {
		case "gzip":
			data = zipped(data)
		case "zstd":
			w, err := zstd.NewWriter(nil)
			if err != nil {
				t.Fatal(err)
			}
			data = string(w.EncodeAll([]byte(data), nil))
		case "log group": // lines inside envelopes inside a list
			var events []string
			for i, line := range lines {
				events = append(events, fmt.Sprintf(`{"id":"%d","timestamp":1,"message":%q}`, i, line))
			}
			data = `{"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[` + strings.Join(events, ",") + `],"logStream":"s"}`
		case "container": // each line in pieces
			var pieces strings.Builder
			for _, line := range lines {
				cut := rapid.IntRange(0, len(line)).Draw(t, "cut")
				pieces.WriteString("2026-03-01T09:14:07Z stdout P " + line[:cut] + "\n2026-03-01T09:14:07Z stdout F " + line[cut:] + "\n")
			}
			data, step = pieces.String(), 2
		case "table":
			var rows strings.Builder
			rows.WriteString("@ptr,@message\n")
			for _, line := range lines {
				rows.WriteString(`p,"` + strings.ReplaceAll(line, `"`, `""`) + "\"\n")
			}
			data, first = rows.String(), 2
		case "document":
			for i := range lines {
				lines[i] = fmt.Sprintf(`{"n":%d,"text":%q}`, i, lines[i])
			}
			data = `{"Records":[` + strings.Join(lines, rapid.SampledFrom([]string{",", ",\n ", " , "}).Draw(t, "comma")) + `]}`
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		sink := sourcetest.New()
		for round := 0; ; round++ {
			ctx, cancel := context.WithCancel(context.Background())
			stopAt := rapid.IntRange(0, n).Draw(t, "stop at")
			sink.Before = func(taken, offered int) error {
				if round < 5 && taken+offered > stopAt {
					cancel() // the sink takes nothing of this batch
					return ctx.Err()
				}
				return nil
			}
			s, err := New(Config{Name: "test", Paths: []string{path}}, Options{Positions: filepath.Join(dir, "p"), Registry: formats()})
			if err != nil {
				t.Fatal(err)
			}
			s.pieceSize, s.limits.Records = 256, 10
			err = s.Run(ctx, sink)
			stopped := ctx.Err() != nil
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if !stopped {
				break
			}
		}
		if got := sink.Lines(); !slices.Equal(got, lines) || len(sink.Letters()) > 0 {
			t.Fatalf("got %q and %d dead letters, want %q", got, len(sink.Letters()), lines)
		}
		for i, r := range sink.Taken() {
			if r.Origin.Line != int64(first+step*i) {
				t.Fatalf("record %d says it is line or element %d", i, r.Origin.Line)
			}
		}
	})
}
