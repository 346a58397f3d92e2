package nlb

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestEdgeCases(t *testing.T) {
	formattest.EdgeCases(t, Spec(), "nlb", map[string]string{"fields": "", "alpn_client": "tls_alpn_offered"})
}

func TestSharedFormats(t *testing.T) {
	formattest.Files(t, Spec(), "formats/nlb/*.log", nil)
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }
