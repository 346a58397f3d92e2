package clb

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestEdgeCases(t *testing.T) { formattest.EdgeCases(t, Spec(), "clb", nil) }

func TestSharedFormats(t *testing.T) {
	formattest.Files(t, Spec(), "formats/elb/*aws_elb.txt", nil)
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

func TestSniff(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]int{
		`2026-03-04T05:06:07.123456Z desk 203.0.113.20:49152 10.1.2.3:80 0.1 0.2 0.3`: 95,
		`2026-03-04T05:06:07.123456Z desk 203.0.113.20:49152 - -1 -1 -1`:              95,
		`2026-03-04T05:06:07.123456Z desk [2001:db8::1]:1 2001:db8::2:80 0.1`:         95,
		`Enable AccessLog for ELB: desk`:                                              90,
		`2026-03-04T05:06:07.123456Z INFO main:42 worker:7 3 jobs`:                    0,
		`2026-03-04T05:06:07.123456Z desk 203.0.113.20 10.1.2.3:80 0.1`:               0,
		`2026-03-04T05:06:07.123456Z desk 203.0.113.20:49152 shop:80 0.1`:             0,
		`2026-03-04T05:06:07.123456Z desk 203.0.113.20:49152 10.1.2.3:80 fast`:        0,
		`2026-03-04 desk 203.0.113.20:49152 10.1.2.3:80 0.1`:                          0,
		`2026-03-04T05:06:07.123456Z 203.0.113.9 36280 443 - - -`:                     0,
		`2026-03-04T05:06:07.123456Z`:                                                 0,
		``:                                                                            0,
	} {
		if got := sniff([]byte(raw)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", raw, got, want)
		}
	}
}

func TestLossless(t *testing.T) {
	t.Parallel()
	formattest.LosslessText(t, Spec(), "testdata")
}
