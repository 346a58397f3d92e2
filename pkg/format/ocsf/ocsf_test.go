package ocsf

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/formattest"
)

func TestFormat(t *testing.T) { formattest.Run(t, Spec(), "testdata") }

func TestSniff(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		`{"metadata":{"version":"1.1.0"},"class_uid":6003`: 90,
		`{"class_uid":6003}`:                                    0,
		`{"event":{"class_uid":6003,"metadata":{}}}`:            0,
		`{"eventVersion":"1.08","eventName":"x","metadata":{}}`: 0,
		"": 0,
	} {
		if got := sniff([]byte(line)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", line, got, want)
		}
	}
}

func BenchmarkParse(b *testing.B) { formattest.BenchmarkParse(b, Spec(), "testdata") }

func FuzzParse(f *testing.F) { formattest.Fuzz(f, Spec(), "testdata") }

// Nothing that a record says is lost. Times are in another form; actions, directions and names are
// those of the logs themselves.
func TestLossless(t *testing.T) {
	formattest.Lossless(t, Spec(), "testdata", "time", "time_dt", "start_time", "end_time", "created_time", "action", "direction", "hostname", "version", "readOnly", "boundary_id")
}
