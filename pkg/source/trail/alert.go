package trail

import (
	"fmt"
	"strings"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
)

// RuleID is the rule id of alerts about trails that are not what CloudTrail delivered.
const RuleID = "shrike-trail-digest"

// maxNamed is how many objects one alert names.
const maxNamed = 20

// about is what problems are gathered by: an alert each. Day is that of the digests, in Unix seconds, or 0 for any.
type about struct {
	Chain string      `json:"chain"`
	Kind  digest.Kind `json:"kind"`
	Day   int64       `json:"day"`
}

// trouble is what is known of one alert.
type trouble struct {
	About    about            `json:"about"`
	Problems []digest.Problem `json:"problems"` // the first maxNamed
	Count    uint64           `json:"count"`
	Told     uint64           `json:"told"` // of them, in an alert that is durable
	At       int64            `json:"at"`   // of the last, Unix seconds
}

func (t *trouble) add(p digest.Problem) {
	p.Start, p.End = p.Start.UTC(), p.End.UTC()
	if t.Count++; len(t.Problems) < maxNamed {
		t.Problems = append(t.Problems, p)
		return
	}
	last := &t.Problems[maxNamed-1]
	if p.End.After(last.End) {
		last.End = p.End
	}
}

// Alerts makes one alert of each kind of problem of a chain.
func Alerts(problems []digest.Problem) []alert.Alert {
	var order []about
	of := map[about]*trouble{}
	for _, p := range problems {
		a := about{Chain: p.Chain, Kind: p.Kind}
		if of[a] == nil {
			of[a] = &trouble{}
			order = append(order, a)
		}
		of[a].add(p)
	}
	var alerts []alert.Alert
	for _, a := range order {
		alerts = append(alerts, of[a].alert(a))
	}
	return alerts
}

// alert says what is known. Its id is that of the chain, the kind and the day; its revision grows with the problems.
func (t *trouble) alert(a about) alert.Alert {
	p := t.Problems[0]
	start, end := p.Start, p.End
	var runbook strings.Builder
	runbook.WriteString("CloudTrail's digest files say what it delivered; this trail is something else. Compare with the bucket " +
		"(aws cloudtrail validate-logs), then find who could write or delete there.")
	for _, p := range t.Problems {
		fmt.Fprintf(&runbook, "\n- %s: %s", p.Object, p.Detail)
		if p.Start.Before(start) {
			start = p.Start
		}
		if p.End.After(end) {
			end = p.End
		}
	}
	if more := t.Count - uint64(len(t.Problems)); more > 0 {
		fmt.Fprintf(&runbook, "\n- and %d more", more)
	}
	severity := "high"
	if a.Kind == digest.LogUnreadable {
		severity = "medium"
	}
	return alert.Alert{
		Schema: 1, ID: alert.NewID("service", RuleID, []string{a.Chain, string(a.Kind)}, a.Day), Revision: int64(t.Count), Status: "open",
		RuleID: RuleID, RuleVersion: "service", Title: fmt.Sprintf("%d %s (%s)", t.Count, title(a.Kind), a.Chain), Severity: severity,
		Attack: []string{"T1562.008", "T1070"}, Tags: []string{"service"}, Classes: []string{"api"},
		Entity:         alert.Entity{Kind: "account", ID: p.Account},
		Group:          map[string]string{"account_id": p.Account, "region": p.Region, "trail": a.Chain},
		Period:         alert.Period{Start: start, End: end},
		FirstEventTime: start, LastEventTime: end, Count: t.Count, Events: []alert.Sample{}, Runbook: runbook.String(),
		FalsePositives: []string{
			"What was read is not the whole trail: a copy needs the log files and the digests of the same days and regions, nothing renamed or written anew.",
		},
	}
}

// title says what a kind of problem is, for one or more.
func title(k digest.Kind) string {
	switch k {
	case digest.LogMissing:
		return "log files of a trail are missing"
	case digest.LogChanged:
		return "log files of a trail were changed after delivery"
	case digest.LogUnreadable:
		return "log files of a trail cannot be read"
	case digest.DigestMissing:
		return "digests of a trail are missing"
	case digest.DigestChanged:
		return "digests of a trail were changed after delivery"
	case digest.Forged:
		return "digests of a trail are not signed by CloudTrail"
	}
	return "gaps between digests of a trail"
}
