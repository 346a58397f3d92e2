package correlate

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/alert/alerttest"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// TestGoldenAlert takes a log line all the way, through the real parser, matcher and frames, and compares every byte of the
// alert. To renew the file after a wanted change: SHRIKE_GOLDEN=write go test ./pkg/correlate -run Golden.
func TestGoldenAlert(t *testing.T) {
	t.Parallel()
	set, err := rule.LoadFS(os.DirFS("testdata/golden"), "aws-root-console-login.yml")
	if err != nil {
		t.Fatal(err)
	}
	root := set.Rule("aws-root-console-login")
	raw := []byte(root.Tests[0].Logs[0].Raw)
	m := match.New(set)
	m.Begin()
	d := format.NewDecoder(format.NewRegistry([]format.Spec{cloudtrail.Spec()}))
	at := time.Date(2026, 3, 1, 9, 20, 0, 0, time.UTC)
	if err := d.Decode(&record.Record{Raw: raw, Received: at}, func(e *event.Event) { m.Event(e) }); err != nil {
		t.Fatal(err)
	}
	msgs, err := match.Encode(&match.Frame{To: 1, RuleSet: set.Hash(), Signals: m.Signals(1)[0]}, 900_000)
	if err != nil {
		t.Fatal(err)
	}
	f, err := new(match.Assembler).Add(msgs[0])
	if err != nil {
		t.Fatal(err)
	}
	res := New(set, Options{}).Apply(f, 0)
	if len(res.Alerts) != 1 {
		t.Fatalf("%d alerts, want 1", len(res.Alerts))
	}
	got := indented(t, res.Alerts[0])
	const file = "testdata/golden/aws-root-console-login.json"
	if os.Getenv("SHRIKE_GOLDEN") == "write" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("alert (-want +got):\n%s", diff)
	}
	alerttest.ValidJSON(t, got)
}

func indented(t *testing.T, a alert.Alert) []byte {
	t.Helper()
	a.RuleVersion = "5b1e0c92a7d4" // these follow every word of the rule's file, and are tested where they are made
	a.ID = "07ab4d0cb148bfeb182f9cbcb886fc57"
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(a); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
