package file

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/apache"
	"github.com/shrike-sec/shrike/pkg/format/nginx"
	"github.com/shrike-sec/shrike/pkg/format/vpcflow"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/source"
	"github.com/shrike-sec/shrike/pkg/source/sourcetest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		os.Exit(child(path))
	}
	if path := os.Getenv(trailChildEnv); path != "" {
		os.Exit(trailChild(path))
	}
	goleak.VerifyTestMain(m)
}

func formats() *format.Registry {
	return format.NewRegistry([]format.Spec{vpcflow.Spec(), nginx.Spec(), apache.Spec()})
}

// newSource makes a source with small pieces and quick rounds, so that tests meet many boundaries.
func newSource(t testing.TB, dir string, follow bool, paths ...string) *Source {
	t.Helper()
	s, err := New(Config{Name: "test", Paths: paths, Follow: follow}, Options{
		Positions: filepath.Join(dir, "positions"), Registry: formats(),
		Poll: 20 * time.Millisecond, Settle: time.Millisecond, Linger: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.pieceSize, s.limits.Records = 256, 10
	return s
}

// run runs a source to its end.
func run(t testing.TB, s *Source, sink source.Sink) {
	t.Helper()
	if err := s.Run(t.Context(), sink); err != nil {
		t.Fatal(err)
	}
}

// start runs a source until the returned function is called, which waits for its end.
func start(t testing.TB, s *Source, sink source.Sink) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, sink) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v, want nil after the context's end", err)
		}
	}
}

func write(t testing.TB, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t testing.TB, path, data string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(data); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func zipped(data string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(data))
	_ = w.Close()
	return b.String()
}

func numbered(prefix string, n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("%s line %d", prefix, i)
	}
	return lines
}

func text(lines []string) string { return strings.Join(lines, "\n") + "\n" }

func same(want []string) func([]string) bool {
	return func(got []string) bool { return slices.Equal(got, want) }
}

func wantLines(t testing.TB, sink *sourcetest.Sink, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, sink.Lines()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func archive(t *testing.T, name, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600})
	if _, werr := w.Write([]byte(content)); errors.Join(err, werr, w.Close()) != nil {
		t.Fatal("a tar archive cannot be written")
	}
	return b.String()
}

func TestReadsEverythingOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain, packed := numbered("plain", 100), numbered("packed", 100)
	write(t, filepath.Join(dir, "logs/a.log"), text(plain))
	write(t, filepath.Join(dir, "logs/deep/b.log.gz"), zipped(text(packed[:50]))+zipped(text(packed[50:])))
	write(t, filepath.Join(dir, "logs/deep/c.log.gz"), zipped(text(numbered("cut", 50)))[:60])
	write(t, filepath.Join(dir, "logs/deep/d.tar"), archive(t, "a.log", text(numbered("archived", 50))))
	write(t, filepath.Join(dir, "logs/.hidden"), "hidden\n")
	write(t, filepath.Join(dir, "logs/empty"), "")
	write(t, filepath.Join(dir, "logs/z.log"), "no newline at the end")
	write(t, filepath.Join(dir, "other.log"), "not matched\n")
	sink := sourcetest.New()
	run(t, newSource(t, dir, false, filepath.Join(dir, "logs"), filepath.Join(dir, "l*/a.log"), filepath.Join(dir, "missing")), sink)

	got := slices.DeleteFunc(sink.Lines(), func(l string) bool { return strings.HasPrefix(l, "cut ") })
	want := slices.Concat(plain, packed, []string{"no newline at the end"})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if letters := sink.Letters(); len(letters) != 2 || letters[0].Reason != record.ReasonTruncated || letters[1].Reason != record.ReasonUnknownFormat {
		t.Errorf("dead letters %v, want one for the truncated gzip and one for the archive", letters)
	}
	for i, r := range sink.Taken()[:100] {
		at := strings.Index(text(plain), string(r.Raw)+"\n")
		if r.Origin.Source != "test" || r.Origin.Object != filepath.Join(dir, "logs/a.log") || r.Origin.Offset != int64(at) || r.Origin.Line != int64(i+1) {
			t.Fatalf("origin of line %d: %+v, want offset %d", i, r.Origin, at)
		}
	}

	again := sourcetest.New()
	run(t, newSource(t, dir, false, filepath.Join(dir, "logs")), again)
	if lines := again.Lines(); len(lines) != 0 || len(again.Letters()) != 0 {
		t.Errorf("a second run read %q again", lines)
	}
}

// A sink that fails gets the same records again, and each once when it is well.
func TestSinkFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want := numbered("line", 300)
	write(t, filepath.Join(dir, "a.log"), text(want))
	sink := sourcetest.New()
	failures := 0
	sink.Before = func(taken, _ int) error {
		if taken >= 100 && failures < 2 {
			failures++
			return errors.New("no room")
		}
		return nil
	}
	run(t, newSource(t, dir, false, filepath.Join(dir, "a.log")), sink)
	wantLines(t, sink, want)
	if failures != 2 {
		t.Errorf("%d failures, want 2", failures)
	}
}

// The layout of a header line holds for the whole file, also behind a restart.
func TestHeaderHoldsAcrossPieces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var b strings.Builder
	const header = "action srcaddr dstaddr start"
	b.WriteString(header + "\n")
	for i := range 200 {
		fmt.Fprintf(&b, "ACCEPT 10.0.0.%d 10.0.1.1 %d\n", i%250, 1772355600+i)
	}
	path := filepath.Join(dir, "flow.log")
	write(t, path, b.String())
	sink := sourcetest.New()
	ctx, cancel := context.WithCancel(t.Context())
	sink.Before = func(taken, _ int) error {
		if taken >= 100 {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	if err := newSource(t, dir, false, path).Run(ctx, sink); err != nil {
		t.Fatal(err)
	}
	sink.Before = nil
	run(t, newSource(t, dir, false, path), sink)
	rs := sink.Taken()
	if len(rs) != 200 {
		t.Fatalf("%d records, want 200", len(rs))
	}
	for i, r := range rs {
		if r.Format != "vpcflow" || r.Layout != header || r.Origin.Line != int64(i+2) {
			t.Fatalf("record %d: format %q, layout %q, line %d", i, r.Format, r.Layout, r.Origin.Line)
		}
	}
}

// A format that one line told holds for those behind it that another could have written, too, also in the next pieces.
// Fails without Last in splitOptions.
func TestFormatHoldsAcrossPieces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "access.log")
	const line = `198.51.100.7 - - [01/Mar/2026:09:14:07 +0000] "GET / HTTP/1.1" 200 5 "-" "%s"` + "\n"
	write(t, path, fmt.Sprintf(line, `say \"hi\"`)+strings.Repeat(fmt.Sprintf(line, "curl"), 20))
	sink := sourcetest.New()
	run(t, newSource(t, dir, false, path), sink)
	if len(sink.Taken()) != 21 {
		t.Fatalf("%d records, want 21", len(sink.Taken()))
	}
	for i, r := range sink.Taken() {
		if r.Format != "apache" {
			t.Errorf("record %d is of format %q", i, r.Format)
		}
	}
}

// A line that begins like gzip does is a line, wherever a piece begins.
func TestGzipMagicInsideAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want []string
	for i := range 200 {
		want = append(want, fmt.Sprintf("\x1f\x8b\x08 line %d", i))
	}
	path := filepath.Join(dir, "a.log")
	write(t, path, "first\n"+text(want))
	sink := sourcetest.New()
	run(t, newSource(t, dir, false, path), sink)
	wantLines(t, sink, append([]string{"first"}, want...))
}

func TestTooLongLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.log")
	write(t, path, "before\n"+strings.Repeat("x", 2<<20)+"\nafter\n")
	sink := sourcetest.New()
	run(t, newSource(t, dir, false, path), sink)
	wantLines(t, sink, []string{"before", "after"})
	if d := sink.Letters(); len(d) != 1 || d[0].Reason != record.ReasonTooLong || d[0].Size != 2<<20 || d[0].Origin.Line != 2 {
		t.Errorf("dead letters %v, want one too long", d)
	}
}

func TestConfigErrors(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"no name": {Paths: []string{"x"}}, "no paths": {Name: "x"}, "unknown format": {Name: "x", Paths: []string{"x"}, Format: "y"},
		"layout of no format": {Name: "x", Paths: []string{"x"}, Format: "nginx", Layout: "a b"},
		"no columns":          {Name: "x", Paths: []string{"x"}, Format: "vpcflow", Layout: "a b"},
	} {
		if _, err := New(cfg, Options{Registry: formats()}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// What the content says against the configured format or the file's name is believed, and counted.
func TestDisagreementsAreCounted(t *testing.T) {
	t.Parallel()
	const flow = "2 111122223333 eni-0a 10.0.0.1 10.0.0.2 1 2 6 1 60 1772355600 1772355660 ACCEPT OK\n"
	const access = "198.51.100.7 - - [01/Mar/2026:09:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"curl\"\n"
	for name, tc := range map[string]struct {
		path, format, data string
		want               float64
	}{
		"key of another":        {"AWSLogs/1/vpcflowlogs/x/a.log", "", access + flow + access, 2},
		"packed":                {"AWSLogs/1/vpcflowlogs/x/a.log.gz", "", zipped(access + flow + access), 2},
		"key that says nothing": {"a.log", "", access + flow, 0},
		"format of another":     {"a.log", "vpcflow", flow + access + access + access, 3},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, tc.path)
		write(t, path, tc.data)
		reg := prometheus.NewRegistry()
		s, err := New(Config{Name: "test", Paths: []string{path}, Format: tc.format}, Options{Registry: formats(), Registerer: reg})
		if err != nil {
			t.Fatal(err)
		}
		run(t, s, sourcetest.New())
		if got := testutil.ToFloat64(s.metrics.disagreements); got != tc.want {
			t.Errorf("%s: shrike_file_disagreements_total is %v, want %v", name, got, tc.want)
		}
		if n, err := testutil.GatherAndCount(reg, "shrike_file_disagreements_total"); n != 1 || err != nil {
			t.Errorf("%s: the counter is exported %d times, %v", name, n, err)
		}
	}
}
