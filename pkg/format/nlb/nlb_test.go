package nlb

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestEdgeCases(t *testing.T) {
	formattest.EdgeCases(t, Spec(), "nlb", map[string]string{"fields": formattest.ColumnCount, "alpn_client": "tls_alpn_offered"})
}

func TestSharedFormats(t *testing.T) {
	formattest.Files(t, Spec(), "formats/nlb/*.log", nil)
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

func TestSniff(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]int{
		`tls 2.0 2026-03-04T05:06:07 net/x/1 y`:    95,
		`tls 1.0 2026-03-04T05:06:07Z net/x/1 y`:   95,
		`Enable AccessLog for ELB: net/x`:          90,
		`tls handshake 2026-03-04T05:06:07 failed`: 0,
		`tls 2.0 yesterday`:                        0,
		`http 2.0 2026-03-04T05:06:07 net`:         0,
		`tls`:                                      0,
		``:                                         0,
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
