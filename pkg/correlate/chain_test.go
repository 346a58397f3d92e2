package correlate

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/alert/alerttest"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// chainRules are rules of each windowed kind, as a user writes them.
func chainRules(t *testing.T) *rule.Set {
	t.Helper()
	files := fstest.MapFS{}
	for id, kind := range map[string]string{
		"a-threshold": "threshold: { count: 4, within: 1m }\ndedup: 2m",
		"a-distinct":  "distinct: { of: event_name, count: 3, within: 30s }",
		"a-sum":       "sum: { of: bytes_out, total: 3KiB, within: 20m }",
		"a-match":     "dedup: 90s",
	} {
		files[id+".yml"] = &fstest.MapFile{Data: []byte(`id: ` + id + `
title: "{count} by {actor} from {src_ip}"
severity: { success: high, failure: low }
class: api
outcome: any
when: |
  event_name != "Nothing"
group_by: [actor]
` + kind + `
show: [src_ip, event_name]
attack: [T1110.001]
tags: [A10]
false_positives: [none]
runbook: Ask {actor}.
tests:
  - name: hit
    logs: [{ raw: "{}" }]
    alerts: [{ count: 1 }]
  - name: miss
    logs: [{ raw: "[]" }]
    alerts: []
`)}
	}
	set, err := rule.LoadFS(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func drawChainEvents(t *rapid.T) []*event.Event {
	var events []*event.Event
	for n := range rapid.IntRange(1, 60).Draw(t, "events") {
		e := new(event.Event)
		e.Reset(event.API, nil)
		e.UID = event.UID{byte(n * 31), byte(n)}
		e.SetUnixNano(event.EventTime, rapid.Int64Range(0, 400).Draw(t, "at")*second)
		e.SetText(event.Actor, rapid.SampledFrom([]string{"eva", "o'b\xffb"}).Draw(t, "actor"))
		e.SetText(event.EventName, rapid.SampledFrom([]string{"A", "B", "C", "D", "Nothing"}).Draw(t, "name"))
		e.SetText(event.Outcome, rapid.SampledFrom([]string{event.Success, event.Failure}).Draw(t, "outcome"))
		e.SetAddr(event.SrcIP, netip.AddrFrom4([4]byte{198, 51, 100, byte(n)}))
		e.SetInt(event.BytesOut, rapid.Int64Range(0, 1000).Draw(t, "bytes"))
		events = append(events, e)
	}
	return events
}

// run takes events through matcher, frames and engines of two shards, cut into ranges after each of cuts.
func run(t *rapid.T, set *rule.Set, events []*event.Event, cuts map[int]bool) map[string]alert.Alert {
	const shards = 2
	m := match.New(set)
	var engines [shards]*Engine
	for i := range engines {
		engines[i] = New(set, Options{Shard: i, KeepAll: true})
	}
	out := map[string]alert.Alert{}
	from := 0
	m.Begin()
	for n, e := range events {
		m.Event(e)
		if n < len(events)-1 && !cuts[n] {
			continue
		}
		for shard, signals := range m.Signals(shards) {
			f := &match.Frame{Origin: record.Position{Topic: "records.api", Offset: int64(from)}, To: int64(n + 1), Signals: signals}
			for _, a := range engines[shard].Apply(travel(t, f), int64(n)).Alerts {
				a.Revision = 0 // counts frames, which the cut decides
				for i := range a.Reached {
					a.Reached[i].Revision = 0
				}
				out[a.ID] = a
			}
		}
		from = n + 1
		m.Begin()
	}
	return out
}

// travel encodes a frame in parts, of a few signals with all their samples, and puts it together again.
func travel(t *rapid.T, f *match.Frame) *match.Frame {
	msgs, err := match.Encode(f, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	var a match.Assembler
	for _, msg := range msgs {
		whole, err := a.Add(msg)
		if err != nil {
			t.Fatal(err)
		}
		if whole != nil {
			return whole
		}
	}
	t.Fatal("no frame came out")
	return nil
}

// The same over the whole way, from events on: any order and any cut end in the same alerts, down to the last byte.
// Deleting the matcher's choice of the highest severity, or of the earliest time, makes this fail.
func TestAlertsDependOnEventsAlone(t *testing.T) {
	t.Parallel()
	set := chainRules(t)
	fired := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		events := drawChainEvents(t)
		whole := run(t, set, events, nil)
		cuts := map[int]bool{}
		for range rapid.IntRange(0, 20).Draw(t, "cuts") {
			cuts[rapid.IntRange(0, len(events)-1).Draw(t, "cut")] = true
		}
		pieces := run(t, set, rapid.Permutation(events).Draw(t, "order"), cuts)
		if diff := gocmp.Diff(whole, pieces); diff != "" {
			t.Fatalf("alerts (-whole +pieces):\n%s", diff)
		}
		for _, a := range whole {
			if !fired[a.RuleID] {
				fired[a.RuleID] = true
				doc, err := json.Marshal(a)
				if err != nil {
					t.Fatal(err)
				}
				alerttest.ValidJSON(t, doc)
			}
		}
	})
	if len(fired) != 4 {
		t.Errorf("only %v fired: the test proves too little", fmt.Sprint(fired))
	}
}
