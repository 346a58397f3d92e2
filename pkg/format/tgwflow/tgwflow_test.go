package tgwflow

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestSharedFormats(t *testing.T) {
	formattest.Files(t, Spec(), "formats/vpc_flow/*tgw*.log", nil)
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		DefaultLayout: 96,
		"version resource_type srcaddr dstaddr bytes":                                           96,
		"srcaddr dstaddr bytes packets packets-lost-no-route":                                   96,
		"6 TransitGateway 210987654321 tgw-0 ":                                                  90,
		"version account-id interface-id srcaddr dstaddr":                                       0,
		"tgw-id and other words that no column has":                                             0,
		"2 111122223333 eni-0a 10.0.0.1 10.0.0.2 1 2 6 1 60 1772355600 1772355660 ACCEPT OK":    0,
		"6 210987654321 tgw-0 tgw-attach-0 10.0.0.1 10.0.0.2 1 2 6 1 60 1772355600 1772355660 ": 0,
		"": 0, "{}": 0,
	} {
		if got := sniff([]byte(line)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", line, got, want)
		}
	}
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

// Without the line in Parse that resets the event it fails.
func FuzzPrint(f *testing.F) { formattest.FuzzPrint(f, Spec(), columns(), DefaultLayout, "testdata") }

func TestLossless(t *testing.T) {
	t.Parallel()
	formattest.LosslessText(t, Spec(), "testdata")
}
