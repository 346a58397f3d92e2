package rule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/event"
)

const sequenceText = `id: chain
title: "{launch.actor_name} launched {interface_id}, seen by {mine.dst_ip} {count} times"
severity: critical
group_by: [account_id, interface_id]
sequence:
  within: 24h
  ordered: true
  steps:
    - name: launch
      class: api
      outcome: success
      when: |
        event_name == "RunInstances"
      by: { interface_id: "response.items[].id" }
    - name: mine
      class: flow
      outcome: any
      when: |
        dst_port == 3333
    - name: tagged
      class: api
      outcome: success
      when: |
        event_name == "CreateTags"
      by: { interface_id: request.resourceId }
      unless: true
show: [src_ip, dst_port]
attack: [T1496]
false_positives: [None known.]
runbook: Revoke {launch.access_key_id}.
pivots:
  launches: SELECT * FROM api WHERE actor = {launch.actor:String} AND account_id = {account_id:String}
tests:
  - name: both
    logs: [{ raw: '{"n":{n}}' }]
    alerts: [{ severity: critical, count: 2, group: { interface_id: eni-1 } }]
  - name: one
    logs: [{ like: both, replace: { n: m } }]
    alerts: []
`

func loadSequence(t *testing.T, old, by string) *Rule {
	t.Helper()
	text := strings.Replace(sequenceText, old, by, 1)
	if old != by && text == sequenceText {
		t.Fatalf("%q does not occur", old)
	}
	s, err := LoadFS(fstest.MapFS{"chain.yml": {Data: []byte(text)}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	return s.Rules()[0]
}

func TestLoadReadsSequences(t *testing.T) {
	t.Parallel()
	r := loadSequence(t, "", "")
	if r.Sequence.Within != 24*time.Hour || r.Period() != 24*time.Hour || !r.Sequence.Ordered || r.Whole() || !r.Native() || r.Class != event.None {
		t.Errorf("within %s, period %s, ordered %v, whole %v, native %v", r.Sequence.Within, r.Period(), r.Sequence.Ordered, r.Whole(), r.Native())
	}
	if got := r.Classes(); !slices.Equal(got, []event.Class{event.API, event.Flow}) {
		t.Errorf("classes %s", got)
	}
	var got []string
	for _, s := range r.Sequence.Steps {
		got = append(got, fmt.Sprint(s.Name, " ", s.Class, " ", s.Outcome, " ", s.Unless, " by ", keyNames(s.By), " shows ", keyNames(s.Capture)))
	}
	want := []string{
		"launch api success false by [account_id response.items[].id] shows [account_id src_ip actor_name access_key_id actor]",
		"mine flow any false by [account_id interface_id] shows [account_id interface_id src_ip dst_port dst_ip]",
		"tagged api success true by [account_id request.resourceId] shows [account_id src_ip]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestWholeIsWhatLacksAKey(t *testing.T) {
	t.Parallel()
	if r := loadSequence(t, "      by: { interface_id: request.resourceId }\n", ""); !r.Whole() || r.Sequence.Steps[2].Gives(1) {
		t.Error("a step without interface_id, and yet the rule does not live whole in one shard")
	}
}

// Whatever decides which alert a match belongs to makes another rule of it.
func TestHashCoversSteps(t *testing.T) {
	t.Parallel()
	base := loadSequence(t, "", "").Hash
	for old, by := range map[string]string{
		"within: 24h": "within: 12h", "dst_port == 3333": "dst_port == 4444", "outcome: any": "outcome: success", "name: tagged": "name: marked",
		"request.resourceId": "request.id", "class: flow\n      outcome: any\n      when: |\n        dst_port == 3333": "class: http\n      outcome: any\n      when: |\n        status == 200\n      by: { interface_id: object_key }",
		"      unless: true\n": "", "[account_id, interface_id]": "[interface_id, account_id]",
	} {
		text := strings.ReplaceAll(sequenceText, old, by)
		text = strings.NewReplacer(", seen by {mine.dst_ip}", "", ", dst_port]", "]").Replace(text)
		s, err := LoadFS(fstest.MapFS{"chain.yml": {Data: []byte(text)}}, ".")
		if err != nil {
			t.Fatal(err)
		}
		if s.Rules()[0].Hash == base {
			t.Errorf("%s for %s: the same hash", by, old)
		}
	}
	if loadSequence(t, "severity: critical\n", "severity: high\ndedup: 48h\n").Hash != base {
		t.Error("severity or dedup make another rule")
	}
}
