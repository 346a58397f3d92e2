package pipeline

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/match"
)

// However much logs say, Kafka takes the alert. Deleting SetEscapeHTML, or the case that cuts events, makes it fail.
func TestAlertsFitAMessage(t *testing.T) {
	t.Parallel()
	long := json.RawMessage(`"` + strings.Repeat("<", match.MaxSampleValue-2) + `"`)
	for _, fields := range []int{8, 40} {
		a := alert.Alert{Schema: 1, ID: "1", Count: 1000, Events: make([]alert.Sample, match.MaxSamples), Pivots: []alert.Pivot{{Name: "more", SQL: "SELECT 1"}}}
		for i := range a.Events {
			a.Events[i].Fields = map[string]json.RawMessage{}
			for n := range fields {
				a.Events[i].Fields[fmt.Sprint("field", n)] = long
			}
		}
		m, err := alertMessage(&a)
		if err != nil || len(m.Value) > maxAlert || len(a.Events) != match.MaxSamples {
			t.Fatalf("%d bytes, %v", len(m.Value), err)
		}
		got, err := decodeAlert(m.Value)
		if err != nil || got.Count != 1000 || len(got.Events) == 0 || len(got.Pivots) != 1 {
			t.Errorf("%d fields: %d events, %d pivots, count %d, %v", fields, len(got.Events), len(got.Pivots), got.Count, err)
		}
		if whole := len(got.Events) == match.MaxSamples; whole != (fields == 8) {
			t.Errorf("%d fields: %d events", fields, len(got.Events))
		}
	}
}
