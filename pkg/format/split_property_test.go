package format_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// between is what may stand between records and belong to none: blanks, marks, lists with the flat members around
// them, header lines, control messages, and envelopes that hold nothing but those.
var between = regexp.MustCompile(`^(?:[ \t\r\n]|\xEF\xBB\xBF|,|\[|\]|\}|` + listHead +
	`|,\s*` + text + `\s*:\s*(?:` + flat + `)?|#cols [^\n]*|\{\s*"message"\s*:\s*"#cols [^"\\]*"\s*\}` +
	`|\{[^{}]*"(?:CWL CONTROL MESSAGE|s3:TestEvent)[^{}]*\}|Permission Check Successful|` + lineFront + `)*$`)

// lineFront is what Kubernetes' runtimes and CloudWatch write in front of a line.
const lineFront = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d*)?(?:(?:Z|[-+]..:..)? (?:stdout|stderr) F(?::[^ ]*)?(?: |$)|Z? |\+00:00 [^ ]+ )`

// otherwise matches what may be lines of containers that are in pieces, or blank, and rows of queries: their accounts are in
// pieces_test.go and query_test.go. So is what may be packed in a line.
var otherwise = regexp.MustCompile(`H4sI|std(?:out|err) P|"log"|"results"|"QueryResultRows"|"@(?:message|ptr)"|tatistics"|\[\s*"`)

const (
	text        = `"(?:[^"\\]|\\.)*"`
	flat        = `(?:` + text + `|[-+.\w]+|\[(?:` + text + `|[^\[\]{}"])*\])`
	flatMembers = `\s*(?:` + text + `\s*:\s*` + flat + `\s*,\s*)*`
)

// account fails the test unless every byte of in belongs to exactly one piece or envelope, or stands between them.
func account(t interface{ Fatalf(string, ...any) }, in string, pieces []piece) {
	if otherwise.MatchString(in) {
		return
	}
	end := 0
	for i := 0; i < len(pieces); i++ {
		p := pieces[i].outside()
		at, stop := int(p.Offset), int(p.Offset+p.Size)
		if p.Object == "" && end <= at && at <= len(in) && between.MatchString(latin(in[end:at])) && lies(p, in, at) {
			end = stop
			continue
		}
		at, end = envelopeAt(in, end)
		if at < 0 || !p.in(at, end) {
			t.Fatalf("split %q: %+v is nowhere there, or there twice", in, p)
		}
		holds := contents(in[at:end])
		for ; i < len(pieces) && pieces[i].outside().in(at, end); i++ {
			if pieces[i].outside().Object == "" && !strings.Contains(holds, string([]rune(pieces[i].Raw))) {
				t.Fatalf("split %q: %+v is not in the envelope there", in, pieces[i])
			}
		}
		i--
	}
	if end > len(in) || !between.MatchString(latin(in[end:])) {
		t.Fatalf("split %q: bytes from %d on are nowhere", in, end)
	}
}

// lies says whether the piece's bytes are those at that offset, and not those of a whole value there that begins like them.
func lies(p piece, in string, at int) bool {
	n := min(len(p.Raw), int(p.Size))
	if strings.HasPrefix(in[at:], "{") {
		if size, state := format.ScanJSON([]byte(in[at:])); state == format.JSONDone && int64(size) > p.Size {
			return false
		}
	}
	return at+int(p.Size) <= len(in) && in[at:at+n] == p.Raw[:n]
}

// envelopeAt finds the first JSON object behind from in front of which nothing but separators stand.
func envelopeAt(in string, from int) (start, end int) {
	for start = from; start < len(in); start++ {
		if in[start] != '{' || !between.MatchString(latin(in[from:start])) {
			continue
		}
		if size, state := format.ScanJSON([]byte(in[start:])); state == format.JSONDone && !between.MatchString(latin(in[start:start+size])) &&
			!listed.MatchString(in[start:]) {
			return start, start + size
		}
	}
	return -1, -1
}

// listed matches the start of a document with a list, whose elements are looked at one by one.
var listed = regexp.MustCompile(`^` + listHead)

// listHead matches all in front of a list's first element.
const listHead = `\{(?:` + flatMembers + `"(?:[Rr]ecords|logEvents|[eE]vents|Messages|receivedMessages)"|\s*"(?:value|entries)")\s*:\s*\[`

// outside is the piece without the name of its log group.
func (p piece) outside() piece {
	p.Object, _, _ = strings.Cut(p.Object, "#")
	return p
}

// in says whether the piece came out of an envelope at these offsets.
func (p piece) in(start, end int) bool {
	if p.Object != "" {
		return strings.HasPrefix(p.Object, "@"+strconv.Itoa(start))
	}
	return start <= int(p.Offset) && int(p.Offset) < end
}

// contents is all text in a JSON value, unescaped and decoded as often as it can be.
func contents(value string) string {
	var b strings.Builder
	dec := json.NewDecoder(strings.NewReader(value))
	for {
		token, err := dec.Token()
		if err != nil {
			return b.String()
		}
		s, ok := token.(string)
		if !ok {
			continue
		}
		b.WriteString(s + "\x00")
		if raw, err := base64.StdEncoding.DecodeString(s); err == nil {
			s = string([]rune(string(raw)))
			b.WriteString(s + "\x00")
		}
		if strings.ContainsAny(s, "{[") {
			for i := range s {
				if s[i] == '{' || s[i] == '[' {
					b.WriteString(contents(s[i:]))
				}
			}
		}
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
		`{"eventSource":"aws:s3"}`, `{"message":"red 1\nred 1\n"}`, `{"id":"7","timestamp":1,"message":"red 6"}`,
		`{"Event":"s3:TestEvent"}`, `{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE: x"}`,
		`{"recordId":"1","data":"cmVkIDEKcmVkIDI="}`, `{"recordId":"1","data":"eyJlIjoxfXsiZSI6Mn0="}`,
		`{"Type":"Notification","Message":"{\"Records\":[{\"e\":1},{\"e\":2}]}"}`,
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
			head := rapid.SampledFrom([]string{`{"Records":[`, `{"x":[1,"]{"],"Records":[`, `{"messageType":"DATA_MESSAGE", "logEvents": [`}).Draw(t, "head")
			doc := head + strings.Join(rapid.SliceOfN(value, 0, 4).Draw(t, "elements"), join) + rapid.SampledFrom([]string{"]}", "]\n }", `],"owner":"1" ,"z":[2]}`}).Draw(t, "close")
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
		out = append(out, piece{Raw: p.Raw, Dead: p.Dead, Object: p.Object, Offset: p.Offset, Size: p.Size})
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
			if p.Dead != "" || end > int64(len(in)) || in[p.Offset:end] != p.Raw || i+1 < len(all) && all[i+1].Offset < end {
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

// Whatever the bytes: every one is a record's, a dead letter's or between them, however they are read. Without the line
// in consume that moves base it fails.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{
		"a\nb", `{"Records":[{"e":1},{"e":2}]}`, `[{"a" 1},{}]x`, "{\"a\":1,\n{\"a\":[[\n", `{"message":"a\nb"}`, "\xEF\xBB\xBF#cols a\n1",
		`{"Records":[{"eventSource":"aws:s3"}],"x":{"y":"\u00"}}`, `{"a":1,"logEvents":[{"id":"1","timestamp":1,"message":"a\na"}],"b":[1]}`,
		`{"records":[{"data":"YQpi"},{"data":"` + base64.StdEncoding.EncodeToString([]byte(zip("a\nb"))) + `"}]}`, "[1]\n[{\"x\xEF\xBB", `{"a":"` + strings.Repeat("x", 120),
		cri("stdout", "F", "a") + cri("stderr", "P", "b"), docker("stdout", "a") + docker("stdout", "b\n"),
		`{"results":[[{"field":"@message","value":"red 1"},{"field":"@ptr","value":"p"}],[{"field":"a","value":"b"}]],"statistics":{"a":1}}`,
		`[{"@timestamp":"x","@message":{"e":1}},{"@message":"red 1","a":{},"@log":"x"}]`,
		"[\"red 1\", \"{\\\"e\\\":1}\",\n\"x\"]", "[ \"red",
		"2026-03-01T09:14:07.000Z red 1\n2026-03-01T09:14:07 {\"e\":1}", "2026-03-01T09:14:07.123000+00:00 s red 1\n2026-03-01T09:14:07+00:00 s \n{\n}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 2000 {
			t.Skip("the accounting is quadratic")
		}
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
		if !format.Packed(in) { // where offsets are of what is unpacked
			account(t, string(in), got)
		}
		sameInPieces(t, string(in), o, got)
	})
}

// ScanJSON takes for JSON what the standard library does. Without the part of scanNumber's condition that is about
// leading zeros it fails.
func FuzzScanJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e+3,"\u00e9\n"],"b":null}`, `[tru`, `{"a":01}`, "\"\x01\"", `{"":{}}x`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) { agreesWithStandard(t, in) })
}
