package s3access

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestEdgeCases(t *testing.T) {
	formattest.EdgeCases(t, Spec(), "s3_access", map[string]string{
		"object_size": "object_bytes", "requester": "actor", "fields": formattest.ColumnCount, "key": "object_key", "key_raw": "unmapped.key",
		"source_region": "bucket_region", "extra": "derived.extra",
	})
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

func TestLossless(t *testing.T) {
	t.Parallel()
	formattest.LosslessText(t, Spec(), "testdata", "yes")
}
