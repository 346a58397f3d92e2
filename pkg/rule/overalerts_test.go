package rule

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/event"
)

// overAlerts is the file of a rule over alerts with this condition.
func overAlerts(id, when string) *fstest.MapFile {
	return &fstest.MapFile{Data: fmt.Appendf(nil, `id: %s
title: "{rule_id} of {group.actor}"
severity: high
class: alert
when: |
  %s
group_by: [account_id]
distinct: { of: rule_id, count: 2, within: 1h }
attack: [T1078]
false_positives: [None known.]
runbook: Look.
tests:
  - { name: some, logs: [{ raw: "{}" }], alerts: [{ severity: high }] }
  - { name: none, logs: [{ raw: "{}" }], alerts: [] }
`, id, when)}
}

func overLogsFile(id string) *fstest.MapFile {
	f := overAlerts(id, `event_name == "X"`)
	text := strings.NewReplacer("class: alert", "class: api\noutcome: any", "{rule_id} of {group.actor}", "{actor}", "distinct: { of: rule_id", "distinct: { of: actor").Replace(string(f.Data))
	return &fstest.MapFile{Data: []byte(text)}
}

func alertOf(id, severity, class string) *event.Event {
	e := new(event.Event)
	e.Reset(event.Alert, nil)
	e.SetText(event.RuleID, id)
	e.SetText(event.Severity, severity)
	e.AddList(event.AlertClasses, class)
	return e
}

// Who reads whom: by name, or all rules over logs and none over alerts. Deleting logs in matches makes it fail, and so does
// deleting 1+ in level.
func TestReading(t *testing.T) {
	t.Parallel()
	set, err := LoadFS(fstest.MapFS{
		"a.yml": overLogsFile("a"), "b.yml": overLogsFile("b"),
		"all.yml":    overAlerts("all", `severity != ""`),
		"named.yml":  overAlerts("named", `rule_id in ["a", "all"] and severity in ["high", "critical"]`),
		"nested.yml": overAlerts("nested", `rule_id == "named" or rule_id == "b"`),
		"not.yml":    overAlerts("not", `rule_id != "a"`),
		"trail.yml":  overAlerts("trail", `rule_id == "shrike-trail-digest"`),
	}, ".")
	if err != nil {
		t.Fatal(err)
	}
	var levels []string
	for _, rules := range set.Levels() {
		var ids []string
		for _, r := range rules {
			ids = append(ids, r.ID)
		}
		levels = append(levels, strings.Join(ids, " "))
	}
	if diff := cmp.Diff([]string{"a b", "all not trail", "named", "nested"}, levels); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	for _, c := range []struct{ id, severity, class, want string }{
		{"a", "high", "api", "[all named]"},
		{"a", "low", "api", "[all]"},
		{"b", "high", "api", "[all nested not]"},
		{"gone", "high", "flow", "[all not]"},
		{"all", "high", "alert", "[named]"},
		{"named", "info", "alert", "[nested]"},
		{"nested", "high", "alert", "[]"},
		{"shrike-trail-digest", "high", "api", "[all not trail]"},
	} {
		var got []string
		for _, r := range set.Match(alertOf(c.id, c.severity, c.class), nil) {
			got = append(got, r.ID)
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("an alert of %s, %s: matched %v, want %s", c.id, c.severity, got, c.want)
		}
	}
}

// A part of a pack loads, though it reads rules of the rest; what no file of the pack is named as is a mistake all the same.
func TestReadingAroundWhatIsGiven(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"logs/a.yml": overLogsFile("a"), "chains/named.yml": overAlerts("named", `rule_id == "a"`)}
	if _, err := LoadFS(files, "chains"); err != nil {
		t.Errorf("a part of a pack: %v", err)
	}
	delete(files, "logs/a.yml")
	if _, err := LoadFS(files, "chains"); err == nil || !strings.Contains(err.Error(), "there is no rule a") {
		t.Errorf("without what it reads: got %v", err)
	}
}
