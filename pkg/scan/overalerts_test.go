package scan

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// feedbackRules are three rules over logs and four over alerts, two of which read alerts of alerts.
func feedbackRules(t testing.TB) *rule.Set {
	t.Helper()
	over := func(when, kind string) string {
		return "class: alert\nwhen: |\n  " + when + "\ngroup_by: [actor]\nseverity: high\n" + kind
	}
	logs := func(name, severity, kind string) string {
		return "class: api\noutcome: any\nwhen: |\n  event_name == \"" + name + "\"\ngroup_by: [actor]\nseverity: " + severity + "\n" + kind
	}
	files := fstest.MapFS{}
	for id, body := range map[string]string{
		"l-each":      logs("C", "low", ""),
		"l-match":     logs("A", "{ success: high, failure: medium }", "dedup: 10m"),
		"l-threshold": logs("B", "medium", "threshold: { count: 3, within: 5m }"),
		"o-high":      over(`severity in ["high", "critical"]`, "threshold: { count: 2, within: 20m }"),
		"o-named":     over(`rule_id in ["o-risk", "l-each"]`, "threshold: { count: 2, within: 30m }"),
		"o-risk":      over(`actor != ""`, "distinct: { of: rule_id, count: 2, within: 15m }"),
		"o-then": "severity: high\ngroup_by: [actor]\nsequence:\n  within: 20m\n  steps:\n    - name: told\n      class: alert\n      when: |\n        rule_id == \"o-risk\"\n" +
			"    - name: c\n      class: api\n      outcome: any\n      when: |\n        event_name == \"C\"\n",
	} {
		title := "{actor}"
		files[id+".yml"] = &fstest.MapFile{Data: []byte("id: " + id + "\ntitle: \"" + title + "\"\n" + body + ruleTail)}
	}
	set, err := rule.LoadFS(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func drawCalls(t *rapid.T) []string {
	var lines []string
	at := 0
	for n := range rapid.IntRange(1, 60).Draw(t, "calls") {
		at += rapid.IntRange(0, 300).Draw(t, "seconds")
		failed := rapid.SampledFrom([]string{"", `"errorCode":"AccessDenied",`}).Draw(t, "failed")
		lines = append(lines, fmt.Sprintf(`{"eventVersion":"1.11","eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":%q,"eventID":"e-%d",%s`+
			`"eventType":"AwsApiCall","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/%s","accountId":"111122223333"}}`+"\n",
			time.Date(2026, 3, 1, 0, 0, at, 0, time.UTC).Format(time.RFC3339), rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "name"), n, failed,
			rapid.SampledFrom([]string{"eva", "bob"}).Draw(t, "actor")))
	}
	return lines
}

// told is what must be the same of an alert however it was found.
func told(alerts []alert.Alert) map[string]string {
	out := map[string]string{}
	for _, a := range alerts {
		var reached []string
		for _, l := range a.Reached {
			reached = append(reached, l.Severity+" "+l.EventTime.Format(time.TimeOnly))
		}
		out[a.ID] = fmt.Sprint(a.RuleID, a.Group, a.Severity, a.Count, a.FirstEventTime, a.LastEventTime, reached, len(a.Events))
	}
	return out
}

// stream takes the lines the way of the pipeline: cut into ranges, each correlated by the one engine that has all rules, and
// each new revision of an alert fed back at once.
func stream(t *rapid.T, set *rule.Set, lines []string) []alert.Alert {
	g := correlate.New(set, correlate.Options{})
	m, d := match.New(set), format.NewDecoder(builtin.Formats())
	alerts := map[string]alert.Alert{}
	now, clock := int64(0), int64(1)<<60
	offset := map[string]int64{}
	apply := func(topic string) []alert.Alert {
		f := match.Frame{Origin: record.Position{Epoch: 1, Topic: topic, Offset: offset[topic]}, Alerts: topic == "alerts", To: offset[topic] + 1, Watermark: now, Signals: m.Signals(1)[0]}
		if f.Alerts {
			f.Watermark, f.Clock = math.MaxInt64, clock
		}
		offset[topic]++
		offset["signals"]++
		r := g.Apply(&f, offset["signals"])
		m.Begin()
		for _, a := range r.Alerts {
			alerts[a.ID] = a
		}
		return r.Alerts
	}
	m.Begin()
	for len(lines) > 0 {
		n := rapid.IntRange(1, len(lines)).Draw(t, "range")
		for _, line := range lines[:n] {
			if err := d.Decode(&record.Record{Raw: []byte(line), Format: "cloudtrail"}, func(e *event.Event) {
				now = e.UnixNano(event.EventTime)
				m.Event(e)
			}); err != nil {
				t.Fatal(err)
			}
		}
		lines = lines[n:]
		for news := apply("records.api"); len(news) > 0; {
			var next []alert.Alert
			times := 1
			if rapid.Bool().Draw(t, "told again") { // as by a correlate that was killed before it could commit
				times = 2
			}
			for range times {
				for i := range news {
					m.Alert(&news[i])
				}
				next = append(next, apply("alerts")...)
			}
			news = next
		}
		if rapid.Bool().Draw(t, "time goes on") { // all alerts are back: what no window needs may go
			clock += int64(correlate.AlertDelay)
			apply("alerts")
		}
	}
	var out []alert.Alert
	for _, a := range alerts {
		out = append(out, a)
	}
	return out
}

// taken is an alert as a rule over alerts meets it: when it reached the lowest severity for which the condition holds.
type taken struct {
	rule, actor string
	at          time.Time
}

// expected says by the definition how often and between which times the alerts of a rule over alerts count, by actor and
// period.
func expected(events []taken, within time.Duration, holds func([]taken) bool) map[string]string {
	covered := map[string]map[int]bool{}
	for _, end := range events {
		var in []int
		var list []taken
		for i, e := range events {
			if e.actor == end.actor && e.at.After(end.at.Add(-within)) && !e.at.After(end.at) {
				in, list = append(in, i), append(list, e)
			}
		}
		if !holds(list) {
			continue
		}
		at := end.actor + " " + end.at.Truncate(within).String()
		if covered[at] == nil {
			covered[at] = map[int]bool{}
		}
		for _, i := range in {
			covered[at][i] = true
		}
	}
	out := map[string]string{}
	for at, set := range covered {
		var times []time.Time
		for i := range set {
			times = append(times, events[i].at)
		}
		slices.SortFunc(times, time.Time.Compare)
		out[at] = fmt.Sprint(len(set), times[0], times[len(times)-1])
	}
	return out
}

func found(alerts []alert.Alert, id string) map[string]string {
	out := map[string]string{}
	for _, a := range alerts {
		if a.RuleID == id {
			out[a.Group["actor"]+" "+a.Period.Start.String()] = fmt.Sprint(a.Count, a.FirstEventTime, a.LastEventTime)
		}
	}
	return out
}

// takes lists the alerts for which holds says so, at the lowest of their severities.
func takes(alerts []alert.Alert, holds func(a alert.Alert, severity string) bool) (out []taken) {
	for _, a := range alerts {
		for _, l := range a.Reached {
			if holds(a, l.Severity) {
				out = append(out, taken{a.RuleID, a.Group["actor"], l.EventTime})
				break
			}
		}
	}
	return out
}

// Alerts of alerts are those that the definition gives, for two levels of them, and a stream with logs in order finds what a
// scan finds, however it is cut and whatever is told again. Each of these, deleted, makes it fail: feed in conclude,
// took in match.(*Matcher).Alert, again in correlate's groups.
func TestAlertsOfAlertsAreThoseOfTheDefinition(t *testing.T) {
	t.Parallel()
	set := feedbackRules(t)
	fired := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		lines := drawCalls(t)
		in, err := Inputs([]string{Stdin}, strings.NewReader(strings.Join(lines, "")))
		if err != nil {
			t.Fatal(err)
		}
		report, err := Run(context.Background(), in, Options{Formats: builtin.Formats(), Rules: set, rangeSize: rapid.IntRange(1, 60).Draw(t, "range size")})
		if err != nil {
			t.Fatal(err)
		}
		logs := func(a alert.Alert) bool { return strings.HasPrefix(a.RuleID, "l-") }
		for id, want := range map[string]map[string]string{
			"o-high": expected(takes(report.Alerts, func(a alert.Alert, severity string) bool { return logs(a) && severity == "high" }),
				20*time.Minute, func(list []taken) bool { return len(list) >= 2 }),
			"o-risk": expected(takes(report.Alerts, func(a alert.Alert, _ string) bool { return logs(a) }), 15*time.Minute, func(list []taken) bool {
				return slices.ContainsFunc(list, func(e taken) bool { return e.rule != list[0].rule })
			}),
			"o-named": expected(takes(report.Alerts, func(a alert.Alert, _ string) bool { return a.RuleID == "o-risk" || a.RuleID == "l-each" }),
				30*time.Minute, func(list []taken) bool { return len(list) >= 2 }),
		} {
			if diff := cmp.Diff(want, found(report.Alerts, id)); diff != "" {
				t.Fatalf("alerts of %s (-want +got):\n%s", id, diff)
			}
		}
		for _, a := range report.Alerts {
			fired[a.RuleID] = true
		}
		if diff := cmp.Diff(told(report.Alerts), told(stream(t, set, lines))); diff != "" {
			t.Fatalf("alerts (-scan +stream):\n%s", diff)
		}
	})
	if len(fired) != len(set.Rules()) {
		t.Errorf("only %v fired: the test proves too little", fired)
	}
}
