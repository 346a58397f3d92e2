package coverage

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/shrike-sec/shrike/pkg/rule"
)

const text = `id: ID
title: "<script>alert({actor})</script>"
severity: { success: SEVERITY, failure: info }
class: api
outcome: any
mode: MODE
when: |
  event_name == "CreateUser"
attack: [ATTACK]
false_positives: [None.]
runbook: Ask.
tests:
  - name: yes
    logs: [{ raw: x }]
    alerts: [{ count: 1 }]
  - name: no
    logs: [{ raw: y }]
    alerts: []
`

func sample(t *testing.T) *rule.Set {
	files := fstest.MapFS{}
	for _, r := range [][]string{
		{"b", "high", "live", "T1078.004, T1078.004"}, {"a", "low", "dry_run", "T1078.004, T1530"}, {"c", "critical", "off", "T1530"},
		{"d", "low", "live", "T9999"}, {"e", "medium", "live", "T1089"},
	} {
		data := strings.NewReplacer("ID", r[0], "SEVERITY", r[1], "MODE", r[2], "ATTACK", r[3]).Replace(text)
		files[r[0]+".yml"] = &fstest.MapFile{Data: []byte(data)}
	}
	set, err := rule.LoadFS(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestOf(t *testing.T) {
	t.Parallel()
	m := Of(sample(t))
	got := map[string]string{}
	for _, c := range m.Columns {
		for _, cell := range c.Cells {
			var ids []string
			for _, r := range cell.Rules {
				ids = append(ids, r.ID)
			}
			got[c.Short] += fmt.Sprintf("%s(%s:%s) ", cell.ID, strings.Join(ids, ","), cell.Severity)
		}
	}
	accounts := "T1078(:) T1078.004(a,b:high) "
	want := map[string]string{
		"initial-access": accounts, "persistence": accounts, "privilege-escalation": accounts,
		"defense-evasion": accounts + "T1562(:) T1562.001(e:medium) ", "collection": "T1530(a:low) ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("matrix (-want +got):\n%s", diff)
	}
	if m.Rules != 4 || m.Techniques() != 3 || m.Covered() != 5 || len(m.Columns) != 14 || len(m.Without) != 1 || m.Without[0].ID != "d" {
		t.Errorf("%d rules, %d techniques, %d of %d tactics, without %v", m.Rules, m.Techniques(), m.Covered(), len(m.Columns), m.Without)
	}
}

func TestLayer(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile("testdata/layer-4.5.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []*rule.Set{sample(t), rule.NewSet(nil)} {
		text, err := json.Marshal(Of(set).Layer())
		if err != nil {
			t.Fatal(err)
		}
		layer, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(layer); err != nil {
			t.Errorf("%v:\n%s", err, text)
		}
	}
	scores := map[string]int{}
	for _, technique := range Of(sample(t)).Layer().Techniques {
		if _, twice := scores[technique.ID]; twice {
			t.Errorf("%s comes twice", technique.ID)
		}
		scores[technique.ID] = technique.Score
	}
	if scores["T1078.004"] != 2 || scores["T1078"] != 0 || scores["T1530"] != 1 {
		t.Errorf("scores %v", scores)
	}
}

// The page loads nothing, runs nothing, and shows what rules say as text.
func TestHTML(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Of(sample(t)).HTML(&b); err != nil {
		t.Fatal(err)
	}
	ids, labels := map[string]bool{}, []string{}
	page := xml.NewDecoder(&b)
	page.Strict, page.AutoClose, page.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := page.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch element.Name.Local {
		case "script", "img", "link", "iframe", "object":
			t.Errorf("the page has a %s", element.Name.Local)
		}
		for _, a := range element.Attr {
			switch a.Name.Local {
			case "href":
				if !strings.HasPrefix(a.Value, "https://attack.mitre.org/techniques/T") {
					t.Errorf("a link leads to %s", a.Value)
				}
			case "id":
				if ids[a.Value] {
					t.Errorf("the id %s comes twice", a.Value)
				}
				ids[a.Value] = true
			case "aria-labelledby":
				labels = append(labels, a.Value)
			case "src", "style", "onclick":
				t.Errorf("the page has %s=%s", a.Name.Local, a.Value)
			}
		}
	}
	for _, l := range labels {
		if !ids[l] {
			t.Errorf("nothing has the id %s, which labels a tactic", l)
		}
	}
	if len(labels) != 14 {
		t.Errorf("%d tactics", len(labels))
	}
}
