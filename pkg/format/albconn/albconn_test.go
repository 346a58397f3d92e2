package albconn

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

func TestSniff(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]int{
		`2026-03-04T05:06:07.123456Z 203.0.113.9 36280 443 - - -`:  95,
		`2026-03-04T05:06:07.123456Z 2001:db8::9 36280 443 - - -`:  95,
		`Enable ConnectionLog for ELB: app/x`:                      90,
		`2026-03-04T05:06:07.123456Z host.example.com 36280 443 -`: 0,
		`2026-03-04T05:06:07.123456Z 203.0.113.9 GET 443`:          0,
		`2026-03-04T05:06:07.123456Z 203.0.113.9 36280 -`:          0,
		`2026-03-04T05:06:07.123456Z 12 34 56`:                     0,
		`203.0.113.9 36280 443`:                                    0,
		`2026-03-04T05:06:07.123456Z`:                              0,
		``:                                                         0,
	} {
		if got := sniff([]byte(raw)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", raw, got, want)
		}
	}
}

func TestLossless(t *testing.T) {
	t.Parallel()
	formattest.LosslessText(t, Spec(), "testdata", "notbefore", "notafter")
}
