// Package cloudtrail parses AWS CloudTrail records: management, data, network activity, insight and aggregated
// events, one JSON object each, also inside the envelope of EventBridge.
//
// A record is walked once with format.Cursor, which validates it; scalars go to fields on the way (record.go), the
// identity is worked out at the end (identity.go), and requestParameters, responseElements and additionalEventData
// are parsed with fastjson for the rules and kept as delivered. What no field holds goes to Unmapped under its dotted
// name. Digest files are control records, delivery notices of S3 are dead letters. It knows nothing of the envelopes
// that format.Split opens. Start reading at Parse.
package cloudtrail

import (
	"bytes"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{
		Name: "cloudtrail", Class: event.API, Version: 4, Sniff: sniff, Key: isKey,
		New: func() format.Parser { return new(parser) },
	}
}

// keepJSON is the longest record in bytes whose parsed values' memory is kept for the next.
const keepJSON = 128 << 10

type parser struct {
	e     event.Event
	arena format.Arena
	text  string // the bytes being walked, shared
	id    identity
	rec   rest

	request, response, additional fastjson.Parser
	scratch                       []byte
}

var _ format.Parser = (*parser)(nil)

// rest is what of a record is needed only when all of it was seen.
type rest struct {
	kind    kind
	detail  []byte // the record inside EventBridge's envelope
	deep    bool   // walking that one
	details value  // serviceEventDetails
	badTime string // an event time that cannot be read
	refused error  // fastjson's
}

type kind uint8

const (
	unknown kind = iota // no member says what it is
	call                // eventSource, eventName or eventCategory was there
	digest
	notice
)

// Parse implements format.Parser.
func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	p.e.Reset(event.API, r)
	p.id, p.rec = identity{}, rest{}
	if len(r.Raw) > keepJSON {
		defer p.forget()
	}
	if err := p.walk(r.Raw); err != nil {
		return err
	}
	if p.rec.kind == unknown && p.rec.detail != nil {
		p.rec.deep = true
		if err := p.walk(p.rec.detail); err != nil {
			return err
		}
	}
	switch p.rec.kind {
	case digest:
		return format.ErrControl
	case notice:
		return format.Errorf(record.ReasonNotice, "a notice of S3 about an object, not a CloudTrail record")
	case unknown:
		return format.Errorf(record.ReasonSyntax, "not a CloudTrail record: no eventSource, eventName or eventCategory")
	case call:
	}
	if p.rec.refused != nil {
		return format.Errorf(record.ReasonSyntax, "not valid JSON: %v", p.rec.refused)
	}
	if p.rec.badTime != "" {
		return format.Errorf(record.ReasonBadTime, "cannot read eventTime: %.100q", p.rec.badTime)
	}
	if _, ok := p.e.Time(event.EventTime); !ok {
		return format.Errorf(record.ReasonBadTime, "no eventTime")
	}
	p.finish()
	emit(&p.e)
	return nil
}

func (p *parser) forget() {
	p.request, p.response, p.additional, p.scratch = fastjson.Parser{}, fastjson.Parser{}, fastjson.Parser{}, nil
}

// walk goes over one object's members. Nothing but blanks may follow it.
func (p *parser) walk(raw []byte) error {
	p.text = bstr.String(raw)
	c := format.NewCursor(raw)
	if !c.Object() {
		return format.Errorf(record.ReasonSyntax, "not a JSON object")
	}
	for c.Next() {
		p.member(key(&c), &c)
	}
	if !c.Done() {
		return format.Errorf(record.ReasonSyntax, "not a valid JSON object: byte %d", c.Pos())
	}
	if tail := bytes.TrimLeft(raw[c.Pos():], " \t\r\n"); len(tail) > 0 {
		return format.Errorf(record.ReasonSyntax, "something follows the JSON object at byte %d", c.Pos())
	}
	return nil
}

// finish sets what depends on several members.
func (p *parser) finish() {
	e := &p.e
	e.SetText(event.Provider, "aws")
	p.signInName()
	p.identify()
	if e.Text(event.AccountID) == "" {
		e.SetText(event.AccountID, e.Text(event.ActorAccountID))
	}
	p.transferred()
	e.SetText(event.Outcome, p.outcome())
}

// outcome: an error of any kind is a failure. Sign-in events carry no code; their response says it under the event's
// own name, those of IAM Identity Center and of smart cards (CredentialVerification …) in serviceEventDetails
// (https://docs.aws.amazon.com/singlesignon/latest/userguide/understanding-sign-in-events.html). Insights and aggregates
// tell of many calls.
func (p *parser) outcome() string {
	e := &p.e
	switch e.Text(event.EventCategory) {
	case "Insight", "Aggregated":
		return event.Unknown
	}
	if e.Text(event.ErrorCode) != "" || e.Text(event.ErrorMessage) != "" {
		return event.Failure
	}
	if !p.isSignIn() {
		return event.Success
	}
	name := e.Text(event.NativeName)
	if string(e.Object(event.Response).Value.GetStringBytes(name)) == "Failure" {
		return event.Failure
	}
	outcome := event.Success
	p.each(p.rec.details, func(key []byte, member value) {
		if string(key) == name && p.plain(member) == "Failure" {
			outcome = event.Failure
		}
	})
	return outcome
}

func (p *parser) isSignIn() bool {
	return p.e.Text(event.EventType) == "AwsConsoleSignIn" || strings.HasPrefix(p.e.Text(event.EventSource), "signin.amazonaws.com")
}

// signInName: whoever is not known yet, or signs in to IAM Identity Center, has no userName in the identity.
func (p *parser) signInName() {
	if added := p.e.Object(event.Additional).Value; added != nil && p.isSignIn() && p.e.Text(event.ActorName) == "" {
		p.e.SetText(event.ActorName, p.arena.Text(added.GetStringBytes("UserName")))
	}
}

// transferred reads what S3 and sign-in add: sizes come as integer or as float.
func (p *parser) transferred() {
	v := p.e.Object(event.Additional).Value
	if v == nil || v.Type() != fastjson.TypeObject {
		return
	}
	size := func(key string, f event.IntField) {
		n := v.Get(key)
		if n == nil || n.Type() != fastjson.TypeNumber {
			return
		}
		if x, err := n.Float64(); err == nil && x >= 0 && x < 1<<62 {
			p.e.SetInt(f, int64(x))
		}
	}
	size("bytesTransferredIn", event.BytesIn)
	size("bytesTransferredOut", event.BytesOut)
	switch string(v.GetStringBytes("MFAUsed")) {
	case "Yes":
		p.e.SetBool(event.MFA, true)
	case "No":
		p.e.SetBool(event.MFA, false)
	}
}
