package cloudfront

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestEdgeCases(t *testing.T) {
	formattest.EdgeCases(t, Spec(), "cloudfront", map[string]string{"status_raw": "unmapped.sc-status"})
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

func TestLossless(t *testing.T) {
	t.Parallel()
	formattest.LosslessText(t, Spec(), "testdata")
}
