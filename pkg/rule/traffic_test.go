package rule_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/simulate"
)

// simulated returns CloudTrail records of a company's day.
func simulated(n int) []*record.Record {
	g := simulate.New(simulate.Options{Seed: 7, Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Records: 4 * n})
	var log simulate.Log
	var records []*record.Record
	for len(records) < n && g.Next(&log) {
		if log.Format == cloudtrail.Spec().Name {
			records = append(records, &record.Record{Raw: slices.Clone(log.Raw), Format: log.Format})
		}
	}
	return records
}

func parse(t testing.TB, p format.Parser, r *record.Record, emit func(*event.Event)) {
	if err := p.Parse(r, emit); err != nil {
		t.Fatal(err)
	}
}

// literals are what an event has that rules look for.
type literals struct {
	name, source, actor, actorName, agent, errorCode, network, path, value string
}

// literalsOf takes one event of each pair of call and caller, calls in turn, so that rules spread over calls as packs do.
func literalsOf(t testing.TB, records []*record.Record) []literals {
	byName, seen := map[string][]literals{}, map[string]bool{}
	p := cloudtrail.Spec().New()
	var names []string
	for _, r := range records {
		parse(t, p, r, func(e *event.Event) {
			l := literals{
				name: e.Text(event.EventName), source: e.Text(event.EventSource), actor: e.Text(event.Actor), actorName: e.Text(event.ActorName),
				agent: e.Text(event.UserAgent), errorCode: e.Text(event.ErrorCode),
			}
			if a := e.Addr(event.SrcIP); a.IsValid() {
				l.network = netip.PrefixFrom(a, a.BitLen()-4).Masked().String()
			}
			l.path, l.value = someLeaf(e)
			if id := l.name + l.actor; l.actor == "" || seen[id] {
				return
			}
			seen[l.name+l.actor] = true
			if byName[l.name] == nil {
				names = append(names, strings.Clone(l.name))
			}
			for _, s := range []*string{&l.name, &l.source, &l.actor, &l.actorName, &l.agent, &l.errorCode, &l.path, &l.value} {
				*s = strings.Clone(*s) // the event is the parser's
			}
			byName[l.name] = append(byName[l.name], l)
		})
	}
	var all []literals
	for i := 0; ; i++ {
		before := len(all)
		for _, n := range names {
			if i < len(byName[n]) {
				all = append(all, byName[n][i])
			}
		}
		if len(all) == before {
			return all
		}
	}
}

// someLeaf returns a text at the top of the request.
func someLeaf(e *event.Event) (path, value string) {
	o := e.Object(event.Request).Value.GetObject()
	if o == nil {
		return "", ""
	}
	for _, key := range []string{"bucketName", "roleArn", "keyId", "instanceId", "userName", "functionName", "tableName", "secretId", "logGroupName"} {
		if v := o.Get(key); v != nil && len(v.GetStringBytes()) > 3 {
			return "request." + key, string(v.GetStringBytes())
		}
	}
	return "", ""
}

// shapes are those of the rules that ship: calls by name, of one service, with something in the request, from an address, by a
// tool, in lists, refused, with a policy. i keeps literals apart.
var shapes = []func(l literals, i int) string{
	func(l literals, i int) string {
		return fmt.Sprintf("event_name == %q and actor == %q", l.name, l.actor)
	},
	func(l literals, i int) string {
		return fmt.Sprintf("event_source == %q and event_name in [%q, \"Delete%d\", \"Stop%d\"] and actor == %q", l.source, l.name, i, i, l.actor)
	},
	func(l literals, i int) string {
		if l.path == "" {
			return fmt.Sprintf("event_name == %q and actor_name == %q and mfa != true", l.name, l.actorName)
		}
		return fmt.Sprintf("event_name == %q and %s contains %q and actor == %q", l.name, l.path, l.value[1:], l.actor)
	},
	func(l literals, i int) string {
		if l.network == "" {
			return fmt.Sprintf("event_name == %q and not has(src_ip) and actor == %q", l.name, l.actor)
		}
		return fmt.Sprintf("event_name == %q and inCIDR(src_ip, %q) and actor == %q", l.name, l.network, l.actor)
	},
	func(l literals, i int) string {
		return fmt.Sprintf(`lower(user_agent) contains "-kali%d" or lower(user_agent) contains "tool-%d" or (lower(user_agent) contains "pacu%d" and user_agent matches "(?i)\\bpacu%d\\b") or (lower(user_agent) contains %q and event_name == %q and actor == %q)`,
			i, i, i, i, strings.ToLower(l.agent[:min(len(l.agent), 12)]), l.name, l.actor)
	},
	func(l literals, i int) string {
		return fmt.Sprintf("error_code == %q and event_name in [%q, \"Get%d\"] and actor == %q", l.errorCode, l.name, i, l.actor)
	},
	func(l literals, i int) string {
		return fmt.Sprintf(`event_name in [%q, "Put%d", "Set%d"] and (policyAllowsPublic(request.policy) or any(request.grants, .grantee == "all") or actor == %q)`, l.name, i, i, l.actor)
	},
	func(l literals, i int) string {
		return fmt.Sprintf(`event_name == %q and equalFold(actor, %q) and not (request.x == "y%d")`, l.name, strings.ToUpper(l.actor), i)
	},
}

// packOf makes a pack of n rules of these shapes.
func packOf(t testing.TB, all []literals, n int) *rule.Set {
	t.Helper()
	files := fstest.MapFS{}
	for i := range n {
		id := fmt.Sprintf("r%04d", i)
		text := fmt.Sprintf("id: %s\ntitle: t\nseverity: low\nmaturity: experimental\nclass: api\noutcome: any\nwhen: |\n  %s\ngroup_by: [actor]\nattack: [T1078]\nfalse_positives: [None.]\nrunbook: Ask.\n",
			id, shapes[i%len(shapes)](all[i%len(all)], i))
		files[id+".yml"] = &fstest.MapFile{Data: []byte(text)}
	}
	set, err := rule.LoadFS(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// way is one way of matching the same rules.
type way struct {
	name string
	set  *rule.Set
}

func waysOf(set *rule.Set) []way {
	n := fmt.Sprintf("rules=%d/", len(set.Rules()))
	return []way{
		{n + "closures+index", set}, {n + "closures", set.Unindexed()},
		{n + "machine+index", set.OnMachine(false)}, {n + "machine", set.OnMachine(true)},
	}
}

func matchesOf(t testing.TB, set *rule.Set, records []*record.Record) []string {
	var all []string
	var dst []rule.Hit
	p := cloudtrail.Spec().New()
	for i, r := range records {
		parse(t, p, r, func(e *event.Event) {
			for _, h := range set.Hits(e, dst[:0]) {
				all = append(all, fmt.Sprint(i, " ", h.Rule.ID))
			}
		})
	}
	return all
}

const trafficRecords = 20_000

// traffic returns records, and packs of 57 and 1,000 rules of which each matches some of them, whichever way.
func traffic(t testing.TB) ([]*record.Record, []*rule.Set) {
	records := simulated(trafficRecords)
	all := literalsOf(t, records)
	if len(all) < 500 {
		t.Fatalf("only %d pairs of calls and callers", len(all))
	}
	packs := []*rule.Set{packOf(t, all, 57), packOf(t, all, 1000)}
	for _, set := range packs {
		matched := map[string]bool{}
		for _, m := range matchesOf(t, set, records) {
			_, id, _ := strings.Cut(m, " ")
			matched[id] = true
		}
		for _, r := range set.Rules() {
			if !matched[r.ID] {
				t.Errorf("%s matches nothing: %s", r.ID, r.When)
			}
			if !r.Native() {
				t.Errorf("%s runs on expr's machine", r.ID)
			}
		}
		some := records[len(records)-300:]
		want := matchesOf(t, set, some)
		for _, w := range waysOf(set) {
			if diff := cmp.Diff(want, matchesOf(t, w.set, some)); diff != "" || len(want) == 0 {
				t.Errorf("%s differs:\n%s", w.name, diff)
			}
		}
	}
	return records, packs
}

// Whichever way rules are found and evaluated, the same match, and each of a thousand somewhere in the traffic.
func TestTrafficEveryWay(t *testing.T) {
	t.Parallel()
	traffic(t)
}

// BenchmarkTraffic measures records of CloudTrail through the parser and a pack of rules, in events a second of the
// clock and of CPU on one core (-cpu 1).
func BenchmarkTraffic(b *testing.B) {
	records, packs := traffic(b)
	size := 0
	for _, r := range records {
		size += len(r.Raw)
	}
	ways := []way{{"rules=0", rule.NewSet(nil)}}
	for _, set := range packs {
		ways = append(ways, waysOf(set)...)
	}
	for _, w := range ways {
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size / len(records)))
			p := cloudtrail.Spec().New()
			dst := make([]rule.Hit, 0, 1024)
			matches := 0
			emit := func(e *event.Event) { matches += len(w.set.Hits(e, dst)) }
			i, from := 0, cpuTime(b)
			for b.Loop() {
				if err := p.Parse(records[i%len(records)], emit); err != nil {
					b.Fatal(err)
				}
				i++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(b.N)/(cpuTime(b)-from).Seconds(), "events/cpu-s")
			b.ReportMetric(float64(matches)/float64(b.N), "matches/event")
		})
	}
}
