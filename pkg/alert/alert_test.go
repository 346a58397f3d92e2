package alert

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("alert.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("alert.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func example() Alert {
	at := time.Date(2026, 3, 1, 9, 14, 7, 0, time.UTC)
	return Alert{
		Schema: 1, ID: NewID("h", "r", []string{"k"}, 7), Revision: 1, Status: "open", RuleID: "r", RuleVersion: "v", Title: "t",
		Severity: "high", Attack: []string{"T1078.004"}, Classes: []string{"api"}, Entity: Entity{Kind: "principal", ID: "k"},
		Group: map[string]string{"actor": "k"}, Period: Period{Start: at, End: at}, FirstEventTime: at, LastEventTime: at, Count: 1,
		Reached: []Reached{{Severity: "high", EventTime: at, Revision: 1}},
		Events:  []Sample{{EventUID: "1c7d", Class: "api", EventTime: at, Fields: map[string]json.RawMessage{"mfa": json.RawMessage("false")}}},
		Pivots:  []Pivot{{Name: "p", SQL: "SELECT 1"}},
	}
}

func validate(t *testing.T, s *jsonschema.Schema, doc []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

func TestSchemaTakesAlertsAndNothingElse(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	good, err := json.Marshal(example())
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(t, s, good); err != nil {
		t.Fatalf("an alert is refused: %v\n%s", err, good)
	}
	for _, swap := range [][2]string{
		{`"schema":1`, `"schema":2`}, {`"severity":"high"`, `"severity":"bad"`}, {`"count":1`, `"count":0`},
		{`"status":"open"`, `"status":"shut"`}, {`"classes":["api"]`, `"classes":["log"]`}, {`"late":false,`, ``},
		{`"kind":"principal"`, `"kind":"person"`}, {`T09:14:07Z`, `T09:14:07`}, {`"title":"t"`, `"title":"t","extra":1`},
		{`"reached":[{"severity":"high",`, `"reached":[{`},
	} {
		bad := strings.Replace(string(good), swap[0], swap[1], 1)
		if bad == string(good) {
			t.Fatalf("nothing to replace: %s", swap[0])
		}
		if validate(t, s, []byte(bad)) == nil {
			t.Errorf("accepted with %s instead of %s", swap[1], swap[0])
		}
	}
}

// Deleting the length prefix in appendPart makes this fail: ("aa","") would be ("","aa").
func TestNewIDKeepsPartsApart(t *testing.T) {
	t.Parallel()
	type parts struct {
		hash, rule string
		key        []string
		period     int64
	}
	word := rapid.StringMatching(`a{0,2}`)
	gen := rapid.Custom(func(t *rapid.T) parts {
		return parts{word.Draw(t, "hash"), word.Draw(t, "rule"), rapid.SliceOfN(word, 0, 3).Draw(t, "key"), rapid.Int64Range(-1, 1).Draw(t, "period")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		same, _ := json.Marshal([]any{a.hash, a.rule, append([]string{}, a.key...), a.period})
		other, _ := json.Marshal([]any{b.hash, b.rule, append([]string{}, b.key...), b.period})
		got := NewID(a.hash, a.rule, a.key, a.period) == NewID(b.hash, b.rule, b.key, b.period)
		if want := bytes.Equal(same, other); got != want {
			t.Fatalf("ids equal: %v, want %v: %s %s", got, want, same, other)
		}
	})
}
