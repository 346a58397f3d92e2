package rule

import (
	"fmt"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fastjson"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
)

// policyEvent has the statement's policy as an object, as text and percent-encoded.
func policyEvent(statement string) *event.Event {
	e := &event.Event{}
	e.Reset(event.API, nil)
	policy := `{"Version":"2012-10-17","Statement":` + statement + `}`
	doc := fmt.Sprintf(`{"o":%s,"t":%q,"u":%q}`, policy, policy, url.PathEscape(policy))
	e.SetObject(event.Request, event.Object{Raw: doc, Value: fastjson.MustParse(doc)})
	return e
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	allow := func(principal, more string) string {
		return `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Principal":` + principal + more + `}`
	}
	under := func(operator, key, value string) string {
		return allow(`"*"`, fmt.Sprintf(`,"Condition":{%q:{%q:%s}}`, operator, key, value))
	}
	for statement, want := range map[string]string{ // public, account 111122223333, every action
		allow(`"*"`, ""):             "public",
		"[" + allow(`"*"`, "") + "]": "public",
		allow(`{"AWS":"*"}`, ""):     "public",
		allow(`{"AWS":["arn:aws:iam::111122223333:root","*"]}`, ""):               "public account",
		allow(`{"Service":"*"}`, ""):                                              "",
		allow(`{"AWS":"111122223333"}`, ""):                                       "account",
		allow(`{"AWS":"arn:aws:iam::111122223333:user/eva"}`, ""):                 "account",
		allow(`{"AWS":"arn:aws:iam::444455556666:role/111122223333"}`, ""):        "",
		`{"Effect":"Deny","Principal":"*","Action":"*"}`:                          "",
		`{"Effect":"allow","Principal":"*","Action":"*"}`:                         "",
		`[{"Effect":"Deny","Principal":"*"},` + allow(`"*"`, "") + `]`:            "public",
		`{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"a:b"}`: "public",
		`{"Effect":"Allow","Action":"*","Resource":"*"}`:                          "action",
		`{"Effect":"Allow","Action":["a:b","*:*"]}`:                               "action",
		`{"Effect":"Allow","Action":"s3:*"}`:                                      "",
		`{"Effect":"Allow","NotAction":"iam:*"}`:                                  "action",
		allow(`"*"`, `,"Sid":"\u0001"`):                                           "public",
		allow(`"*"`, `,"Condition":{}`):                                           "public",
		under("StringEquals", "aws:PrincipalOrgID", `"o-1"`):                      "",
		under("StringEquals", "AWS:principalorgid", `["o-1"]`):                    "",
		under("StringEquals", "aws:SourceAccount", `"111122223333"`):              "",
		under("StringLike", "aws:SourceVpce", `["vpce-1","*"]`):                   "public",
		under("StringNotEquals", "aws:SourceVpce", `"vpce-1"`):                    "public",
		under("StringEqualsIfExists", "aws:SourceVpce", `"vpce-1"`):               "public",
		under("ForAllValues:StringEquals", "aws:PrincipalOrgPaths", `"o"`):        "public",
		under("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", `"o-1/*"`):       "",
		under("Bool", "aws:SecureTransport", `"true"`):                            "public",
		under("IpAddress", "aws:SourceIp", `"192.0.2.0/24"`):                      "",
		under("IpAddress", "aws:SourceIp", `["192.0.2.0/24","0.0.0.0/0"]`):        "public",
		under("NotIpAddress", "aws:SourceIp", `"192.0.2.0/24"`):                   "public",
		under("ArnLike", "aws:PrincipalArn", `"arn:aws:iam::*:role/x"`):           "public",
		under("ArnLike", "aws:SourceArn", `"arn:aws:s3:::mine"`):                  "",
		under("ArnLike", "aws:SourceArn", `"arn:aws:*"`):                          "public",
		under("ArnLike", "aws:SourceArn", `"arn:aws:s3:::*"`):                     "public",
		under("ArnLike", "aws:SourceArn", `"arn:aws:s3:::mine*"`):                 "",
		under("StringLike", "aws:SourceArn", `"arn:*:111122223333:*"`):            "",
		under("StringLike", "aws:PrincipalArn", `"arn*"`):                         "public",
		under("StringLike", "aws:PrincipalArn", `"a?n:aws:iam*:root"`):            "public",
		under("StringLike", "aws:PrincipalArn", `"*:role/*"`):                     "public",
		under("StringLike", "aws:PrincipalArn", `"arn:aws:iam::1*:role/x"`):       "public",
		under("StringLike", "aws:PrincipalArn", `"arn:aws:iam::111122223333:*"`):  "",
		under("StringLike", "aws:PrincipalOrgID", `"o-*"`):                        "public",
		under("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", `"o-*/r-1/*"`):   "public",
		under("StringLike", "aws:SourceVpce", `"vpce-*"`):                         "public",
		under("StringLike", "aws:PrincipalAccount", `"1*"`):                       "public",
		under("StringLike", "aws:userid", `"A*"`):                                 "public",
		under("StringLike", "aws:userid", `"AROA1:*"`):                            "",
		under("StringEquals", "aws:userid", `"${aws:userid}"`):                    "public",
		under("StringLike", "aws:PrincipalArn", `"${aws:PrincipalArn}"`):          "public",
		under("StringEquals", "aws:PrincipalOrgID", `"${aws:ResourceOrgID}"`):     "",
		under("StringEquals", "aws:username", `"eva"`):                            "public",
		under("StringEquals", "AWS:SourceOwner", `"111122223333"`):                "",
		under("IpAddress", "aws:SourceIp", `["10.0.0.0/8","192.168.0.0/16"]`):     "",
		under("IpAddress", "aws:SourceIp", `["16.0.0.0/8","32.0.0.0/8"]`):         "public",
		allow(`{"AWS":"arn:aws:iam::*:root"}`, ""):                                "public",
		`{"Effect":"Allow","Action":["**"]}`:                                      "action",
		`"text"`:                                                                  "", `7`: "", `[]`: "", `[7,null,{}]`: "",
	} {
		e := policyEvent(statement)
		for _, at := range []string{"o", "t", "u"} {
			var got []string
			for _, f := range [][2]string{{"policyAllowsPublic(request.%s)", "public"}, {`policyAllowsAccount(request.%s, "1", "111122223333")`, "account"}, {"policyHasWildcardAction(request.%s)", "action"}} {
				cond := mustCompile(t, fmt.Sprintf(f[0], at))
				if !cond.native {
					t.Errorf("%s runs on the machine", f[0])
				}
				if cond.holds(scope{event: e}) {
					got = append(got, f[1])
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s as %s: got %q, want %q", statement, at, got, want)
			}
		}
	}
}

// However the text of a document is wrapped up, it is read.
func TestPoliciesAreFoundHoweverTheyAreEncoded(t *testing.T) {
	t.Parallel()
	const document = `{"Statement":{"Effect":"Allow","Principal":"*","Action":"*"}}`
	for name, text := range map[string]string{
		"blanks around": " \n" + document + "\t", "percent-encoded": url.PathEscape(document), "twice": url.PathEscape(url.PathEscape(document)),
		"a blank first": url.PathEscape(" \n" + document), "as a form": url.QueryEscape(strings.ReplaceAll(document, ":", " : ")),
		"but for its first sign": "{" + url.PathEscape(document[1:]), "a mark of the byte order": "\ufeff" + document,
		"escapes in names": strings.NewReplacer("Statement", `\u0053tatement`, "Allow", `\u0041llow`, `"*"`, `"\u002a"`).Replace(document),
	} {
		if !newPolicies().text(text, allowsPublic) {
			t.Errorf("%s: %s is not read", name, text)
		}
	}
}

// globs is path.Match, but for * which also stands for slashes; where there are none they must agree.
func TestGlob(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[abö]{0,8}`).Draw(t, "text")
		pattern := rapid.StringMatching(`[abö*?]{0,6}`).Draw(t, "pattern")
		want, err := path.Match(pattern, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := globs(text, pattern); got != want {
			t.Fatalf("globs(%q, %q) = %v", text, pattern, got)
		}
	})
	if !globs("arn:aws:iam::1:role/a/b", "arn:aws:iam::*:role/?/*") || globs("\xff", "") || !globs("\xff\xfe", "??") {
		t.Error("slashes, or bytes that are no text")
	}
}

// Each clock says what the calendar does, which is written here by hand: weeks at the ends of years are what goes wrong.
func TestClocks(t *testing.T) {
	for text, want := range map[string][]int64{ // minute, hour, day, weekday, week, month, year
		"2026-03-01T09:14:07Z":           {14, 9, 1, 7, 9, 3, 2026},
		"2021-01-03T23:59:59.999999999Z": {59, 23, 3, 7, 53, 1, 2021}, // of 2020's last week
		"2021-01-04T00:00:00Z":           {0, 0, 4, 1, 1, 1, 2021},
		"2024-12-30T00:00:00Z":           {0, 0, 30, 1, 1, 12, 2024}, // of 2025's first
		"2024-02-29T12:30:00Z":           {30, 12, 29, 4, 9, 2, 2024},
		"1969-12-31T23:59:59.999999999Z": {59, 23, 31, 3, 1, 12, 1969},
		"1677-09-21T00:12:43.145224192Z": {12, 0, 21, 2, 38, 9, 1677},
		"2262-04-11T23:47:16.854775807Z": {47, 23, 11, 5, 15, 4, 2262},
	} {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, c := range clocks {
			got = append(got, c.of(at.UnixNano()))
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		ns := rapid.Int64().Draw(t, "time")
		at := time.Unix(0, ns).UTC()
		_, week := at.ISOWeek()
		want := []int{at.Minute(), at.Hour(), at.Day(), (int(at.Weekday())+6)%7 + 1, week, int(at.Month()), at.Year()}
		for i, c := range clocks {
			if got := int(c.of(ns)); got != want[i] || got < c.least || got > c.most {
				t.Fatalf("%s of %s is %d, want %d", c.name, at, got, want[i])
			}
		}
	})
	e := &event.Event{}
	e.Reset(event.API, nil)
	e.SetUnixNano(event.EventTime, 1_772_356_447_000_000_000)
	cond := mustCompile(t, `minute(event_time) == 14 and week(event_time) == 9 and year(event_time) == 2026 and
		hour(event_time) == 9 and hour(event_time, "UTC") == 9 and hour(event_time, "Europe/Zurich") == 10 and minute(event_time, "Asia/Kathmandu") == 59`)
	if !cond.native || !cond.holds(scope{event: e}) {
		t.Error("clocks in a condition")
	}
	if n := testing.AllocsPerRun(50, func() { cond.holds(scope{event: e}) }); n != 0 {
		t.Errorf("clocks allocate %v times", n)
	}
}

// In a zone a clock says what Go's calendar says there, summers and quarters of hours included. Without the offset in local it fails.
func TestClocksOfZones(t *testing.T) {
	var zones []*time.Location
	for _, name := range []string{"Europe/Zurich", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Pago_Pago"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	rapid.Check(t, func(t *rapid.T) {
		ns, zone := rapid.Int64Range(-1<<62, 1<<62).Draw(t, "time"), rapid.SampledFrom(zones).Draw(t, "zone")
		at := time.Unix(0, ns).In(zone)
		_, week := at.ISOWeek()
		want := []int{at.Minute(), at.Hour(), at.Day(), (int(at.Weekday())+6)%7 + 1, week, int(at.Month()), at.Year()}
		for i, c := range clocks {
			if got := int(c.of(local(ns, zone))); got != want[i] {
				t.Fatalf("%s of %s is %d, want %d", c.name, at, got, want[i])
			}
		}
	})
}

func TestPortsOverlap(t *testing.T) {
	e := &event.Event{}
	e.Reset(event.API, nil)
	doc := `{"ssh":22,"text":"22","rdp":3389,"all":-1,"zero":0,"last":65535,"ftp":21,"web":80,"word":"ssh","items":[{"f":80,"t":80},{"f":20,"t":25}]}`
	e.SetObject(event.Request, event.Object{Raw: doc, Value: fastjson.MustParse(doc)})
	for source, want := range map[string]bool{
		`portsOverlap(request.ssh, request.ssh, 22)`:                   true,
		`portsOverlap(request.text, request.text, "22,3389")`:          true,
		`portsOverlap(request.web, request.rdp, 3389)`:                 true,
		`portsOverlap(request.web, request.rdp, 22)`:                   false,
		`portsOverlap(request.zero, request.last, 22)`:                 true,
		`portsOverlap(request.all, request.all, 22)`:                   true,
		`portsOverlap(request.none, request.none, 22)`:                 true,
		`portsOverlap(request.ssh, request.none, 3389)`:                true,
		`portsOverlap(request.none, request.ftp, 22)`:                  false,
		`portsOverlap(request.word, request.rdp, 22)`:                  false,
		`portsOverlap(request.ftp, request.web, "70-75", "1000-2000")`: true,
		`portsOverlap(bytes_in, bytes_in, 22)`:                         true, // missing
		`any(request.items, portsOverlap(.f, .t, 22))`:                 true,
		`any(request.items, portsOverlap(.f, .t, 443))`:                false,
		`portsOverlap(request.rdp, request.web, 3000)`:                 false, // the wrong way round is no range
	} {
		cond := mustCompile(t, source)
		if got := cond.holds(scope{event: e}); got != want || !cond.native {
			t.Errorf("%s: got %v, want %v; native %v", source, got, want, cond.native)
		}
		if n := testing.AllocsPerRun(50, func() { cond.holds(scope{event: e}) }); n != 0 {
			t.Errorf("%s allocates %v times", source, n)
		}
	}
}

func TestPoliciesAllocateNothing(t *testing.T) {
	e := policyEvent(`[{"Effect":"Deny","Principal":"*"},{"Effect":"Allow","Principal":{"AWS":["1","2"]},"Action":["s3:Get","s3:Put"]}]`)
	for _, source := range []string{`policyAllowsPublic(request.o)`, `policyAllowsPublic(request.t)`, `policyHasWildcardAction(request.t)`, `glob(request.t, "*Stat?ment*")`} {
		cond := mustCompile(t, source)
		if n := testing.AllocsPerRun(100, func() { cond.holds(scope{event: e}) }); n != 0 {
			t.Errorf("%s allocates %v times", source, n)
		}
	}
}
