package cloudtrail

import (
	"strings"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/apiname"
)

// member takes one member of the record.
func (p *parser) member(name []byte, c *format.Cursor) {
	e := &p.e
	switch string(name) {
	case "eventVersion":
		p.set(event.EventVersion, "eventVersion", p.take(c))
	case "userIdentity":
		p.identity(c)
	case "eventTime":
		p.eventTime(p.take(c))
	case "eventSource":
		p.set(event.EventSource, "eventSource", p.take(c))
		p.rec.kind = max(p.rec.kind, call)
		if e.Text(event.EventSource) == "aws:s3" {
			p.rec.kind = notice
		}
	case "eventName":
		p.set(event.NativeName, "eventName", p.take(c))
		e.SetText(event.EventName, apiname.WithoutVersion(e.Text(event.NativeName)))
		p.rec.kind = max(p.rec.kind, call)
	case "awsRegion":
		p.set(event.Region, "awsRegion", p.take(c))
	case "sourceIPAddress":
		p.origin(p.take(c))
	case "userAgent":
		p.set(event.UserAgent, "userAgent", p.take(c))
	case "errorCode":
		p.set(event.ErrorCode, "errorCode", p.take(c))
	case "errorMessage":
		p.set(event.ErrorMessage, "errorMessage", p.take(c))
	case "requestParameters":
		p.tree(event.Request, &p.request, p.take(c))
	case "responseElements":
		p.tree(event.Response, &p.response, p.take(c))
	case "additionalEventData":
		p.tree(event.Additional, &p.additional, p.take(c))
	case "requestID":
		p.set(event.RequestID, "requestID", p.take(c))
	case "eventID", "eventId":
		p.set(event.NativeID, "eventID", p.take(c))
	case "readOnly":
		p.setBool(event.ReadOnly, "readOnly", p.take(c))
	case "resources":
		p.resources(c)
	case "eventType":
		p.set(event.EventType, "eventType", p.take(c))
	case "managementEvent":
		p.setBool(event.Management, "managementEvent", p.take(c))
	case "recipientAccountId":
		p.set(event.AccountID, "recipientAccountId", p.take(c))
	case "eventCategory":
		p.set(event.EventCategory, "eventCategory", p.take(c))
		p.rec.kind = max(p.rec.kind, call)
	case "tlsDetails":
		p.tls(c)
	default:
		p.rareMember(name, c)
	}
}

func (p *parser) rareMember(name []byte, c *format.Cursor) {
	switch string(name) {
	case "sessionCredentialFromConsole":
		p.setBool(event.SessionFromConsole, "sessionCredentialFromConsole", p.take(c))
	case "apiVersion":
		p.set(event.APIVersion, "apiVersion", p.take(c))
	case "sharedEventID", "sharedEventId":
		p.set(event.SharedEventID, "sharedEventID", p.take(c))
	case "vpcEndpointId":
		p.set(event.VPCEndpointID, "vpcEndpointId", p.take(c))
	case "vpcEndpointAccountId":
		p.set(event.VPCEndpointAccountID, "vpcEndpointAccountId", p.take(c))
	case "accountId": // of aggregated events
		p.set(event.AccountID, "accountId", p.take(c))
	case "timeWindow":
		p.window(p.take(c))
	case "serviceEventDetails":
		p.rec.details = p.take(c)
		p.unmapped("serviceEventDetails", p.rec.details)
	case "digestS3Object":
		p.rec.kind = digest
	case "Event":
		v := p.take(c)
		if p.plain(v) == "s3:TestEvent" {
			p.rec.kind = notice
		}
		p.unmapped("Event", v)
	case "detail":
		v := p.take(c)
		if v.object() && !p.rec.deep {
			p.rec.detail = v.raw
			return
		}
		p.unmapped("detail", v)
	default:
		p.unmapped(p.arena.Text(name), p.take(c))
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
	if err != nil { // it takes all that format.Cursor takes; should they ever differ, one record is to fail and no more
		p.rec.refused = err
		return
	}
	p.e.SetObject(f, event.Object{Raw: v.text, Value: parsed})
}

// resources takes the ARNs; accounts and types are kept side by side, in the same order.
func (p *parser) resources(c *format.Cursor) {
	start := c.Pos()
	child, ok := c.Enter()
	if !ok || child.Object() {
		p.unmapped("resources", p.take(c))
		return
	}
	var accounts, types string
	odd, nameless := false, false
	for n := 0; child.Next(); n++ {
		if child.First() != '{' {
			v := p.take(&child)
			odd = odd || v.raw[0] != '"'
			p.addResource(v)
			continue
		}
		item, _ := child.Enter()
		before := len(p.e.List(event.Resources))
		account, kind, more := p.resource(&item)
		child.Leave(&item)
		names := len(p.e.List(event.Resources)) - before
		odd = odd || more || names > 1 || names > 0 && nameless // the lists would not be side by side
		nameless = nameless || names == 0
		accounts, types = p.list(accounts, account, n), p.list(types, kind, n)
	}
	c.Leave(&child)
	if strings.Trim(accounts, ",") != "" {
		p.keepText("resources.accountId", accounts)
	}
	if strings.Trim(types, ",") != "" {
		p.keepText("resources.type", types)
	}
	if odd && child.Done() {
		p.keepText("resources", p.text[start:child.Pos()])
	}
}

// resource walks one of them; more says that it has members nobody asked for.
func (p *parser) resource(c *format.Cursor) (account, kind string, more bool) {
	for c.Next() {
		switch string(key(c)) {
		case "ARN", "arn", "ARNPrefix":
			v := p.take(c)
			more = more || v.raw[0] != '"' && !v.null()
			p.addResource(v)
		case "accountId":
			account = p.plain(p.take(c))
		case "type":
			kind = p.plain(p.take(c))
		default:
			more = true
		}
	}
	return account, kind, more
}

func (p *parser) addResource(v value) {
	if text := p.plain(v); v.raw[0] == '"' && text != "" {
		p.e.AddList(event.Resources, text)
	}
}

// list appends the n-th item to a comma-separated list.
func (p *parser) list(list, item string, n int) string {
	if n == 0 {
		return item
	}
	return p.arena.Join(list, ",", item)
}

func (p *parser) tls(c *format.Cursor) {
	child, ok := p.enter(c, "tlsDetails")
	if !ok {
		return
	}
	for child.Next() {
		switch name := key(&child); string(name) {
		case "tlsVersion":
			p.set(event.TLSVersion, "tlsDetails.tlsVersion", p.take(&child))
		case "cipherSuite":
			p.set(event.TLSCipher, "tlsDetails.cipherSuite", p.take(&child))
		case "clientProvidedHostHeader":
			p.set(event.TLSHost, "tlsDetails.clientProvidedHostHeader", p.take(&child))
		default:
			p.unmapped(p.arena.Join("tlsDetails.", p.arena.Text(name)), p.take(&child))
		}
	}
	c.Leave(&child)
}
