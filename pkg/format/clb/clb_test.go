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
