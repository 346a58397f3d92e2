package rule

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/valyala/fastjson"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

// What conditions are generated from, and events: small pools, so that they meet.
var (
	words = []string{"", "a", "Root", "root", "GetObject", "ConsoleLogin", "ǅabÄ", "10.1.2.3", "443", "-7", "007", "true", "x.y"}
	ints  = []int64{-1, 0, 1, 22, 200, 404, 3333, 1 << 40}
	addrs = []string{"10.0.0.1", "192.0.2.7", "::1", "2001:db8::9", "100.64.3.3"}
	docs  = []string{
		`{}`, `null`, `{"a":"Root","b":{"c":"x.y"},"n":443,"t":true,"z":null,"e":""}`,
		`{"items":[{"p":22,"q":"a"},{"p":"3333","q":"Root","r":["a","x.y"]},{"p":2.5},7,"a",null,[1]]}`,
		`{"items":{"a":1},"a":["a","Root",5],"b":"10.1.2.3","n":-7,"x:y":"root"}`,
		`{"a":"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\"}}","n":22,"e":3389,"items":[{"p":20,"q":80},{"p":-1,"q":-1},{"p":"443"}]}`,
		`{"a":{"Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::443:root","*"]},"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}},{"Effect":"Deny","Principal":"*"}]},"n":0,"e":65535}`,
		`{"a":"%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22NotPrincipal%22%3A%7B%7D%2C%22NotAction%22%3A%22a%22%7D%5D%7D","n":"22","e":"23"}`,
		`{"a":{"Statement":{"Effect":"Allow","Sid":"\u0001","Principal":{"AWS":"443"},"Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/0"]}}}},"n":2.5,"items":[]}`,
		`{"items":[],"a":"\u0041\"","n":"443","b":{"c":{"d":1}}}`,
	}
	textFields = []string{"event_name", "actor_type", "error_code", "user_agent"}
	intFields  = []string{"bytes_in", "bytes_out", "src_asn"}
	paths      = []string{`request`, `request.a`, `request.b.c`, `request.n`, `request["x:y"]`, `request.items`, `response.a`, `response.z`, `request.e`}
	spreads    = []string{`request.items[].p`, `request.items[].q`, `request.a[]`, `response.items[]`, `request.items[].r[]`}
)

func oneOf(t *rapid.T, options ...string) string { return rapid.SampledFrom(options).Draw(t, "pick") }

func quoted(t *rapid.T) string { return fmt.Sprintf("%q", rapid.SampledFrom(words).Draw(t, "word")) }

func genText(t *rapid.T, pred string) string {
	base := oneOf(t, append(append([]string{}, textFields...), paths...)...)
	switch {
	case pred == "text" && rapid.Bool().Draw(t, "element"):
		base = "#"
	case pred == "json" && rapid.Bool().Draw(t, "element"):
		base = oneOf(t, "#", "#.p", ".q", "#.r")
	case pred == "" && rapid.IntRange(0, 9).Draw(t, "spread") == 0:
		base = oneOf(t, spreads...)
	}
	switch rapid.IntRange(0, 11).Draw(t, "wrap") {
	case 0, 1:
		return "lower(" + base + ")"
	case 2:
		return "trim(" + base + ")"
	case 3:
		return "upper(" + base + ")"
	}
	return base
}

// withoutSpread is for the right side of a comparison: it has at most one path with [].
func withoutSpread(pred string) string {
	if pred == "" {
		return "no spread"
	}
	return pred
}

func genNumber(t *rapid.T, pred string) string {
	switch rapid.IntRange(0, 11).Draw(t, "number") {
	case 0:
		return fmt.Sprintf("(%s %s %d)", oneOf(t, intFields...), oneOf(t, "+", "-", "*", "/", "%"), rapid.IntRange(1, 3).Draw(t, "by"))
	case 1:
		return "int(" + genText(t, pred) + ")"
	case 2:
		return "len(" + oneOf(t, "resources", "request.items", "event_name", "request.a") + ")"
	case 3:
		return "count(resources, # contains " + quoted(t) + ")"
	case 4:
		return "-" + oneOf(t, intFields...)
	case 5:
		return fmt.Sprintf("%.1f", rapid.SampledFrom([]float64{0, 0.5, 22, 100.5}).Draw(t, "float"))
	case 10, 11:
		return oneOf(t, "hour", "weekday") + "(" + oneOf(t, "event_time", "session_created_time") + ")"
	case 6, 7:
		return fmt.Sprint(rapid.SampledFrom(ints).Draw(t, "int"))
	}
	return oneOf(t, intFields...)
}

func genAtom(t *rapid.T, pred string) string {
	switch rapid.IntRange(0, 22).Draw(t, "atom") {
	case 0, 1:
		return genText(t, pred) + oneOf(t, " == ", " != ", " < ", " >= ") + quoted(t)
	case 2:
		return genText(t, pred) + oneOf(t, " contains ", " startsWith ", " endsWith ", " not contains ") + quoted(t)
	case 3:
		return genText(t, pred) + ` matches "` + oneOf(t, "^R", "oo", "[0-9]+$", "(?i)root") + `"`
	case 4:
		return genText(t, pred) + oneOf(t, " in ", " not in ") + "[" + quoted(t) + ", " + quoted(t) + "]"
	case 5, 6:
		return genNumber(t, pred) + oneOf(t, " == ", " != ", " < ", " <= ", " > ", " >= ") + genNumber(t, withoutSpread(pred))
	case 7:
		return genNumber(t, pred) + oneOf(t, " in ", " not in ") + oneOf(t, "[22, 443]", "1..300", "[0, 2.5]")
	case 8:
		return oneOf(t, "mfa", "read_only") + oneOf(t, " == true", " == false", " != true", " != read_only", " == (bytes_in > 0)")
	case 9:
		return fmt.Sprintf("src_ip %s %q", oneOf(t, "==", "!="), rapid.SampledFrom(addrs).Draw(t, "addr"))
	case 10:
		return oneOf(t, `isPrivate(src_ip)`, `inCIDR(src_ip, "10.0.0.0/8", "2001:db8::/32")`, `inList(src_ip, "nets")`,
			`inList(event_name, "nets")`, `inList(bytes_in, "nets")`, `isPrivate(request.b)`, `src_ip in ["10.0.0.1", "::1"]`)
	case 11:
		return "has(" + oneOf(t, "src_ip", "mfa", "bytes_in", "resources", "request", "event_name", "request.a", "request.z", "int(request.n)", "session_created_time", "raw", "bytes_in + int(request.n) * 2", "hour(session_created_time)") + ")"
	case 12:
		return "session_created_time" + oneOf(t, " == ", " != ", " < ", " >= ") + "event_time"
	case 13:
		return quoted(t) + oneOf(t, " in ", " not in ") + oneOf(t, "resources", "request.items", "request.a", `split(event_name, "o")`)
	case 14:
		return genText(t, pred) + " == " + genText(t, withoutSpread(pred))
	case 15:
		return "glob(" + genText(t, pred) + ", " + fmt.Sprintf("%q", oneOf(t, "*", "R*t", "?oot", "*o*o*", "x.?", "ǅ*?", "", "**a")) + ")"
	case 16:
		return genPorts(t, pred)
	case 17:
		return genPolicy(t, pred)
	case 19, 20:
		return genFold(t, pred)
	case 21:
		return "raw" + oneOf(t, " contains ", " startsWith ", " == ") + quoted(t)
	case 22:
		return "geoDistance(" + genNumber(t, pred) + ", " + genNumber(t, withoutSpread(pred)) + ", " + oneOf(t, "bytes_in", "7") + ", -0.5)" +
			oneOf(t, " > ", " <= ", " != ") + oneOf(t, "0", "5000", "duration_ms")
	case 18:
		return oneOf(t, "hour(event_time)", "weekday(event_time)") + oneOf(t, " in 0..4", " == 4", " >= 0", " != 0")
	}
	if pred == "" {
		return genQuantifier(t)
	}
	return oneOf(t, "true", "false")
}

func genFold(t *rapid.T, pred string) string {
	s := genText(t, pred)
	switch {
	case pred == "" && rapid.IntRange(0, 4).Draw(t, "raw") == 0:
		s = "raw"
	case rapid.IntRange(0, 4).Draw(t, "json") == 0:
		s = "jsonText(" + oneOf(t, "request", "request.items", "response.b", "request.n") + ")"
	}
	if rapid.IntRange(0, 4).Draw(t, "glob") == 0 {
		return "globFold(" + s + ", " + fmt.Sprintf("%q, %q", oneOf(t, "r*T", "?OOT", "*O*o*", "ǆ*?", "**A"), oneOf(t, "X.?", "K*")) + ")"
	}
	return oneOf(t, "equalFold", "containsFold", "startsWithFold", "endsWithFold") + "(" + s + ", " + genFoldLiteral(t) + ", " + genFoldLiteral(t) + ")"
}

func genFoldLiteral(t *rapid.T) string {
	return fmt.Sprintf("%q", oneOf(t, "ROOT", "oo", "getOBJECT", "consolelogin", "ǆABä", "A", "X.Y", "43", `"`, "ſ", "O"))
}

func genPorts(t *rapid.T, pred string) string {
	lo := oneOf(t, "request.n", "response.n", "bytes_in", "error_code", "22")
	hi := oneOf(t, "request.e", "response.e", "bytes_out", "request.n", "443")
	if pred == "json" {
		lo, hi = oneOf(t, ".p", "#"), oneOf(t, ".q", ".p")
	}
	return "portsOverlap(" + lo + ", " + hi + ", " + oneOf(t, "22", `22, "3389,400-500"`, `"1-65535"`, "0") + ")"
}

func genPolicy(t *rapid.T, pred string) string {
	document := oneOf(t, "request.a", "request.a", "response.a", "request", "event_name", "request.items[].q")
	if pred != "" {
		document = oneOf(t, "request.a", "response.a")
	}
	return oneOf(t, "policyAllowsPublic("+document, "policyHasWildcardAction("+document,
		"policyAllowsAccount("+document+`, "443"`, "policyAllowsAccount("+document+`, "1", event_name, request.n`) + ")"
}

func genQuantifier(t *rapid.T) string {
	over, pred := oneOf(t, "resources"), "text"
	if rapid.Bool().Draw(t, "json") {
		over, pred = oneOf(t, "request.items", "request.a", "request.items[].r", "response"), "json"
	}
	return oneOf(t, "any", "all", "none", "one") + "(" + over + ", " + genCondition(t, 1, pred) + ")"
}

// genCondition makes the source of a condition that the checker accepts.
func genCondition(t *rapid.T, depth int, pred string) string {
	if depth == 0 {
		return genAtom(t, pred)
	}
	switch rapid.IntRange(0, 5).Draw(t, "node") {
	case 0:
		return "not (" + genCondition(t, depth-1, pred) + ")"
	case 1, 2:
		return "(" + genCondition(t, depth-1, pred) + " and " + genCondition(t, depth-1, pred) + ")"
	case 3:
		return "(" + genCondition(t, depth-1, pred) + " or " + genCondition(t, depth-1, pred) + ")"
	}
	return genAtom(t, pred)
}

// genEvent makes an event of class api of which anything may be missing.
func genEvent(t *rapid.T) *event.Event {
	e := &event.Event{}
	e.Reset(event.API, &record.Record{Raw: []byte(rapid.SampledFrom(append([]string{""}, docs...)).Draw(t, "raw"))})
	for _, name := range textFields {
		e.SetText(event.Lookup(name).TextField(), rapid.SampledFrom(words).Draw(t, name))
	}
	e.SetText(event.Outcome, rapid.SampledFrom([]string{"success", "failure", "unknown"}).Draw(t, "outcome"))
	for _, name := range intFields {
		if rapid.Bool().Draw(t, "has "+name) {
			e.SetInt(event.Lookup(name).IntField(), rapid.SampledFrom(ints).Draw(t, name))
		}
	}
	for _, f := range []event.BoolField{event.MFA, event.ReadOnly} {
		if v := rapid.IntRange(0, 2).Draw(t, "bool"); v < 2 {
			e.SetBool(f, v == 1)
		}
	}
	if rapid.Bool().Draw(t, "has src_ip") {
		e.SetAddr(event.SrcIP, netip.MustParseAddr(rapid.SampledFrom(addrs).Draw(t, "src_ip")))
	}
	for _, f := range []event.TimeField{event.EventTime, event.SessionCreatedTime} {
		if rapid.Bool().Draw(t, "has time") {
			e.SetUnixNano(f, rapid.SampledFrom(ints).Draw(t, "time"))
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "resources") {
		e.AddList(event.Resources, rapid.SampledFrom(words).Draw(t, "resource"))
	}
	for _, f := range []event.ObjectField{event.Request, event.Response} {
		if doc := rapid.SampledFrom(append([]string{""}, docs...)).Draw(t, "object"); doc != "" {
			e.SetObject(f, event.Object{Raw: doc, Value: fastjson.MustParse(doc)})
		}
	}
	return e
}

func testLists() *lists {
	return &lists{byID: map[string]*list{"nets": newList("nets", []string{"10.0.0.0/8", "192.0.2.7", "Root", "443", "22"})}}
}

// mustCompile compiles a condition over class api.
func mustCompile(t interface{ Fatalf(string, ...any) }, source string) *condition {
	cond, mistakes := compile(source, event.API, testLists())
	if len(mistakes) > 0 {
		var b strings.Builder
		for _, m := range mistakes {
			fmt.Fprintf(&b, "\n  %s (did you mean %s) at %q", m.message, m.hint, source[m.offset:])
		}
		t.Fatalf("compile %s:%s", source, b.String())
	}
	return cond
}
