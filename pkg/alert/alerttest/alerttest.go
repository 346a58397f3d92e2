// Package alerttest checks alerts of other packages against the published schema. Only tests import it.
package alerttest

import (
	"bytes"
	"encoding/json"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/shrike-sec/shrike/pkg/alert"
)

// T is what of testing.TB is needed here; a rapid.T has it, too.
type T interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

// Valid fails the test when the schema refuses the alert.
func Valid(t T, a *alert.Alert) {
	t.Helper()
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	ValidJSON(t, text)
}

// ValidJSON fails the test when the schema refuses an alert's JSON.
func ValidJSON(t T, text []byte) {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(alert.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("alert.json", schema); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("alert.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("the schema refuses an alert: %v\n%s", err, text)
	}
}
