// Package waf reads the logs of AWS WAF, both the present one and WAF Classic: one JSON object a request that a web
// ACL decided on.
//
// An event of class http comes out; action and outcome are the firewall's and not the web server's, which does not get
// the request unless the action is ALLOW. Start reading at table. Of the client's headers, those that every format has
// go to their fields and the others to headers; a value that the ACL redacts stays among those, as REDACTED. The
// request's id is the client's to choose where a load balancer is behind the firewall, so that it does not identify
// the event. What no field holds is in unmapped: match details, rule groups and rate rules as JSON, fragment and
// whatever a later version adds.
package waf

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "waf", Class: event.HTTP, New: New, Version: 3, Sniff: sniff, Key: isKey}
}

type parser struct {
	w     jsonrec.Walker
	table *jsonrec.Schema
	known map[string]jsonrec.Set // by header, in lower case
}

// New returns a parser.
func New() format.Parser { return &parser{table: table(), known: knownHeaders()} }

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	p.w.Reset(event.HTTP, r)
	if err := p.w.Walk(p.table, r.Raw); err != nil {
		return err
	}
	e := &p.w.Event
	if e.Text(event.WAFACLID) == "" {
		return format.Errorf(record.ReasonSyntax, "not a record of WAF: no webaclId")
	}
	if err := p.w.Finish("timestamp"); err != nil {
		return err
	}
	e.SetText(event.Provider, "aws")
	e.SetText(event.Outcome, outcome(e.Text(event.Action)))
	p.place()
	p.rules()
	p.headers()
	emit(e)
	return nil
}

// outcome: a CAPTCHA or CHALLENGE that ended the evaluation kept the request from the service.
func outcome(action string) string {
	switch action {
	case "ALLOW":
		return event.Success
	case "BLOCK", "CAPTCHA", "CHALLENGE":
		return event.Failure
	}
	return event.Unknown
}

// sniff knows the beginning that AWS writes, or the members in any order.
func sniff(raw []byte) int {
	if bytes.HasPrefix(raw, []byte(`{"timestamp":`)) && bytes.Contains(raw[:min(len(raw), 120)], []byte(`"webaclId":"`)) {
		return 100
	}
	if jsonrec.Has(raw, "webaclId", "httpRequest") {
		return 95
	}
	return 0
}

// isKey knows the folders of web ACLs' logs.
func isKey(object string) bool {
	return strings.Contains(object, "/WAFLogs/")
}
