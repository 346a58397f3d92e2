package waf

import (
	"math"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
)

// What the walk notes for after it.
const (
	noteGroups = iota
	noteRateRules
	noteOthers // rules that matched and did not end the evaluation
	noteHeaders
)

// table lists the members of a record.
func table() *jsonrec.Schema {
	at, text := jsonrec.At, jsonrec.Text
	return jsonrec.New(
		at("timestamp", jsonrec.Millis(event.EventTime)),
		at("webaclId", text(event.WAFACLID)),
		at("terminatingRuleId", text(event.WAFRule)),
		at("terminatingRuleType", text(event.WAFRuleType)),
		at("action", text(event.Action)),
		at("httpSourceName", jsonrec.Unless("-", text(event.WAFSource))),
		at("httpSourceId", jsonrec.Unless("-", text(event.WAFSourceID))),
		at("ruleGroupList", jsonrec.Note(noteGroups)),
		at("rateBasedRuleList", jsonrec.Note(noteRateRules)),
		at("nonTerminatingMatchingRules", jsonrec.Note(noteOthers)),
		at("responseCodeSent", jsonrec.Int(event.Status, 0, 999)),
		at("requestBodySize", jsonrec.Int(event.BytesIn, 0, 1<<62)),
		at("labels[].name", jsonrec.List(event.WAFLabels)),
		at("ja3Fingerprint", jsonrec.Unless("-", text(event.TLSJA3))),
		at("ja4Fingerprint", jsonrec.Unless("-", text(event.TLSJA4))),
		at("httpRequest.clientIp", jsonrec.Addr(event.SrcIP, event.SrcHost)),
		at("httpRequest.clientAsn", asn()),
		at("clientAsn", asn()),
		at("httpRequest.country", jsonrec.Unless("-", text(event.SrcCountry))),
		at("httpRequest.headers", jsonrec.Note(noteHeaders)),
		at("httpRequest.uri", shown(text(event.URLPath))),
		at("httpRequest.args", shown(text(event.URLQuery))),
		at("httpRequest.httpVersion", version),
		at("httpRequest.httpMethod", shown(text(event.Method))),
		at("httpRequest.requestId", text(event.RequestID)),
		at("httpRequest.scheme", text(event.URLScheme)),
		at("httpRequest.host", shown(jsonrec.Host(event.URLHost, event.URLPort))),
	)
}

// asn takes the client's autonomous system, which is logged where a rule of the ACL matches on those.
func asn() jsonrec.Set { return jsonrec.Int(event.SrcASN, 0, math.MaxUint32) }

const redacted = "REDACTED"

// shown refuses what the ACL cut out: that is not what the client sent.
func shown(set jsonrec.Set) jsonrec.Set {
	return func(w *jsonrec.Walker, v jsonrec.Value) bool { return w.Plain(v) != redacted && set(w, v) }
}

func version(w *jsonrec.Walker, v jsonrec.Value) bool {
	number, ok := strings.CutPrefix(w.Plain(v), "HTTP/")
	if ok {
		w.Event.SetText(event.HTTPVersion, number)
	}
	return ok
}

// place reads region and account out of the ACL's ARN, the only place that has them; a load balancer's id has its
// name.
func (p *parser) place() {
	e := &p.w.Event
	arn := e.Text(event.WAFACLID)
	var part [5]string // arn:partition:service:region:account:…
	ok := true
	for i := 0; i < len(part) && ok; i++ {
		part[i], arn, ok = strings.Cut(arn, ":")
	}
	if ok && part[0] == "arn" {
		e.SetText(event.Region, part[3])
		e.SetText(event.AccountID, part[4])
	}
	if e.Text(event.WAFSource) == "ALB" {
		id := e.Text(event.WAFSourceID)
		if i := strings.Index(id, "app/"); i >= 0 {
			e.SetText(event.LBName, id[i:])
		}
	}
}

// rules lists every rule that matched; the lists themselves hold more and are kept too.
func (p *parser) rules() {
	w, e := &p.w, &p.w.Event
	if rule := e.Text(event.WAFRule); rule != "" && rule != "Default_Action" {
		e.AddList(event.WAFRules, rule)
	}
	p.matches("", w.Noted(noteOthers))
	w.Elements(w.Noted(noteRateRules), func(rule jsonrec.Value) {
		w.Members(rule, func(name []byte, v jsonrec.Value) {
			if string(name) == "rateBasedRuleName" && v.Quoted() {
				p.match("", w.Plain(v))
			}
		})
	})
	w.Elements(w.Noted(noteGroups), p.group)
	w.Unmapped("nonTerminatingMatchingRules", w.Noted(noteOthers))
	w.Unmapped("rateBasedRuleList", w.Noted(noteRateRules))
	w.Unmapped("ruleGroupList", w.Noted(noteGroups))
}

func (p *parser) group(group jsonrec.Value) {
	w := &p.w
	id := ""
	w.Members(group, func(name []byte, v jsonrec.Value) {
		if string(name) == "ruleGroupId" && v.Quoted() {
			id = w.Plain(v)
		}
	})
	w.Members(group, func(name []byte, v jsonrec.Value) {
		switch string(name) {
		case "terminatingRule":
			p.rule(id, v)
		case "nonTerminatingMatchingRules", "excludedRules":
			p.matches(id, v)
		}
	})
}

func (p *parser) matches(group string, list jsonrec.Value) {
	p.w.Elements(list, func(v jsonrec.Value) { p.rule(group, v) })
}

func (p *parser) rule(group string, rule jsonrec.Value) {
	p.w.Members(rule, func(name []byte, v jsonrec.Value) {
		if string(name) == "ruleId" && v.Quoted() {
			p.match(group, p.w.Plain(v))
		}
	})
}

func (p *parser) match(group, rule string) {
	if group != "" {
		rule = p.w.Join(group, ":", rule)
	}
	if rule != p.w.Event.Text(event.WAFRule) {
		p.w.Event.AddList(event.WAFRules, rule)
	}
}

// headers sorts the client's headers; their names keep the case that the client wrote. Of two of one name the second
// is kept among the others.
func (p *parser) headers() {
	w := &p.w
	odd := false
	w.Elements(w.Noted(noteHeaders), func(header jsonrec.Value) {
		var name string
		var value jsonrec.Value
		known := 0
		w.Members(header, func(key []byte, v jsonrec.Value) {
			switch string(key) {
			case "name":
				name = w.Lower(w.Plain(v))
				known++
			case "value":
				value = v
				known++
			default:
				known = 3
			}
		})
		odd = odd || known != 2 || name == ""
		p.header(name, value)
	})
	if headers := w.Noted(noteHeaders); odd || !headers.List() {
		w.Unmapped("httpRequest.headers", headers)
	}
}

func (p *parser) header(name string, value jsonrec.Value) {
	if set := p.known[name]; set != nil && set(&p.w, value) {
		return
	}
	if name != "" {
		p.w.Event.AddList(event.Headers, p.w.Join(name, ": ", p.w.Plain(value)))
	}
}

// knownHeaders lists the headers that have fields of their own.
func knownHeaders() map[string]jsonrec.Set {
	return map[string]jsonrec.Set{
		"host":            shown(jsonrec.Host(event.URLHost, event.URLPort)),
		"user-agent":      shown(jsonrec.Text(event.UserAgent)),
		"referer":         shown(jsonrec.Text(event.Referer)),
		"x-forwarded-for": shown(jsonrec.Commas(event.ForwardedFor)),
	}
}
