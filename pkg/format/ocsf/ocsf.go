// Package ocsf reads events that somebody has put into the Open Cybersecurity Schema Framework already, as Security
// Lake holds them: API Activity, Authentication and Account Change become events of class api, Network, HTTP and DNS
// Activity those of the classes flow, http and dns. One JSON object an event, with the names of OCSF 1.0.0-rc.2 (Security
// Lake's source version 1) or of 1.1 and later (version 2).
//
// The aim is that a rule sees the same as in the log that the event was made of: actors are roles and not sessions,
// actions are ACCEPT and REJECT or ALLOW and BLOCK, addresses behind a gateway are in pkt_*. Start reading at table, then
// Parse. What no field holds is in unmapped under its dotted path. Other classes of OCSF are dead letters.
package ocsf

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format. Its class is that of API calls; an event's own may be another.
func Spec() format.Spec {
	return format.Spec{Name: "ocsf", Class: event.API, New: New, Version: 3, Sniff: sniff}
}

type parser struct {
	w      jsonrec.Walker
	tables map[event.Class]*jsonrec.Schema
}

// New returns a parser.
func New() format.Parser {
	p := &parser{tables: map[event.Class]*jsonrec.Schema{}}
	for _, c := range event.LogClasses() {
		p.tables[c] = table(c)
	}
	return p
}

// signIn is the class of sign-ins.
const signIn = "3002"

// classOf returns our class of OCSF's. API Activity was 3005 in 1.0.0-rc.2.
func classOf(uid []byte) event.Class {
	switch strings.Trim(string(uid), `"`) {
	case "6003", "3005", signIn, "3001":
		return event.API
	case "4001":
		return event.Flow
	case "4002":
		return event.HTTP
	case "4003":
		return event.DNS
	}
	return event.None
}

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	uid := jsonrec.MemberOf(r.Raw, "class_uid")
	class := classOf(uid)
	if class == event.None {
		return format.Errorf(record.ReasonSyntax, "class_uid %.100q is none of 6003, 3005, 3002, 3001, 4001, 4002, 4003", uid)
	}
	p.w.Reset(class, r)
	if err := p.w.Walk(p.tables[class], r.Raw); err != nil {
		return err
	}
	if err := p.w.Finish("time"); err != nil {
		return err
	}
	p.common()
	switch class {
	case event.API:
		p.api(strings.Trim(string(uid), `"`))
	case event.Flow:
		p.flow()
	case event.HTTP:
		p.http()
	default:
		p.dns()
	}
	emit(&p.w.Event)
	return nil
}

// sniff knows what every event must have.
func sniff(raw []byte) int {
	if jsonrec.Has(raw, "class_uid", "metadata") {
		return 90
	}
	return 0
}
