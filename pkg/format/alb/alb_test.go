package alb

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestEdgeCases(t *testing.T) {
	formattest.EdgeCases(t, Spec(), "alb", map[string]string{
		"url": "derived.url", "target_ip": "upstream_ip", "fields": formattest.ColumnCount, "request_processing_time": "request_ms",
		"request_transform_status": "transform_status", "extra": "derived.extra",
	})
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

func TestLossless(t *testing.T) {
	t.Parallel()
	formattest.LosslessText(t, Spec(), "testdata")
}
