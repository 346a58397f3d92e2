package cloudtrail

import (
	"strings"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

// member takes one member of the record.
func (p *parser) member(key []byte, v value) {
	e := &p.e
	switch string(key) {
	case "eventVersion":
		p.set(event.EventVersion, "eventVersion", v)
	case "userIdentity":
		p.identity(v)
	case "eventTime":
		p.eventTime(v)
	case "eventSource":
		p.set(event.EventSource, "eventSource", v)
		p.rec.kind = max(p.rec.kind, call)
		if e.Text(event.EventSource) == "aws:s3" {
			p.rec.kind = notice
		}
	case "eventName":
		p.set(event.NativeName, "eventName", v)
		e.SetText(event.EventName, withoutVersion(e.Text(event.NativeName)))
		p.rec.kind = max(p.rec.kind, call)
	case "awsRegion":
		p.set(event.Region, "awsRegion", v)
	case "sourceIPAddress":
		p.origin(v)
	case "userAgent":
		p.set(event.UserAgent, "userAgent", v)
	case "errorCode":
		p.set(event.ErrorCode, "errorCode", v)
	case "errorMessage":
		p.set(event.ErrorMessage, "errorMessage", v)
	case "requestParameters":
		p.tree(event.Request, &p.request, v)
	case "responseElements":
		p.tree(event.Response, &p.response, v)
	case "additionalEventData":
		p.tree(event.Additional, &p.additional, v)
	case "requestID":
		p.set(event.RequestID, "requestID", v)
	case "eventID", "eventId":
		p.set(event.NativeID, "eventID", v)
	case "readOnly":
		p.setBool(event.ReadOnly, "readOnly", v)
	case "resources":
		p.resources(v)
	case "eventType":
		p.set(event.EventType, "eventType", v)
	case "managementEvent":
		p.setBool(event.Management, "managementEvent", v)
	case "recipientAccountId":
		p.set(event.AccountID, "recipientAccountId", v)
	case "eventCategory":
		p.set(event.EventCategory, "eventCategory", v)
		p.rec.kind = max(p.rec.kind, call)
	case "tlsDetails":
		p.tls(v)
	default:
		p.rareMember(key, v)
	}
}

func (p *parser) rareMember(key []byte, v value) {
	switch string(key) {
	case "sessionCredentialFromConsole":
		p.setBool(event.SessionFromConsole, "sessionCredentialFromConsole", v)
	case "apiVersion":
		p.set(event.APIVersion, "apiVersion", v)
	case "sharedEventID", "sharedEventId":
		p.set(event.SharedEventID, "sharedEventID", v)
	case "vpcEndpointId":
		p.set(event.VPCEndpointID, "vpcEndpointId", v)
	case "vpcEndpointAccountId":
		p.set(event.VPCEndpointAccountID, "vpcEndpointAccountId", v)
	case "accountId": // of aggregated events
		p.set(event.AccountID, "accountId", v)
	case "timeWindow":
		p.window(v)
	case "digestS3Object":
		p.rec.kind = digest
	case "Event":
		if p.plain(v) == "s3:TestEvent" {
			p.rec.kind = notice
		}
		p.unmapped("Event", v)
	case "detail":
		if v.object() && !p.rec.deep {
			p.rec.detail = v.raw
			return
		}
		p.unmapped("detail", v)
	default:
		p.unmapped(p.arena.Text(key), v)
	}
}

func (p *parser) eventTime(v value) {
	text := p.plain(v)
	if text == "" {
		return
	}
	ns, ok := nanos(text)
	if !ok {
		p.rec.badTime = text
		return
	}
	p.e.SetUnixNano(event.EventTime, ns)
}

// window reads the time of aggregated events, which have none of their own: the end of the window, because only then
// is all of it known.
func (p *parser) window(v value) {
	p.unmapped("timeWindow", v)
	p.each(v, func(key []byte, member value) {
		if string(key) == "windowEnd" {
			if _, ok := p.e.Time(event.EventTime); !ok {
				p.eventTime(member)
			}
		}
	})
}

// origin tells addresses from what else stands in their place: names of services, "AWS Internal", damaged addresses.
func (p *parser) origin(v value) {
	if v.nested() {
		p.unmapped("sourceIPAddress", v)
		return
	}
	text := p.plain(v)
	if a, ok := address(text); ok {
		p.e.SetAddr(event.SrcIP, a)
		return
	}
	p.e.SetText(event.SrcHost, text)
}

// tree parses one of the record's free-form members.
func (p *parser) tree(f event.ObjectField, with *fastjson.Parser, v value) {
	if v.null() {
		return
	}
	parsed, err := with.Parse(v.text)
	if err != nil {
		panic("BUG: fastjson refuses valid JSON: " + err.Error())
	}
	p.e.SetObject(f, event.Object{Raw: v.text, Value: parsed})
}

// resources takes the ARNs; accounts and types are kept side by side, in the same order.
func (p *parser) resources(v value) {
	if v.raw[0] != '[' {
		p.unmapped("resources", v)
		return
	}
	var accounts, types string
	odd, n := false, 0
	elements(v, func(element value) {
		if element.raw[0] == '"' {
			p.e.AddList(event.Resources, p.plain(element))
			return
		}
		var account, kind string
		p.each(element, func(key []byte, member value) {
			switch string(key) {
			case "ARN", "arn", "ARNPrefix":
				if text := p.plain(member); text != "" {
					p.e.AddList(event.Resources, text)
				}
			case "accountId":
				account = p.plain(member)
			case "type":
				kind = p.plain(member)
			default:
				odd = true
			}
		})
		odd = odd || !element.object()
		accounts, types = p.list(accounts, account, n), p.list(types, kind, n)
		n++
	})
	if strings.Trim(accounts, ",") != "" {
		p.keepText("resources.accountId", accounts)
	}
	if strings.Trim(types, ",") != "" {
		p.keepText("resources.type", types)
	}
	if odd {
		p.keep("resources", v)
	}
}

// list appends the n-th item to a comma-separated list.
func (p *parser) list(list, item string, n int) string {
	if n == 0 {
		return item
	}
	return p.arena.Join(list, ",", item)
}

func (p *parser) tls(v value) {
	if !v.object() {
		p.unmapped("tlsDetails", v)
		return
	}
	p.each(v, func(key []byte, member value) {
		switch string(key) {
		case "tlsVersion":
			p.set(event.TLSVersion, "tlsDetails.tlsVersion", member)
		case "cipherSuite":
			p.set(event.TLSCipher, "tlsDetails.cipherSuite", member)
		case "clientProvidedHostHeader":
			p.set(event.TLSHost, "tlsDetails.clientProvidedHostHeader", member)
		default:
			p.unmapped(p.arena.Join("tlsDetails.", p.arena.Text(key)), member)
		}
	})
}

// withoutVersion cuts the API's date off a name: UpdateFunctionCode20150331v2, CreateDistribution2020_05_31.
func withoutVersion(name string) string {
	end := len(name)
	if end < 9 {
		return name
	}
	if i := strings.LastIndexByte(name, 'v'); i > 0 && i < end-1 && number(name[i+1:]) >= 0 {
		end = i
	}
	if end > 8 && number(name[end-8:end]) >= 1900_00_00 && number(name[end-8:end]) < 2100_00_00 {
		return name[:end-8]
	}
	end = len(name)
	if end > 10 && name[end-3] == '_' && name[end-6] == '_' && number(name[end-10:end-6]) >= 1900 &&
		number(name[end-5:end-3]) > 0 && number(name[end-2:]) > 0 {
		return strings.TrimSuffix(name[:end-10], "_")
	}
	return name
}
