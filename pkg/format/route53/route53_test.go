package route53

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

// The addresses of answers are in answers, as all their data.
func TestEdgeCases(t *testing.T) {
	formattest.EdgeCases(t, Spec(), "route53", map[string]string{"answer_ips": "answers"})
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		`{"version":"1.100000","account_id":"210987654321","query_timestamp":"2026-03-01T09:00:00Z"`: 100,
		`{"query_name":"a.","query_timestamp":"x"}`:                                                  95,
		`{"vpc_id":"vpc-1","query_name":"a."}`:                                                       95,
		`{"query":{"query_name":"a.","query_timestamp":"x"}}`:                                        0,
		`{"query_name":"a."}`: 0,
		"":                    0,
	} {
		if got := sniff([]byte(line)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", line, got, want)
		}
	}
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

// Nothing that a record says is lost. Times are in another form; names have neither last dot nor escapes.
func TestLossless(t *testing.T) {
	formattest.Lossless(t, Spec(), "testdata", "query_timestamp", "query_name")
}
