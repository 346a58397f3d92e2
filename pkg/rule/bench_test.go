package rule

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

// benchConditions have the shapes of a pack: most name the calls they look for, some look at agents, addresses,
// volumes or inside the request.
func benchConditions(n int) []string {
	var all []string
	shapes := []func(i int) string{
		func(i int) string { return fmt.Sprintf(`event_name == "Call%d"`, i) },
		func(i int) string {
			return fmt.Sprintf(`event_source == "svc%d.amazonaws.com" and event_name in ["Delete%d", "Stop%d", "Update%d"]`, i%9, i, i, i)
		},
		func(i int) string { return fmt.Sprintf(`event_name == "Put%d" and request.acl contains "public"`, i) },
		func(i int) string {
			return fmt.Sprintf(`event_name == "Authorize%d" and any(request.ipPermissions.items, any(.ipRanges.items, .cidrIp == "0.0.0.0/0"))`, i)
		},
		func(i int) string {
			return fmt.Sprintf(`event_name in ["Create%d", "Attach%d"] and mfa == false`, i, i)
		},
		func(i int) string {
			return fmt.Sprintf(`error_code in ["AccessDenied", "UnauthorizedOperation"] and event_name == "Call%d"`, i)
		},
		func(i int) string {
			return fmt.Sprintf(`actor_type == "Root" and event_type != "AwsServiceEvent%d"`, i)
		},
	}
	for i := range n {
		all = append(all, shapes[i%len(shapes)](i))
	}
	all[0] = `lower(user_agent) contains "trufflehog" or lower(user_agent) contains "pacu"`
	all[1] = `bytes_out > 1 * GiB and not isPrivate(src_ip)`
	return all
}

func benchSet(b *testing.B, n int) *Set {
	var rules []*Rule
	for i, source := range benchConditions(n) {
		rules = append(rules, &Rule{ID: fmt.Sprintf("r%04d", i), Class: event.API, Outcome: "any", Mode: Live, cond: mustCompile(b, source)})
	}
	return NewSet(rules)
}

// benchEvents are mostly harmless calls of a few principals, as trails are.
func benchEvents() []*event.Event {
	var events []*event.Event
	const text = `{"bucketName":"logs","acl":"private","ipPermissions":{"items":[{"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}}]}}`
	for i := range 256 {
		doc := text
		if i%8 == 4 {
			doc = strings.Replace(text, "private", "public-read", 1)
		}
		e := &event.Event{}
		e.Reset(event.API, nil)
		e.SetText(event.EventName, []string{"DescribeInstances", "GetObject", "AssumeRole", "ListBuckets", fmt.Sprint("Put", i%64), fmt.Sprint("Authorize", i%64)}[i%6])
		e.SetText(event.EventSource, fmt.Sprintf("svc%d.amazonaws.com", i%9))
		e.SetText(event.UserAgent, "aws-sdk-go-v2/1.30.3 os/linux lang/go#1.22.5 md/GOOS#linux md/GOARCH#amd64 api/s3#1.58.2")
		e.SetText(event.ActorType, "AssumedRole")
		e.SetText(event.Outcome, event.Success)
		if i%16 == 0 {
			e.SetText(event.ErrorCode, "AccessDenied")
			e.SetText(event.Outcome, event.Failure)
		}
		e.SetInt(event.BytesOut, int64(i)<<10)
		e.SetAddr(event.SrcIP, netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}))
		e.SetObject(event.Request, event.Object{Raw: doc, Value: fastjson.MustParse(doc)})
		events = append(events, e)
	}
	return events
}

// BenchmarkMatch compares what makes matching cheap, all in one run: ns/op is the time for one event against all rules.
func BenchmarkMatch(b *testing.B) {
	events := benchEvents()
	small, large := benchSet(b, 57), benchSet(b, 1000)
	var targets []*target
	for _, r := range small.rules {
		targets = append(targets, r.targets()...)
	}
	all := &index{}
	for _, t := range targets {
		all.rest = append(all.rest, unindexed(t))
	}
	scan := func(e *event.Event, dst []Hit) []Hit { return all.match(e, dst, nil) }
	machine := func(e *event.Event, dst []Hit) []Hit {
		for _, r := range small.rules {
			if r.cond.machine.holds(e) {
				dst = append(dst, Hit{Rule: r})
			}
		}
		return dst
	}
	start := time.Now()
	sampled := NewProfiler(small, ProfileOptions{Now: func() time.Duration { return time.Since(start) }, Every: 61})
	for _, way := range []struct {
		name  string
		match func(*event.Event, []Hit) []Hit
	}{{"rules=57/index+closures", small.Hits}, {"rules=57/index+closures/1 in 61 measured", sampled.Hits}, {"rules=57/closures", scan}, {"rules=57/machine", machine}, {"rules=1000/index+closures", large.Hits}} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			var dst []Hit
			matches := 0
			for i := 0; b.Loop(); i++ {
				dst = way.match(events[i%len(events)], dst[:0])
				matches += len(dst)
			}
			if matches == 0 {
				b.Fatal("nothing matched: this measures less than it should")
			}
			b.ReportMetric(float64(matches)/float64(b.N), "matches/op")
		})
	}
}
