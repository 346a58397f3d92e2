package pipeline

import (
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert/alerttest"
)

// Alerts about Shrike itself are alerts as the schema has them: receivers check by it.
func TestTroubleIsAnAlert(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 14, 7, 0, time.UTC)
	trouble := Trouble{Rule: DiskFull, About: "data", Title: "full", Runbook: "Make room.", Count: 1, At: at}
	a := trouble.alert()
	alerttest.Valid(t, a)
	trouble.At = at.Add(time.Minute)
	if later := trouble.alert(); later.ID != a.ID || later.Revision <= a.Revision {
		t.Errorf("a minute later: id %s, revision %d, want the same id and more than %d", later.ID, later.Revision, a.Revision)
	}
}
