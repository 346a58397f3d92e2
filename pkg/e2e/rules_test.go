package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// folder is rules of the tests' own, run with those that are built in.
type folder string

// What one attack sends out is more in an hour than in the hours before, of which a workload has enough, and in larger pieces.
const (
	usual = "egress-above-usual"
	large = "egress-in-large-pieces"
)

func newFolder(t *testing.T) folder {
	t.Helper()
	f := folder(t.TempDir())
	f.write(t, usual, `title: "{account_id} sent {value} in an hour, and {usual} before"
class: flow
when: |
  isPrivate(src_ip) and has(dst_ip) and not isPrivate(dst_ip)
group_by: [account_id]
baseline: { of: bytes, bucket: 1h, past: 12h, learning: 2h, above: { quantile: 1, times: 3 }, at_least: 1GiB }
`)
	f.write(t, large, `title: "{account_id} sent {value} at a time"
class: flow
when: |
  isPrivate(src_ip) and has(dst_ip) and not isPrivate(dst_ip)
group_by: [account_id]
average: { of: bytes, above: 1MiB, count: 20, bucket: 1h }
`)
	return f
}

// another adds a rule that fires on nothing: services that watch the folder read all rules again.
func (f folder) another(t *testing.T) {
	t.Helper()
	f.write(t, "nothing", `title: "{account_id} does what nobody does"
class: api
when: |
  event_name == "NobodyDoesThis"
group_by: [account_id]
lint: { ignore: [unknown-event-name] }
`)
}

func (f folder) write(t *testing.T, id, text string) {
	t.Helper()
	text = "id: " + id + "\nseverity: low\noutcome: success\nmaturity: experimental\nrunbook: Look.\n" + text
	file := filepath.Join(string(f), id+".yml")
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// rules are what runs now.
func (f folder) rules(t *testing.T) *rule.Set {
	t.Helper()
	set, err := app.Rules(parse(t, f.config()))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// config is the part of a configuration that has the folder read.
func (f folder) config() string { return "rules: { paths: [builtin, \"" + string(f) + "\"] }\n" }
