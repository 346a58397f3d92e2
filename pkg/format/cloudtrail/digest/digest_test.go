package digest_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest/digesttest"
)

func sha(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// trail is a trail as CloudTrail would have delivered it: digests of successive hours and their log files.
type trail struct {
	digests [][]byte
	logs    map[string][]byte // by key
	logKeys []string
	names   []string // of the files of the digests; nil: as they say
}

func object(hour int) string {
	return fmt.Sprintf("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/111122223333_CloudTrail-Digest_us-east-1_main_eu-west-1_20260301T%02d0000Z.json.gz", hour)
}

func deliver(t testing.TB, key *rsa.PrivateKey, hours int) *trail {
	t.Helper()
	return deliverLate(t, key, hours, -1)
}

// deliverLate leaves out the first half of one hour.
func deliverLate(t testing.TB, key *rsa.PrivateKey, hours, late int) *trail {
	t.Helper()
	tr := &trail{logs: map[string][]byte{}}
	var before, sign any
	for h := range hours {
		d := map[string]any{
			"awsAccountId": "111122223333", "digestStartTime": fmt.Sprintf("2026-03-01T%02d:00:00Z", h), "digestEndTime": fmt.Sprintf("2026-03-01T%02d:00:00Z", h+1),
			"digestS3Bucket": "logs", "digestS3Object": object(h + 1), "digestSignatureAlgorithm": "SHA256withRSA",
			"digestPublicKeyFingerprint": "aa", "newestEventTime": nil, "aNewMember": []int{1},
			"previousDigestS3Bucket": nil, "previousDigestS3Object": nil, "previousDigestHashValue": nil,
			"previousDigestHashAlgorithm": nil, "previousDigestSignature": sign,
		}
		if h == late {
			d["digestStartTime"] = fmt.Sprintf("2026-03-01T%02d:30:00Z", h)
		}
		if h > 0 {
			d["previousDigestS3Bucket"], d["previousDigestS3Object"] = "logs", object(h)
			d["previousDigestHashValue"], d["previousDigestHashAlgorithm"] = before, "SHA-256"
		}
		files := []any{}
		for n := range h % 3 { // some hours are idle
			name := fmt.Sprintf("AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/111122223333_CloudTrail_us-east-1_20260301T%02d%02dZ_x.json.gz", h, n)
			tr.logs[name] = []byte(fmt.Sprintf(`{"Records":[{"n":%d}]}`, h*10+n))
			tr.logKeys = append(tr.logKeys, name)
			files = append(files, map[string]any{"s3Bucket": "logs", "s3Object": name, "hashValue": sha(tr.logs[name]), "hashAlgorithm": "SHA-256"})
		}
		d["logFiles"] = files
		content, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		tr.digests = append(tr.digests, content)
		before = sha(content)
		previous := "null"
		if sign != nil {
			previous = sign.(string)
		}
		text := sha256.Sum256([]byte(fmt.Sprintf("%s\nlogs/%s\n%s\n%s", d["digestEndTime"], object(h+1), before, previous)))
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, text[:])
		if err != nil {
			t.Fatal(err)
		}
		sign = hex.EncodeToString(signature)
	}
	return tr
}

func (tr *trail) verify(t testing.TB, keys digest.Keys) []digest.Problem {
	t.Helper()
	v := digest.Verifier{Keys: keys, Open: func(bucket, key string) (io.ReadCloser, error) {
		content, ok := tr.logs[key]
		switch {
		case !ok || bucket != "logs":
			return nil, fs.ErrNotExist
		case content == nil:
			return io.NopCloser(iotest.ErrReader(errors.New("rotten disk"))), nil
		}
		return io.NopCloser(strings.NewReader(string(content))), nil
	}}
	var files []digest.File
	for i, content := range tr.digests {
		f, err := digest.NewFile(tr.name(i), content)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	slices.Reverse(files) // any order
	problems, err := v.Verify(t.Context(), files)
	if err != nil {
		t.Fatal(err)
	}
	return problems
}

// name is the file that a digest lies in: what an edit makes of its content does not change it.
func (tr *trail) name(i int) string {
	if tr.names != nil {
		return tr.names[i]
	}
	d, err := digest.Parse(tr.digests[i])
	if err != nil {
		panic(err)
	}
	return d.Object
}

func kinds(problems []digest.Problem) []string {
	out := []string{}
	for _, p := range problems {
		out = append(out, fmt.Sprintf("%s %s", p.Kind, p.Object[strings.LastIndexByte(p.Object, '_')+1:]))
	}
	return out
}

func newKey(t testing.TB) (*rsa.PrivateKey, digest.Keys) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := digest.ParseKeys(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return key, keys
}

func TestVerify(t *testing.T) {
	t.Parallel()
	key, keys := newKey(t)
	other, _ := newKey(t)
	edit := func(from, to string) func(*trail) {
		return func(tr *trail) {
			if edited := strings.Replace(string(tr.digests[2]), from, to, 1); edited != string(tr.digests[2]) {
				tr.digests[2] = []byte(edited)
				return
			}
			panic("nothing edited")
		}
	}
	for name, tc := range map[string]struct {
		harm func(*trail)
		want []string
	}{
		"nothing":         {func(*trail) {}, []string{}},
		"copies":          {func(tr *trail) { tr.digests = append(tr.digests, tr.digests[1], tr.digests[1]) }, []string{}},
		"later start":     {func(tr *trail) { tr.digests = tr.digests[2:] }, []string{}},
		"earlier end":     {func(tr *trail) { tr.digests = tr.digests[:3] }, []string{}},
		"only one":        {func(tr *trail) { tr.digests = tr.digests[2:3] }, []string{}},
		"log gone":        {func(tr *trail) { delete(tr.logs, tr.logKeys[1]) }, []string{"log_missing x.json.gz"}},
		"log changed":     {func(tr *trail) { tr.logs[tr.logKeys[0]][15] ^= 1 }, []string{"log_changed x.json.gz"}},
		"log cut":         {func(tr *trail) { tr.logs[tr.logKeys[0]] = tr.logs[tr.logKeys[0]][:5] }, []string{"log_changed x.json.gz"}},
		"log rotten":      {func(tr *trail) { tr.logs[tr.logKeys[0]] = nil }, []string{"log_unreadable x.json.gz"}},
		"digest gone":     {func(tr *trail) { tr.digests = slices.Delete(tr.digests, 2, 3) }, []string{"digest_missing 20260301T030000Z.json.gz"}},
		"log taken out":   {edit(`"logFiles":[{`, `"logFiles":[],"x":[{`), []string{"digest_changed 20260301T030000Z.json.gz", "forged 20260301T030000Z.json.gz"}},
		"other hash":      {edit(`"hashValue":"`, `"hashValue":"0`), []string{"digest_changed 20260301T030000Z.json.gz", "forged 20260301T030000Z.json.gz", "log_changed x.json.gz"}},
		"chain anew":      {func(tr *trail) { tr.digests = append(tr.digests[:2], deliver(t, other, 1).digests[0]); edit2(tr) }, []string{"gap 20260301T220000Z.json.gz"}},
		"half an hour":    {func(tr *trail) { *tr = *deliverLate(t, key, 5, 3) }, []string{"gap 20260301T040000Z.json.gz"}},
		"renamed":         {func(tr *trail) { tr.names = []string{object(1), object(2), object(9), object(4), object(5)} }, []string{"digest_changed 20260301T030000Z.json.gz"}},
		"two of one name": {func(tr *trail) { tr.digests = append(tr.digests, append(slices.Clone(tr.digests[4]), ' ')) }, []string{"digest_changed 20260301T050000Z.json.gz"}},
	} {
		tr := deliver(t, key, 5)
		tc.harm(tr)
		if diff := cmp.Diff(tc.want, kinds(tr.verify(t, keys))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// edit2 makes the last digest one of a late hour.
func edit2(tr *trail) {
	last := len(tr.digests) - 1
	s := strings.ReplaceAll(string(tr.digests[last]), "T010000Z", "T220000Z")
	s = strings.ReplaceAll(s, "2026-03-01T01:", "2026-03-01T22:")
	tr.digests[last] = []byte(strings.ReplaceAll(s, "2026-03-01T00:", "2026-03-01T21:"))
}

// One who can write the bucket may make hashes fit; without the key, signatures do not.
func TestRewrittenChainIsForged(t *testing.T) {
	t.Parallel()
	thief, _ := newKey(t)
	_, keys := newKey(t)
	tr := deliver(t, thief, 3)
	if got := tr.verify(t, digest.Keys{}); len(got) > 0 {
		t.Errorf("without a key: got %v, want no problem", kinds(got))
	}
	want := []string{"forged 20260301T010000Z.json.gz", "forged 20260301T020000Z.json.gz"} // of the newest nobody knows
	if diff := cmp.Diff(want, kinds(tr.verify(t, keys))); diff != "" {
		t.Errorf("with the key (-want +got):\n%s", diff)
	}
}

// Backfills come for any hour, so that neither gaps nor a chain that begins anew are signs; their links and signatures are.
// Without links' search for the digest that one names it fails.
func TestBackfills(t *testing.T) {
	t.Parallel()
	key := digesttest.NewKey(t)
	logs, late := digesttest.Trail{Key: key, Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Hours: 4, Backfill: true}.Deliver(t)
	_, alone := digesttest.Trail{Key: key, Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Hours: 1, Backfill: true}.Deliver(t)
	edited := late[1]
	edited.Content = bytes.Replace(edited.Content, []byte(`"aNewMember"`), []byte(`"a"`), 1)
	for name, tc := range map[string]struct {
		digests []digesttest.Object
		want    []string
	}{
		"whole":          {slices.Concat(late, alone), []string{}},
		"one gone":       {slices.Concat(late[:2], late[3:]), []string{"digest_missing backfill.json.gz"}},
		"first ones":     {late[:2], []string{}},
		"one edited":     {slices.Concat(late[:1], []digesttest.Object{edited}, late[2:]), []string{"digest_changed backfill.json.gz", "forged backfill.json.gz"}},
		"two of a name":  {slices.Concat(late[:2], []digesttest.Object{edited}), []string{"digest_changed backfill.json.gz"}},
		"nothing before": {alone, []string{}},
	} {
		var files []digest.File
		for _, d := range tc.digests {
			f, err := digest.NewFile(d.Name, d.Content)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
		v := digest.Verifier{Keys: key.Keys, Open: func(_, at string) (io.ReadCloser, error) {
			for _, l := range logs {
				if l.Key == at {
					return io.NopCloser(bytes.NewReader(l.Content)), nil
				}
			}
			if len(alone) > 0 && strings.Contains(at, "20260302") {
				return io.NopCloser(strings.NewReader(`{"Records":[{"n":0}]}`)), nil
			}
			return nil, fs.ErrNotExist
		}}
		problems, err := v.Verify(t.Context(), files)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, kinds(problems)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Any byte that is changed in any digest but the newest, or in any log, is noticed.
func TestAnyChangeIsNoticed(t *testing.T) {
	t.Parallel()
	key, keys := newKey(t)
	whole := deliver(t, key, 4)
	rapid.Check(t, func(rt *rapid.T) {
		tr := &trail{digests: slices.Clone(whole.digests), logs: map[string][]byte{}, names: []string{object(1), object(2), object(3), object(4)}}
		for k, v := range whole.logs {
			tr.logs[k] = slices.Clone(v)
		}
		if rapid.Bool().Draw(rt, "log") {
			at := rapid.SampledFrom(whole.logKeys).Draw(rt, "key")
			b := tr.logs[at]
			b[rapid.IntRange(0, len(b)-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		} else {
			i := rapid.IntRange(0, 2).Draw(rt, "digest")
			b := slices.Clone(tr.digests[i])
			b[rapid.IntRange(0, len(b)-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
			if _, err := digest.NewFile("", b); err != nil {
				return // a digest that cannot be read is its reader's to tell of
			}
			tr.digests[i] = b
		}
		if got := tr.verify(t, keys); len(got) == 0 {
			rt.Fatalf("a changed bit went unnoticed")
		}
	})
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	key, _ := newKey(t)
	der := x509.MarshalPKCS1PublicKey(&key.PublicKey)
	pkix, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.StdEncoding.EncodeToString(der)
	tr := deliver(t, key, 3)
	for name, in := range map[string]string{
		"der": string(der), "pkix": string(pkix), "base64": b64 + "\n",
		"pem":    string(pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: der})) + string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})),
		"answer": `{"PublicKeyList":[{"Value":"` + b64 + `","ValidityStartTime":1,"Fingerprint":"AA"}]}`,
	} {
		keys, err := digest.ParseKeys([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := tr.verify(t, keys); len(got) > 0 {
			t.Errorf("%s: got %v", name, kinds(got))
		}
	}
	for _, in := range []string{"", "{}", "abc", `{"PublicKeyList":[{"Value":"!"}]}`, "-----BEGIN X-----\nAAAA\n-----END X-----\n"} {
		if _, err := digest.ParseKeys([]byte(in)); err == nil {
			t.Errorf("%q: no error", in)
		}
	}
}

func TestVerifyStops(t *testing.T) {
	t.Parallel()
	key, _ := newKey(t)
	tr := deliver(t, key, 3)
	ctx, cancel := context.WithCancel(t.Context())
	v := digest.Verifier{Open: func(string, string) (io.ReadCloser, error) {
		cancel()
		return io.NopCloser(strings.NewReader("x")), nil
	}}
	var files []digest.File
	for i, d := range tr.digests {
		f, err := digest.NewFile(tr.name(i), d)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	if _, err := v.Verify(ctx, files); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Whatever the bytes: no panic, a digest has a name and a time, and each of its logs is looked for. Without Parse's check of
// the name it fails.
func FuzzParse(f *testing.F) {
	key, _ := newKey(f)
	f.Add([]byte(`{"digestEndTime":"2026-03-01T00:00:00Z"}`))
	f.Add(deliver(f, key, 2).digests[1])
	f.Fuzz(func(t *testing.T, in []byte) {
		file, err := digest.NewFile("x", in)
		if err != nil {
			return
		}
		if file.Object == "" || file.End.Equal(time.Time{}) {
			t.Fatalf("parse %q: a digest without name or time", in)
		}
		v := digest.Verifier{Open: func(string, string) (io.ReadCloser, error) { return nil, fs.ErrNotExist }}
		problems, err := v.Verify(t.Context(), []digest.File{file})
		if err != nil || len(problems) != len(file.Logs)+1 {
			t.Fatalf("parse %q: %d problems of %d logs and a wrong name (%v)", in, len(problems), len(file.Logs), err)
		}
	})
}
