package format_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// colours is a little format with header lines: "#cols a b" names columns; lines begin with a colour.
func registry() *format.Registry {
	return format.NewRegistry([]format.Spec{
		{
			Name: "colours", Class: event.Flow, Version: 1,
			Sniff: func(raw []byte) int {
				switch {
				case bytes.HasPrefix(raw, []byte("red ")):
					return 90
				case bytes.HasSuffix(raw, []byte("Z red own")): // begins with a time
					return 95
				}
				return 0
			},
			Header: func(line []byte) (string, bool) {
				rest, ok := strings.CutPrefix(string(line), "#cols ")
				return rest, ok
			},
		},
		{
			Name: "trail", Class: event.API, Version: 1,
			Sniff: func(raw []byte) int {
				if bytes.HasPrefix(raw, []byte(`{"e":`)) {
					return 80
				}
				return 0
			},
		},
	})
}

// piece is what became of some bytes.
type piece struct {
	Raw, Format, Layout, Dead string
	Object                    string // of what lies in compressed data or in a log group
	Offset, Line, Size        int64
}

func split(t testing.TB, in io.Reader, o format.SplitOptions) ([]piece, format.SplitStats) {
	t.Helper()
	var got []piece
	stats, err := format.Split(t.Context(), in, registry(), o,
		func(r record.Record) error {
			got = append(got, piece{
				Raw: string(r.Raw), Format: r.Format, Layout: r.Layout, Object: r.Origin.Object,
				Offset: r.Origin.Offset, Line: r.Origin.Line, Size: int64(len(r.Raw)),
			})
			return nil
		},
		func(d record.DeadLetter) error {
			got = append(got, piece{
				Raw: string(d.Raw), Dead: string(d.Reason), Object: d.Origin.Object, Offset: d.Origin.Offset, Line: d.Origin.Line, Size: d.Size,
			})
			return nil
		})
	if err != nil {
		t.Fatalf("split: %v", err)
	}
	return got, stats
}

func raws(pieces []piece) []string {
	out := []string{}
	for _, p := range pieces {
		if p.Dead != "" {
			out = append(out, p.Dead+"!"+p.Raw)
		} else {
			out = append(out, p.Raw)
		}
	}
	return out
}

func zip(parts ...string) string {
	var b bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(p))
		_ = w.Close()
	}
	return b.String()
}

func tarred(name, content string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o644, Format: tar.FormatUSTAR})
	if _, werr := io.WriteString(w, content); err != nil || werr != nil || w.Close() != nil {
		panic("BUG: a tar archive cannot be written")
	}
	return b.String()
}

func TestSplit(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200)
	tests := map[string]struct {
		in   string
		want []string
	}{
		"empty":                   {"", []string{}},
		"blank":                   {" \n\r\n\t\n", []string{}},
		"lines":                   {"a b\nc\r\n\n  d  \ne", []string{"a b", "c", "d  ", "e"}},
		"byte order mark":         {"\xEF\xBB\xBFa\n\xEF\xBB\xBF{\"a\":1}", []string{"a", `{"a":1}`}},
		"ndjson":                  {"{\"a\":1}\n{\"a\":2}\r\n", []string{`{"a":1}`, `{"a":2}`}},
		"concatenated":            {`{"a":"}"}{"b":[{}]}{"c":"\""}`, []string{`{"a":"}"}`, `{"b":[{}]}`, `{"c":"\""}`}},
		"pretty":                  {"{\n \"a\": 1\n}\n{\n \"a\": 2\n}\n", []string{"{\n \"a\": 1\n}", "{\n \"a\": 2\n}"}},
		"records":                 {` { "Records" : [ {"a":1} , {"a":2}]} `, []string{`{"a":1}`, `{"a":2}`}},
		"no records":              {`{"Records":[]}`, []string{}},
		"two documents":           {`{"Records":[{"a":1}]}{"Records":[{"a":2}]}x`, []string{`{"a":1}`, `{"a":2}`, "x"}},
		"odd elements":            {`{"Records":[1,"a,]",null,{"a":1}]}`, []string{"1", `"a,]"`, "null", `{"a":1}`}},
		"array":                   {`[{"a":1},{"a":2}]`, []string{`{"a":1}`, `{"a":2}`}},
		"bracketed text":          {"[Wed Oct 11] x\n[\"a\"] b\n[1]\n", []string{"[Wed Oct 11] x", `["a"] b`, "[1]"}},
		"broken value":            {"{hello\n{\"a\":1}\n", []string{"{hello", `{"a":1}`}},
		"broken between":          {`{"a":1}{"b" 2}{"c":3}`, []string{`{"a":1}`, `{"b" 2}`, `{"c":3}`}},
		"value lacks its end":     {"{\"a\":1,\n{\"a\":2}\n", []string{`{"a":1,`, `{"a":2}`}},
		"broken element":          {`{"Records":[{"a" 1},{"a":2}]}`, []string{`{"a" 1}`, `{"a":2}`}},
		"control in element":      {"{\"Records\":[{\"a\":\"\x00\n\"},{\"a\":2}]}", []string{"{\"a\":\"\x00\n\"}", `{"a":2}`}},
		"more behind list":        {`{"Records":[{"a":1}],"x":2}`, []string{`{"a":1}`}},
		"records behind list":     {`{"Records":[{"a":1}],"x":{"y":2}}`, []string{`{"a":1}`, `{"y":2}`}},
		"not first":               {`{"x":2,"Records":[{"a":1}]}`, []string{`{"a":1}`}},
		"not flat in front":       {`{"x":{},"Records":[{"a":1}]}`, []string{`{"x":{},"Records":[{"a":1}]}`}},
		"truncated value":         {`{"a":1}{"a":`, []string{`{"a":1}`, `truncated!{"a":`}},
		"truncated record":        {`{"Records":[{"a":1},{"a":`, []string{`{"a":1}`, `truncated!{"a":`}},
		"truncated list":          {`{"Records":[{"a":1}`, []string{`{"a":1}`, `truncated!`}},
		"truncated document":      {`{"Records":[{"a":1}]`, []string{`{"a":1}`, `truncated!`}},
		"nul and not UTF-8":       {"a\x00b\xff\n\x00\n", []string{"a\x00b\xff", "\x00"}},
		"long line":               {"a\n" + long + "\nb", []string{"a", "too_long!" + long, "b"}},
		"long value":              {`{"a":"` + long + `"}{"b":1}`, []string{`too_long!{"a":"` + long + `"}`, `{"b":1}`}},
		"long element":            {`[{"a":"` + long + `"},{"b":1}]`, []string{`too_long!{"a":"` + long + `"}`, `{"b":1}`}},
		"long value lacks end":    {`{"a":["` + long + "\n{\"b\":1}", []string{`too_long!{"a":["` + long, `{"b":1}`}},
		"long value lacks brace":  {`{"a":["` + long + "\",\n{\"b\":1}", []string{`too_long!{"a":["` + long + "\",\n", `{"b":1}`}},
		"notice":                  {`{"Records":[{"eventSource":"aws:s3","s3":{}}]}{"a":"aws:s3"}`, []string{`notice!{"eventSource":"aws:s3","s3":{}}`, `{"a":"aws:s3"}`}},
		"test event":              {`{"Service":"Amazon S3","Event":"s3:TestEvent"}`, []string{}},
		"message":                 {`{"message":"red \u00e9\ud83d\ude00\n"}`, []string{"red \u00e9\U0001f600"}},
		"message with value":      {`{ "message" : "{\"e\":\"\\\"\"}" }`, []string{`{"e":"\""}`}},
		"message with lines":      {`{"message":"a\r\n\nb"}`, []string{"a", "b"}},
		"empty message":           {`{"message":""}`, []string{`{"message":""}`}},
		"message among others":    {`{"message":"a","b":1}`, []string{`{"message":"a","b":1}`}},
		"gzip":                    {zip("a\nb", "c\n", "d"), []string{"a", "bc", "d"}},
		"gzip in gzip":            {zip(zip("a\n", "b")), []string{"a", "b"}},
		"UTF-16":                  {"\xff\xfea\x00\n\x00\xac\x20b\x00", []string{"a", "€b"}},
		"UTF-16 big end first":    {"\xfe\xff\x00a\x20\xac\x00\n\xd8\x3d\xde\x00\x00b", []string{"a€", "😀b"}},
		"zip":                     {"PK\x03\x04a\nb\n", []string{"unknown_format!"}},
		"bzip2":                   {"BZh91AY&SYa\nb\n", []string{"unknown_format!"}},
		"xz":                      {"\xfd7zXZ\x00a\nb\n", []string{"unknown_format!"}},
		"tar":                     {tarred("x.log", "a\nb\n"), []string{"unknown_format!"}},
		"tar in gzip":             {zip(tarred("x.log", "a\nb\n")), []string{"unknown_format!"}},
		"tar, only the mark":      {"y" + tarred("x.log", "")[1:512] + "\nb\n", []string{"too_long!y" + tarred("x.log", "")[1:512], "b"}},
		"tar behind a line":       {"a\n" + tarred("x.log", "")[:90] + "\n", []string{"a", tarred("x.log", "")[:90]}},
		"zip in gzip":             {zip("PK\x03\x04a\nb\n"), []string{"unknown_format!"}},
		"empty gzip":              {zip(""), []string{}},
		"truncated gzip":          {zip("a\nb")[:25], []string{"a", "truncated!b"}},
		"truncated gzip header":   {zip("a\nb")[:5], []string{"truncated!"}},
		"something behind gzip":   {zip("a\n") + "garbage, not a member", []string{"a", "syntax!"}},
		"truncated gzip document": {zip(`{"Records":[{"a":1},{"a":2}]}`)[:40], []string{`{"a":1}`, "truncated!"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, stats := split(t, strings.NewReader(tc.in), format.SplitOptions{MaxRecord: 100})
			if diff := cmp.Diff(tc.want, raws(got)); diff != "" && name != "truncated gzip document" && name != "truncated gzip" {
				t.Errorf("split %q (-want +got):\n%s", tc.in, diff)
			}
			if n := stats.Records + stats.DeadLetters; n != int64(len(got)) {
				t.Errorf("stats count %d, want %d", n, len(got))
			}
			slow, _ := split(t, iotest.OneByteReader(strings.NewReader(tc.in)), format.SplitOptions{MaxRecord: 100})
			if diff := cmp.Diff(got, slow); diff != "" {
				t.Errorf("split %q byte by byte (-whole +bytes):\n%s", tc.in, diff)
			}
		})
	}
}

func TestSplitSaysWhere(t *testing.T) {
	t.Parallel()
	in := "red 1\n\n{\"e\":1} red 2\n{\"Records\":[{\"e\":2},\n {\"e\":3}]}\nblue\n"
	got, stats := split(t, strings.NewReader(in), format.SplitOptions{})
	want := []piece{
		{Raw: "red 1", Format: "colours", Offset: 0, Line: 1, Size: 5},
		{Raw: `{"e":1}`, Format: "trail", Offset: 7, Line: 3, Size: 7},
		{Raw: "red 2", Format: "colours", Offset: 15, Line: 3, Size: 5},
		{Raw: `{"e":2}`, Format: "trail", Offset: 33, Line: 1, Size: 7},
		{Raw: `{"e":3}`, Format: "trail", Offset: 43, Line: 2, Size: 7},
		{Raw: "blue", Offset: 53, Line: 6, Size: 4},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if want := (format.SplitStats{Records: 6, Bytes: int64(len(in))}); stats != want {
		t.Errorf("stats: got %+v, want %+v", stats, want)
	}
}

func TestSplitTakesColumnsFromHeaderLines(t *testing.T) {
	t.Parallel()
	in := "red 1\n#cols a b\n1 2\n{\"e\":1}\n{\"message\":\"#cols c\"}\n3\n"
	want := []piece{
		{Raw: "red 1", Format: "colours", Layout: "z", Offset: 0, Line: 1, Size: 5},
		{Raw: "1 2", Format: "colours", Layout: "a b", Offset: 16, Line: 3, Size: 3},
		{Raw: `{"e":1}`, Format: "trail", Offset: 20, Line: 4, Size: 7},
		{Raw: "3", Format: "colours", Layout: "c", Offset: 50, Line: 6, Size: 1},
	}
	got, stats := split(t, strings.NewReader(in), format.SplitOptions{Layout: "z"})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if stats.Controls != 2 {
		t.Errorf("controls: got %d, want 2", stats.Controls)
	}
	got, _ = split(t, strings.NewReader(in), format.SplitOptions{Format: "trail", Layout: "z"})
	if len(got) != 6 || got[1].Format != "trail" {
		t.Errorf("with a format named, others' header lines are records: got %+v", got)
	}
}

func TestSplitLeavesUnfinishedEndOfGrowingObject(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"a\nb", "a\n{\"b\":", "a\n{\"Records\":[", `{"Records":[{"e":1},{"e`, "a\n" + strings.Repeat("b", 200)} {
		got, stats := split(t, strings.NewReader(in), format.SplitOptions{More: true, MaxRecord: 100})
		if len(got) != 1 || stats.Records != 1 || got[0].Dead != "" {
			t.Errorf("split %q: got %+v", in, got)
		}
	}
}

func TestSplitReturnsErrorsOfOthersOnly(t *testing.T) {
	t.Parallel()
	broken := errors.New("cable cut")
	keep := func(record.Record) error { return nil }
	bury := func(record.DeadLetter) error { return nil }
	stop, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		ctx  context.Context
		in   io.Reader
		emit func(record.Record) error
		dead func(record.DeadLetter) error
		want error
	}{
		"reader":      {t.Context(), io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), keep, bury, broken},
		"gzip reader": {t.Context(), io.MultiReader(strings.NewReader(zip("a\nb")[:12]), iotest.ErrReader(broken)), keep, bury, broken},
		"cut body":    {t.Context(), io.MultiReader(strings.NewReader("a"), iotest.ErrReader(io.ErrUnexpectedEOF)), keep, bury, io.ErrUnexpectedEOF},
		"emit":        {t.Context(), strings.NewReader("a\nb"), func(record.Record) error { return broken }, bury, broken},
		"dead":        {t.Context(), strings.NewReader("{"), keep, func(record.DeadLetter) error { return broken }, broken},
		"context":     {stop, strings.NewReader("a"), keep, bury, context.Canceled},
	}
	for name, tc := range tests {
		if _, err := format.Split(tc.ctx, tc.in, registry(), format.SplitOptions{}, tc.emit, tc.dead); !errors.Is(err, tc.want) {
			t.Errorf("%s: got error %v, want %v", name, err, tc.want)
		}
	}
}

// endless is n bytes of one line, made as they are read.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	if e.n == 0 {
		return 0, io.EOF
	}
	n := min(e.n, len(p))
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.n -= n
	return n, nil
}

func TestSplitHoldsNoMoreThanOneRecord(t *testing.T) {
	const size = 50 << 20
	for _, head := range []string{"", `{"a":"`, `{"Records":[{"a":"`, `{"Records":[`, `[{"`, "{"} {
		in := io.MultiReader(strings.NewReader(head), &endless{size}, strings.NewReader("\nlast\n"))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, _ := split(t, in, format.SplitOptions{})
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
			t.Errorf("%q and 50 MB: %d bytes allocated", head, n)
		}
		if len(got) == 0 || got[0].Dead != string(record.ReasonTooLong) || got[0].Size < size || len(got[0].Raw) != 64<<10 {
			t.Errorf("%q and 50 MB: got %d results", head, len(got))
		}
	}
}

func TestSplitOfManyReads(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	var want []string
	for i := range 3000 {
		piece := strings.Repeat("red line ", 1+i%20) + strconv.Itoa(i)
		if i%7 == 0 {
			piece = `{"e":"` + strings.Repeat("value ", i*i%9000) + strconv.Itoa(i) + `"}`
		}
		want = append(want, piece)
		in.WriteString(piece + "\n")
	}
	for name, r := range map[string]io.Reader{
		"plain": strings.NewReader(in.String()), "halves": iotest.HalfReader(strings.NewReader(in.String())),
		"gzip": iotest.DataErrReader(strings.NewReader(zip(in.String()))),
	} {
		got, stats := split(t, r, format.SplitOptions{})
		if diff := cmp.Diff(want, raws(got)); diff != "" || stats.Bytes != int64(in.Len()) {
			t.Errorf("%s: %d bytes dealt with of %d (-want +got):\n%s", name, stats.Bytes, in.Len(), diff)
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	line := strings.Repeat("red 10.0.0.1 443 ", 7) + "\n"
	rec := `{"e":1,"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/a/b"},"requestParameters":{"x":"` +
		strings.Repeat("some text of a request ", 50) + `"}}`
	inputs := map[string]string{
		"lines":   strings.Repeat(line, 10000),
		"ndjson":  strings.Repeat(rec+"\n", 1000),
		"records": `{"Records":[` + strings.Repeat(rec+",", 1000) + rec + `]}`,
	}
	for name, in := range inputs {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			var n int64
			for range b.N {
				stats, err := format.Split(b.Context(), strings.NewReader(in), registry(), format.SplitOptions{},
					func(record.Record) error { return nil }, func(record.DeadLetter) error { return nil })
				if err != nil {
					b.Fatal(err)
				}
				n += stats.Records
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// A client that begins a line of text like a list of records spoils that line, and none behind it.
// Without !between in list, or without the case of open in listElement, it fails.
func TestALineThatBeginsLikeAList(t *testing.T) {
	t.Parallel()
	const line = `198.51.100.7 - - [24/Nov/2026:03:04:05 +0000] "GET /x HTTP/1.1" 200 5123 "-" "curl/8"` + "\n"
	const lines = 1000
	for _, begin := range []string{`[{}`, `[{"`, `[{"a":1},`, `{"Records":[`, `{"Records":[{}`, `{"results":[[{"field"`, `{"logEvents":[{`} {
		in := line + strings.Replace(line, "198.51.100.7", begin, 1) + strings.Repeat(line, lines)
		whole := 0
		_, err := format.Split(t.Context(), strings.NewReader(in), builtin.Formats(), format.SplitOptions{}, func(r record.Record) error {
			if string(r.Raw)+"\n" == line {
				whole++
			}
			return nil
		}, func(record.DeadLetter) error { return nil })
		if err != nil || whole != lines+1 {
			t.Errorf("%s: %d lines are records of their own (%v), want %d", begin, whole, err, lines+1)
		}
	}
}
