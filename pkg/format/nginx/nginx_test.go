package nginx

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestEdgeCases(t *testing.T) {
	formattest.EdgeCases(t, Spec(), "nginx", map[string]string{"user": "actor_name", "xff": "forwarded_for", "peer_ip": "unmapped.peer_ip"})
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

func TestLossless(t *testing.T) {
	t.Parallel()
	formattest.LosslessText(t, Spec(), "testdata")
}
