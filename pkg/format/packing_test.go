package format_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

func zipped(t *testing.T, in []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(in); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A thousand bytes that unpack to gigabytes of lines end as one dead letter after about a megabyte, wherever they are packed, and
// what follows them is read. Without the case of errExpands in end, or where metered counts nothing, it fails.
func TestWhatUnpacksWithoutEnd(t *testing.T) {
	t.Parallel()
	line := bytes.Repeat([]byte("x"), 4000)
	lines := bytes.Repeat(append(line, '\n'), 10_000) // 40 MB
	twice := zipped(t, zipped(t, lines))
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	once := z.EncodeAll(lines, nil)
	firehose := `{"requestId":"a","timestamp":1,"records":[{"data":"` + base64.StdEncoding.EncodeToString(once) + `"},{"data":"` +
		base64.StdEncoding.EncodeToString([]byte("last\n")) + `"}]}`
	empty := zipped(t, bytes.Repeat(zipped(t, nil), 2_000_000)) // nothing, two million times
	for name, tc := range map[string]struct {
		in   []byte
		last bool
	}{
		"gzip twice": {twice, false}, "zstd": {once, false}, "in an envelope": {[]byte(firehose), true}, "nothing": {zipped(t, empty), false},
	} {
		var letters []string
		last := ""
		stats, err := format.Split(t.Context(), bytes.NewReader(tc.in), builtin.Formats(), format.SplitOptions{},
			func(r record.Record) error {
				last = string(r.Raw)
				return nil
			},
			func(d record.DeadLetter) error {
				letters = append(letters, fmt.Sprint(d.Reason, ": ", d.Detail))
				return nil
			})
		switch most := int64(1<<20+1100*len(tc.in)) / 4000; {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case stats.Records > most+32 || len(letters) != 1 || !strings.HasPrefix(letters[0], "too_long: unpacks to more than"):
			t.Errorf("%s: %d bytes became %d records and %q, want at most %d and one dead letter", name, len(tc.in), stats.Records, letters, most)
		case tc.last && last != "last":
			t.Errorf("%s: the last record is %.20q, want the one behind", name, last)
		}
	}
}
