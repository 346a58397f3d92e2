package parquetrows

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"pgregory.net/rapid"
)

func file[T any](t testing.TB, rows []T, o ...parquet.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, o...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func isFlow(line []byte) bool { return bytes.HasPrefix(line, []byte("version ")) }

func read(t testing.TB, in io.Reader) (string, error) {
	t.Helper()
	r := New(t.Context(), in, isFlow)
	got, err := io.ReadAll(r)
	if err := r.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	return string(got), err
}

type flow struct {
	Version  int32   `parquet:"version"`
	Account  *string `parquet:"account_id,optional"`
	Src      string  `parquet:"srcaddr,dict"`
	SrcPort  *int32  `parquet:"srcport,optional"`
	Bytes    *int64  `parquet:"bytes,optional"`
	Protocol uint32  `parquet:"protocol"`
	Start    int64   `parquet:"start,timestamp(millisecond)"`
	End      int64   `parquet:"end"`
	Tag      string  `parquet:"instance_tag"`
}

func TestFlowsBecomeLines(t *testing.T) {
	port, size, account := int32(443), int64(1<<40), "111122223333"
	var rows []flow
	want := "version account_id srcaddr srcport bytes protocol start end instance_tag\n"
	for range 200 { // several batches and row groups
		rows = append(rows, flow{2, &account, "10.0.0.1", &port, &size, 4294967295, 1_700_000_000_123, 1_700_000_060, "a b"}, flow{Src: "::1", Start: 1000})
		want += "2 111122223333 10.0.0.1 443 1099511627776 4294967295 1700000000 1700000060 a%20b\n0 - ::1 - - 0 1 0 -\n"
	}
	in := file(t, rows, parquet.MaxRowsPerRowGroup(150), parquet.Compression(&parquet.Snappy))
	for _, r := range []io.Reader{bytes.NewReader(in), iotest.OneByteReader(bytes.NewReader(in))} {
		if got, err := read(t, r); err != nil || got != want {
			t.Fatalf("got %d bytes and %v (-want +got):\n%s", len(got), err, cmp.Diff(want, got))
		}
	}
}

// Old writers count days and nanoseconds of a day in 96 bits. Fails without the first case of timeOf.
func TestOldTimes(t *testing.T) {
	t.Parallel()
	// 1 March 2026 is day 2461101; half past nine and a millisecond.
	const day, ofDay = 2461101, (9*3600+30*60)*1_000_000_000 + 1_000_000
	at := deprecated.Int96{uint32(ofDay & 0xffffffff), uint32(ofDay >> 32), day}
	before := deprecated.Int96{0, 0, 2440587} // the last day of 1969
	type flow struct {
		Version int32            `parquet:"version"`
		Start   deprecated.Int96 `parquet:"start"`
	}
	got, err := read(t, bytes.NewReader(file(t, []flow{{2, at}, {2, before}})))
	if want := "version start\n2 1772357400\n2 -86400\n"; got != want || err != nil {
		t.Errorf("got %q and %v, want %q", got, err, want)
	}
	type event struct {
		Class int32            `parquet:"class_uid"`
		Time  deprecated.Int96 `parquet:"time"`
		At    deprecated.Int96 `parquet:"time_dt"`
	}
	got, err = read(t, bytes.NewReader(file(t, []event{{4001, at, at}})))
	if want := `{"class_uid":4001,"time":1772357400001,"time_dt":"2026-03-01T09:30:00.001Z"}` + "\n"; got != want || err != nil {
		t.Errorf("got %q and %v, want %q", got, err, want)
	}
}

type inner struct {
	Name *string `parquet:"name,optional"`
	N    int64   `parquet:"n"`
}

type nested struct {
	Class    int32             `parquet:"class_uid"`
	Time     int64             `parquet:"time,timestamp(millisecond)"`
	At       int64             `parquet:"at_dt,timestamp(millisecond)"`
	Fine     int64             `parquet:"fine,timestamp(nanosecond)"`
	Day      int32             `parquet:"day,date"`
	OK       bool              `parquet:"ok"`
	Score    float64           `parquet:"score"`
	Price    int64             `parquet:"price,decimal(2:10)"`
	Text     string            `parquet:"text"`
	Raw      []byte            `parquet:"raw"`
	Missing  *string           `parquet:"missing,optional"`
	Group    *inner            `parquet:"group,optional"`
	List     []inner           `parquet:"list,list"`
	Words    []string          `parquet:"words,list"`
	Repeated []int64           `parquet:"repeated"`
	Many     [][]string        `parquet:"-"`
	Map      map[string]*inner `parquet:"map"`
}

func TestNestedRowsBecomeJSON(t *testing.T) {
	name := "x\"\\\n\x01é"
	rows := []nested{
		{
			Class: 6003, Time: 1_700_000_000_123, At: 1_700_000_000_123, Fine: 1_700_000_000_123_456_789, Day: 19675, OK: true,
			Score: 0.5, Price: -5, Text: name, Raw: []byte{0xff, 0x01}, Group: &inner{Name: &name, N: 1},
			List: []inner{{N: 1}, {Name: &name, N: 2}}, Words: []string{"a", ""}, Repeated: []int64{7, 8}, Map: map[string]*inner{"k": {N: 3}},
		},
		{Class: 4003, Price: 12345},
	}
	const quoted = `"x\"\\\u000a\u0001é"`
	want := `{"class_uid":6003,"time":1700000000123,"at_dt":"2023-11-14T22:13:20.123Z","fine":"2023-11-14T22:13:20.123456789Z","day":"2023-11-14",` +
		`"ok":true,"score":0.5,"price":-0.05,"text":` + quoted + `,"raw":"ff01","group":{"name":` + quoted + `,"n":1},` +
		`"list":[{"n":1},{"name":` + quoted + `,"n":2}],"words":["a",""],"repeated":[7,8],"map":{"k":{"n":3}}}` + "\n" +
		`{"class_uid":4003,"time":0,"at_dt":"1970-01-01T00:00:00Z","fine":0,"day":"1970-01-01","ok":false,"score":0,"price":123.45,"text":"","raw":"",` +
		`"list":[],"words":[],"map":{}}` + "\n"
	got, err := read(t, bytes.NewReader(file(t, rows)))
	if err != nil || got != want {
		t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(want, got))
	}
}

type tree3 struct {
	A []struct {
		B []struct {
			C *int64 `parquet:"c,optional"`
		} `parquet:"b,list"`
		D *struct {
			E []string `parquet:"e"`
		} `parquet:"d,optional"`
	} `parquet:"a,list"`
	F *int64 `parquet:"f,optional"`
}

// Rows of lists in lists come back as what was written.
func TestAnyNestingComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		gen := rapid.SliceOfN(rapid.Make[tree3](), 1, 8)
		rows := gen.Draw(rt, "rows")
		text, err := read(t, bytes.NewReader(file(t, rows)))
		if err != nil {
			rt.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if len(lines) != len(rows) {
			rt.Fatalf("%d lines of %d rows", len(lines), len(rows))
		}
		for i, line := range lines {
			var got any
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				rt.Fatalf("%s: %v", line, err)
			}
			if diff := cmp.Diff(plainOf(rows[i]), got); diff != "" {
				rt.Fatalf("%s (-want +got):\n%s", line, diff)
			}
		}
	})
}

// plainOf is the row as encoding/json would read its text: without what is not there.
func plainOf(r tree3) any {
	as := []any{}
	for _, a := range r.A {
		m := map[string]any{}
		bs := []any{}
		for _, b := range a.B {
			c := map[string]any{}
			if b.C != nil {
				c["c"] = float64(*b.C)
			}
			bs = append(bs, c)
		}
		m["b"] = bs
		if a.D != nil {
			d := map[string]any{}
			if len(a.D.E) > 0 {
				es := []any{}
				for _, e := range a.D.E {
					es = append(es, string([]rune(e)))
				}
				d["e"] = es
			}
			m["d"] = d
		}
		as = append(as, m)
	}
	out := map[string]any{"a": as}
	if r.F != nil {
		out["f"] = float64(*r.F)
	}
	return out
}

func TestBrokenFiles(t *testing.T) {
	good := file(t, []flow{{Version: 2}})
	cable := errors.New("cable cut")
	footer := bytes.Clone(good)
	copy(footer[len(footer)-8:], "\xff\xff\xff\x03")
	for name, tc := range map[string]struct {
		in   io.Reader
		want error
	}{
		"cut":     {bytes.NewReader(good[:len(good)-1]), io.ErrUnexpectedEOF},
		"empty":   {strings.NewReader("PAR1"), io.ErrUnexpectedEOF},
		"reading": {io.MultiReader(bytes.NewReader(good[:9]), iotest.ErrReader(cable)), cable},
		"footer":  {bytes.NewReader(footer), nil},
		"zeros":   {bytes.NewReader(append(append([]byte("PAR1"), make([]byte, 40)...), "\x20\x00\x00\x00PAR1"...)), nil},
	} {
		_, err := read(t, tc.in)
		if name == "footer" && err != nil && !strings.Contains(err.Error(), "footer of 67108863 bytes") {
			t.Errorf("a footer longer than the file: got %v, want no memory for it", err)
		}
		if err == nil || tc.want != nil && !errors.Is(err, tc.want) || errors.Is(err, ErrSpool) {
			t.Errorf("%s: got error %v, want %v", name, err, tc.want)
		}
	}
}

func TestLimits(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	in := file(t, []flow{{Version: 2}})
	r := New(t.Context(), bytes.NewReader(in), isFlow)
	r.limit = int64(len(in)) - 1
	if _, err := io.ReadAll(r); !errors.Is(err, ErrTooLarge) {
		t.Errorf("file over the limit: got %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	r = New(stopped, bytes.NewReader(in), isFlow)
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got %v", err)
	}
	_ = r.Close()
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("temporary files left: %v, %v", left, err)
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "none"))
	if _, err := read(t, bytes.NewReader(in)); !errors.Is(err, ErrSpool) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no room to spool: got %v", err)
	}
}

// Whatever a file says, reading it ends without a panic, and all text is whole lines of JSON or words.
// Without the newline that line puts behind a row it fails.
func FuzzRead(f *testing.F) {
	name := "n"
	f.Add(file(f, []flow{{Version: 2, Src: "::"}}))
	f.Add(file(f, []nested{{Text: "x", Words: []string{"a"}, Group: &inner{Name: &name}}}))
	f.Fuzz(func(t *testing.T, in []byte) {
		start := time.Now()
		got, err := read(t, bytes.NewReader(in))
		if err != nil {
			return
		}
		for line := range strings.Lines(got) {
			if !strings.HasSuffix(line, "\n") || line[0] == '{' && !json.Valid([]byte(line)) {
				t.Fatalf("read %q: line %q", in, line)
			}
		}
		if time.Since(start) > 10*time.Second {
			t.Fatalf("read %q: took %v", in, time.Since(start))
		}
	})
}

func BenchmarkFlows(b *testing.B) {
	size := int64(1234)
	rows := make([]flow, 20_000)
	for i := range rows {
		rows[i] = flow{Version: 2, Src: "10.0.0.1", Bytes: &size, Start: 1_700_000_000_000}
	}
	in := file(b, rows)
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for range b.N {
		if _, err := read(b, bytes.NewReader(in)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(rows)*b.N)/b.Elapsed().Seconds(), "rows/s")
}
