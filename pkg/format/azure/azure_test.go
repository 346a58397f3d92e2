package azure

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestEdgeCases(t *testing.T) {
	formattest.EdgeCases(t, Spec(), "azure_activity", map[string]string{"resource": "resources.0"})
}

func TestSharedFormats(t *testing.T) {
	formattest.Files(t, Spec(), "formats/azure_activity/*.json", nil)
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		`{"time":"x","resourceId":"/","operationName":"a"}`:                85,
		`{"operationName":{"value":"a"},"eventTimestamp":"x"}`:             85,
		`{"operationName":"a","time":"x"}`:                                 0,
		`{"a":{"time":"x","resourceId":"/","operationName":"a"}}`:          0,
		`{"eventSource":"s","eventName":"n","eventTimestamp":"x","a":"b"}`: 0,
		"": 0, "{}": 0,
	} {
		if got := sniff([]byte(line)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", line, got, want)
		}
	}
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

// Nothing that a record says is lost. Times are in another form; app means ServicePrincipal.
func TestLossless(t *testing.T) {
	formattest.Lossless(t, Spec(), "testdata", "time", "eventTimestamp", "idtyp")
}
