package rule

import (
	"net/netip"
	"testing"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

func sampleEvent() *event.Event {
	e := &event.Event{}
	e.Reset(event.API, nil)
	e.SetText(event.EventName, "PutBucketPolicy")
	e.SetText(event.EventSource, "s3.amazonaws.com")
	e.SetText(event.UserAgent, "Mozilla/5.0 TruffleHog")
	e.SetText(event.Outcome, event.Success)
	e.SetInt(event.BytesOut, 3<<30)
	e.SetBool(event.MFA, false)
	e.SetAddr(event.SrcIP, netip.MustParseAddr("198.51.100.7"))
	e.AddList(event.Resources, "arn:aws:s3:::logs")
	doc := `{"bucketName":"logs","port":22,"open":true,"nil":null,"aws:s3:arn":"arn","ipPermissions":{"items":[
		{"fromPort":22,"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"},{"cidrIp":"0.0.0.0/0"}]}},{"fromPort":443}]},"tags":["a","b"]}`
	e.SetObject(event.Request, event.Object{Raw: doc, Value: fastjson.MustParse(doc)})
	return e
}

// What conditions mean, by example. read_only, bytes_in, src_asn, error_code and session_created_time are missing.
func TestMeaning(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]bool{
		`event_name == "PutBucketPolicy"`:                true,
		`event_name == "putbucketpolicy"`:                false,
		`lower(event_name) == "putbucketpolicy"`:         true,
		`event_name in ["GetObject", "PutBucketPolicy"]`: true,
		`event_name not in ["GetObject"]`:                true,
		`error_code == ""`:                               true,
		`has(error_code)`:                                false,
		`tls_version < "TLSv1.2"`:                        false, // missing, not old
		`mfa == false`:                                   true,
		`mfa == true`:                                    false,
		`read_only == false`:                             false, // not known to be false
		`read_only == true`:                              false,
		`read_only != true`:                              true, // not (read_only == true)
		`has(read_only)`:                                 false,
		`bytes_in == 0`:                                  false,
		`bytes_in != 0`:                                  true,
		`bytes_in < 10`:                                  false,
		`not (bytes_in < 10)`:                            true,
		`bytes_in == src_asn`:                            false, // missing equals nothing, not even missing
		`bytes_in in [0, 1]`:                             false,
		`bytes_out - bytes_in > 0`:                       false,
		`bytes_out > 2 * GiB and bytes_out <= 3 * GiB`:   true,
		`bytes_out / 2 > 1.5 * MiB`:                      true,
		`src_asn in 1..10`:                               false,
		`session_created_time < event_time`:              false,
		`src_ip == "198.51.100.7"`:                       true,
		`src_ip == "::ffff:198.51.100.7"`:                true,
		`src_ip in ["192.0.2.1", "198.51.100.7"]`:        true,
		`isPrivate(src_ip)`:                              false,
		`inCIDR(src_ip, "198.51.100.0/24")`:              true,
		`inCIDR(src_ip, "::ffff:198.51.100.0/120") and not inCIDR(src_ip, "::/0")`: true,
		`not inCIDR(src_ip, "10.0.0.0/8", "192.0.2.0/24")`:                         true,
		`inList(src_ip, "nets")`:                                               false,
		`"arn:aws:s3:::logs" in resources`:                                     true,
		`any(resources, # startsWith "arn:aws:s3")`:                            true,
		`all(resources, # endsWith "x")`:                                       false,
		`count(resources, true) == 1 and len(resources) == 1`:                  true,
		`request.bucketName == "logs"`:                                         true,
		`request["aws:s3:arn"] == "arn"`:                                       true,
		`request.port == "22" and int(request.port) <= 22`:                     true,
		`request.open == "true"`:                                               true,
		`has(request.nil) or has(request.none.deep)`:                           false,
		`request.none.deep == ""`:                                              true,
		`int(request.bucketName) == 0`:                                         false,
		`int(request.bucketName) != 0`:                                         true,
		`request.tags[1] == "b"`:                                               true,
		`"b" in request.tags`:                                                  true,
		`request.tags contains "a"`:                                            true, // the array's JSON
		`request.ipPermissions.items[].ipRanges.items[].cidrIp == "0.0.0.0/0"`: true,
		`request.ipPermissions.items[].ipRanges.items[].cidrIp != "0.0.0.0/0"`: false, // none is
		`int(request.ipPermissions.items[].fromPort) in 400..500`:              true,
		`any(request.ipPermissions.items, .fromPort == "22" and any(.ipRanges.items, .cidrIp == "0.0.0.0/0"))`:   true,
		`any(request.ipPermissions.items, .fromPort == "443" and any(.ipRanges.items, #.cidrIp == "0.0.0.0/0"))`: false,
		`len(request.ipPermissions.items) == 2`:       true,
		`lower(user_agent) contains "trufflehog"`:     true,
		`user_agent matches "(?i)truffleHOG$"`:        true,
		`outcome == "success" ? mfa == false : true`:  true,
		`not (event_name == "x") and (true or false)`: true,
	} {
		if got := mustCompile(t, source).holds(scope{event: sampleEvent()}); got != want {
			t.Errorf("%s: got %v, want %v", source, got, want)
		}
	}
}

func TestMatchingAllocatesNothing(t *testing.T) {
	e := sampleEvent()
	for _, source := range []string{
		`event_source == "s3.amazonaws.com" and event_name in ["PutBucketPolicy", "PutBucketAcl"] and mfa == false`,
		`bytes_out > 2 * GiB and not inCIDR(src_ip, "10.0.0.0/8") and not isPrivate(src_ip)`,
		`any(request.ipPermissions.items, .fromPort == "22" and any(.ipRanges.items, .cidrIp == "0.0.0.0/0"))`,
		`int(request.port) <= 22 and request.port == "22" and request["aws:s3:arn"] startsWith "arn"`,
		`lower(user_agent) contains "trufflehog" and user_agent matches "Truffle[A-Z]og"`,
		`"arn:aws:s3:::logs" in resources and any(resources, # startsWith "arn:") and not inList(event_name, "nets")`,
	} {
		cond := mustCompile(t, source)
		if !cond.native {
			t.Errorf("%s does not run as closures", source)
		}
		if n := testing.AllocsPerRun(100, func() { cond.holds(scope{event: e}) }); n != 0 {
			t.Errorf("%s allocates %v times", source, n)
		}
	}
}

// Whatever is written as a condition: mistakes with a place inside it, or a condition that is total (the machine does
// not fail) and means the same as closures. Without the ! in boolean it fails.
func FuzzCondition(f *testing.F) {
	for _, seed := range benchConditions(20) {
		f.Add(seed)
	}
	for _, seed := range []string{`not (mfa == true) and 1 < 2`, `any(request.items[], #.p == "a")`, `bytes_in in 1..3 ? true : false`,
		`split(event_name, "o") == "a"`, `one(resources, len(#) > 2)`, `"a" + trim(event_name) endsWith upper("b")`, `-bytes_in % 3 == 1.5`,
		`portsOverlap(request.a, request.b, 22, "80-90") and policyAllowsAccount(request.p, account_id)`, `glob(event_name, "*A?") or hour(event_time) in 1..5`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		cond, mistakes := compile(source, event.API, testLists())
		for _, m := range mistakes {
			if m.offset < 0 || m.offset > len(source) || m.message == "" {
				t.Errorf("mistake outside the condition: %v", m)
			}
		}
		if (cond == nil) == (len(mistakes) == 0) {
			t.Fatalf("condition %v with mistakes %v", cond, mistakes)
		}
		if cond == nil {
			return
		}
		missing := &event.Event{}
		missing.Reset(event.API, nil)
		for _, e := range []*event.Event{sampleEvent(), missing} {
			want, err := cond.machine.eval(e)
			if err != nil {
				t.Fatalf("%s: %v", cond.tree, err)
			}
			if got := cond.holds(scope{event: e}); got != want {
				t.Fatalf("%s: closures say %v, the machine %v", cond.tree, got, want)
			}
		}
	})
}
