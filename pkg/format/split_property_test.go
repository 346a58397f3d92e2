package format_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// between is what may stand between records and belong to none: blanks, marks, brackets of lists, header lines.
var between = regexp.MustCompile(`^(?:[ \t\r\n]|\xEF\xBB\xBF|,|\[|\]|\}|\{\s*"Records"\s*:\s*\[|#cols [^\n]*|\{\s*"message"\s*:\s*"(?:[^"\\]|\\.)*"\s*\})*$`)

// account fails the test unless every byte of in belongs to exactly one piece or stands between them.
func account(t interface{ Fatalf(string, ...any) }, in string, pieces []piece) {
	var end, last int64 = 0, -1
	for _, p := range pieces {
		if p.Offset == last {
			continue // another line of the same {"message":…}
		}
		if p.Offset < end || p.Offset+p.Size > int64(len(in)) && in[p.Offset] != '{' {
			t.Fatalf("split %q: piece %+v overlaps the one before it or the end", in, p)
		}
		if gap := in[end:p.Offset]; !between.MatchString(latin(gap)) {
			t.Fatalf("split %q: bytes %q before %+v are nowhere", in, gap, p)
		}
		last = p.Offset
		end = p.Offset + p.Size
		if n := min(int64(len(p.Raw)), p.Size); end > int64(len(in)) || in[p.Offset:p.Offset+n] != p.Raw[:n] {
			size, state := format.ScanJSON([]byte(in[p.Offset:]))
			if state != format.JSONDone || !strings.Contains(in[p.Offset:p.Offset+int64(size)], `"message"`) {
				t.Fatalf("split %q: piece %+v is not what lies there", in, p)
			}
			end = p.Offset + int64(size)
		}
	}
	if gap := in[end:]; !between.MatchString(latin(gap)) {
		t.Fatalf("split %q: bytes %q at the end are nowhere", in, gap)
	}
}

// latin lets regular expressions see bytes: each becomes the rune of its number.
func latin(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

type randomReader struct {
	in  io.Reader
	rnd *rand.Rand
}

func (r randomReader) Read(p []byte) (int, error) {
	return r.in.Read(p[:min(len(p), 1+r.rnd.IntN(60))])
}

func sameInPieces(t testing.TB, in string, o format.SplitOptions, want []piece) {
	t.Helper()
	got, _ := split(t, iotest.OneByteReader(strings.NewReader(in)), o)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("split %q byte by byte (-whole +bytes):\n%s", in, diff)
	}
	rnd := rand.New(rand.NewPCG(uint64(len(in)), 1))
	got, _ = split(t, randomReader{strings.NewReader(in), rnd}, o)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("split %q in random reads (-whole +reads):\n%s", in, diff)
	}
}

// segments draws a mixture of what streams hold. Lists are whole, and no garbage begins like the inside of a list, so
// that every record's end is a place to go on from.
func segments(t *rapid.T) string {
	value := rapid.SampledFrom([]string{
		`{}`, `{"e":1}`, `{"e":"\"}{[]"}`, "{\n \"e\": [1, -2.5e3, {\"x\": null}],\n \"f\": true\n}",
		`{"message":"red 5"}`, `{"message":"{\"e\":2}"}`, `{"e":"` + strings.Repeat("v", 120) + `"}`,
		`{"eventSource":"aws:s3"}`,
	})
	segment := rapid.OneOf(
		value,
		rapid.StringMatching(`[a-z"(][ -~\x00\xc3]{0,20}\n`),
		rapid.SampledFrom([]string{
			"\n", "\r\n", " ", "\t \n", "\n\xEF\xBB\xBF", "#cols a b\n", "red 1 2\r\n", "{broken\n", "{broken}", "[Wed] x\n",
			"\n{\"a\":1,\n", "{\"a\":[\"" + strings.Repeat("w", 110) + "\"] no}\n", "{\"a\":[\"" + strings.Repeat("w", 110) + "\n",
			"\n" + strings.Repeat("long ", 30) + "\n", "\n\x00\xff\n",
		}),
		rapid.Custom(func(t *rapid.T) string {
			join := rapid.SampledFrom([]string{",", " ,\n", ","}).Draw(t, "join")
			doc := `{"Records":[` + strings.Join(rapid.SliceOfN(value, 0, 4).Draw(t, "elements"), join) + rapid.SampledFrom([]string{"]}", "]\n }"}).Draw(t, "close")
			return doc
		}),
	)
	end := rapid.SampledFrom([]string{"", "", "red", "{\"a\":[", "{\"a\":[\"" + strings.Repeat("w", 150), "{\"a\":[" + strings.Repeat(" ", 150)})
	return strings.Join(rapid.SliceOfN(segment, 0, 12).Draw(t, "segments"), "") + end.Draw(t, "end")
}

func TestSplitAccountsForEveryByteAtAnyReadSize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		in := segments(rt)
		o := format.SplitOptions{MaxRecord: 100}
		got, stats := split(t, strings.NewReader(in), o)
		account(rt, in, got)
		if stats.Bytes != int64(len(in)) {
			rt.Fatalf("split %q: dealt with %d bytes of %d", in, stats.Bytes, len(in))
		}
		sameInPieces(t, in, o, got)
	})
}

// bare leaves out what depends on earlier lines of the object.
func bare(pieces []piece) []piece {
	out := make([]piece, 0, len(pieces))
	for _, p := range pieces {
		out = append(out, piece{Raw: p.Raw, Dead: p.Dead, Offset: p.Offset, Size: p.Size})
	}
	return out
}

func TestSplitGoesOnBehindAnyRecord(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		in := segments(rt)
		all, _ := split(t, strings.NewReader(in), format.SplitOptions{MaxRecord: 100})
		for i, p := range all {
			end := p.Offset + p.Size
			if p.Dead != "" || end > int64(len(in)) || in[p.Offset:end] != p.Raw {
				continue
			}
			o := format.SplitOptions{MaxRecord: 100, Origin: record.Origin{Offset: end, Line: p.Line}}
			got, _ := split(t, strings.NewReader(in[end:]), o)
			if diff := cmp.Diff(bare(all[i+1:]), bare(got)); diff != "" {
				rt.Fatalf("split %q from %d (-whole +rest):\n%s", in, end, diff)
			}
		}
	})
}

func TestSplitOfGrowingObjectIsThatOfTheWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		in := segments(rt)
		all, _ := split(t, strings.NewReader(in), format.SplitOptions{MaxRecord: 100})
		cut := rapid.IntRange(0, len(in)).Draw(rt, "cut")
		head, stats := split(t, strings.NewReader(in[:cut]), format.SplitOptions{MaxRecord: 100, More: true})
		o := format.SplitOptions{MaxRecord: 100, Origin: record.Origin{Offset: stats.Bytes}}
		tail, _ := split(t, strings.NewReader(in[stats.Bytes:]), o)
		if diff := cmp.Diff(bare(all), bare(append(head, tail...))); diff != "" {
			rt.Fatalf("split %q, cut at %d and taken up at %d (-whole +both):\n%s", in, cut, stats.Bytes, diff)
		}
	})
}

func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"a\nb", `{"Records":[{"e":1},{"e":2}]}`, `[{"a" 1},{}]x`, "{\"a\":1,\n{\"a\":[[\n", `{"message":"a\nb"}`, "\xEF\xBB\xBF#cols a\n1",
		`{"Records":[{"eventSource":"aws:s3"}],"x":{"y":"\u00"}}`, "[1]\n[{\"x\xEF\xBB", `{"a":"` + strings.Repeat("x", 120),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		o := format.SplitOptions{MaxRecord: 100}
		got, stats := split(t, bytes.NewReader(in), o)
		if bytes.HasPrefix(in, []byte("\x1f\x8b\x08")) {
			if len(got) == 0 && stats.Controls == 0 {
				var back bytes.Buffer
				if _, err := back.ReadFrom(unzip(t, in)); err != nil || !between.MatchString(latin(back.String())) {
					t.Fatalf("split gzip %q: nothing came of it", in)
				}
			}
			return
		}
		account(t, string(in), got)
		sameInPieces(t, string(in), o, got)
	})
}

func FuzzScanJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e+3,"\u00e9\n"],"b":null}`, `[tru`, `{"a":01}`, "\"\x01\"", `{"":{}}x`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) { agreesWithStandard(t, in) })
}
