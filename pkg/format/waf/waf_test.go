package waf

import (
	"bytes"
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestSharedFormats(t *testing.T) {
	formattest.Files(t, Spec(), "formats/waf/*.log", nil)
	formattest.Files(t, Spec(), "formats/waf/*.gz", nil)
	// Settings of a tool that reads such logs, not logs.
	formattest.Files(t, Spec(), "formats/waf/*_conf.json", noLog)
	formattest.Files(t, Spec(), "formats/waf/*_out.json", noLog)
}

func noLog(_ string, line []byte) bool {
	return bytes.HasPrefix(line, []byte("unknown_format")) && bytes.Contains(line, []byte(`"general"`))
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		`{"timestamp":1772355600123,"formatVersion":1,"webaclId":"arn:aws:wafv2:eu-west-1:1:regional/webacl/a/b"`: 100,
		`{"httpRequest":{},"action":"ALLOW","webaclId":"x"}`:                                                      95,
		`{"webaclId":"x","action":"ALLOW"}`:                                                                       0,
		`{"request":{"webaclId":"x","httpRequest":{}}}`:                                                           0,
		`["webaclId","httpRequest"]`:                                                                              0,
		"":                                                                                                        0,
	} {
		if got := sniff([]byte(line)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", line, got, want)
		}
	}
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

// Nothing that a record says is lost. Times and HTTP/1.1 are in another form, a host without its port, which has a
// field; names of headers that have fields are not repeated.
func TestLossless(t *testing.T) {
	formattest.Lossless(t, Spec(), "testdata", "timestamp", "httpVersion", "host", "name")
}
