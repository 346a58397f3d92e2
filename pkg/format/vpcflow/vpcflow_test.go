package vpcflow

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestEdgeCases(t *testing.T) {
	formattest.EdgeCases(t, Spec(), "vpc_flow", map[string]string{
		"version": "flow_version", "tcp_flag_names": "derived.tcp_flag_names",
	})
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

// Without the line of flowline's Column.set that keeps the action, of which outcome comes, it fails.
func FuzzPrint(f *testing.F) { formattest.FuzzPrint(f, Spec(), columns(), DefaultLayout, "testdata") }

func TestLossless(t *testing.T) {
	t.Parallel()
	formattest.LosslessText(t, Spec(), "testdata")
}
