package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/bus"
)

// risk is a rule over alerts: two about one actor within an hour.
const risk = `id: risk
title: "{count} alerts about {actor}, first {rule_id}"
severity: critical
class: alert
when: |
  actor != ""
group_by: [actor]
threshold: { count: 2, within: 1h }
attack: [T1078]
false_positives: [A test.]
runbook: Look.
tests:
  - { name: some, logs: [{ raw: "{}" }], alerts: [{ severity: critical }] }
  - { name: none, logs: [{ raw: "{}" }], alerts: [] }
`

// Alerts come back to detect, and what a rule makes of them comes once: also when detect and correlate are stopped and
// started in between, and when an alert is told again as it was, as after a crash of correlate. Deleting again's use in
// correlate's groups makes it fail.
func TestAlertsOfAlertsComeOnce(t *testing.T) {
	t.Parallel()
	w := newWay(t, 1)
	set := rulesWith(t, map[string]string{"risk": risk})
	memory := &notebook{}
	start := func() (stop func()) {
		stopDetect := w.run(func(ctx context.Context) error { return Detect(ctx, w.detect(set, 1)) })
		stopCorrelate := w.run(func(ctx context.Context) error { return Correlate(ctx, w.correlate(set, memory)) })
		return func() { stopCorrelate(); stopDetect() }
	}
	stop := start()
	at := time.Now().Truncate(time.Hour).Add(-time.Hour) // one period of dedup for all
	w.calls(call{name: "Once", actor: "eva", id: "e-1", at: at})
	w.alerted("once", "eva")
	stop()
	var told bus.Message
	w.read(bus.Alerts, 0, func(m *bus.Message) bool { told = *m; return bytes.Contains(m.Value, []byte(`"once"`)) })
	told.Partition = 0
	w.send(told, told)
	stop = start()
	for n := range 3 {
		w.calls(call{name: "Often", actor: "eva", id: fmt.Sprint("e-often-", n), at: at.Add(time.Minute)})
	}
	w.alerted("risk", "eva")
	stop()
	w.send(told)
	start()
	for _, name := range []string{"Once", "Often", "Often", "Often"} { // behind it, all of the above is done
		w.calls(call{name: name, actor: "last", id: fmt.Sprint("e-last-", name, time.Now().UnixNano()), at: at.Add(2 * time.Minute)})
	}
	var got []string
	for _, a := range w.alerted("risk", "last") {
		if a.RuleID == "risk" && a.Entity.ID == "eva" {
			got = append(got, fmt.Sprint(a.Title, " ", a.Classes, " ", a.Count, " ", a.FirstEventTime.Equal(at), " ", a.LastEventTime.Equal(at.Add(time.Minute))))
		}
	}
	if want := "2 alerts about eva, first once [alert] 2 true true"; len(got) != 1 || got[0] != want {
		t.Errorf("alerts of alerts are %q, want once %q", got, want)
	}
}
