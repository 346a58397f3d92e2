// Package alb reads access logs of AWS application load balancers: 22 to 34 columns, grown over the years, and
// whatever comes after.
//
// A record is one line, or a JSON object of columns that somebody chose, as CloudWatch's log deliveries write it; one event of class http comes out; the test file's "Enable AccessLog for ELB" is a control
// record. URLs, agents and redirects hold raw blanks, so quoted columns are read by their quotes, and the agent's end
// is where cipher, protocol and target group follow. Start reading at split. What no field holds is in unmapped:
// type, target_host (a target that is no address), userinfo (user and password in a URL), columns that should be numbers
// and are not (by their name), extra_N (columns behind the 33rd).
package alb

import (
	"bytes"
	"math"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "alb", Class: event.HTTP, New: New, Version: 3, Sniff: sniff, Key: isKey}
}

type parser struct {
	event   event.Event
	cols    columns
	objects accessline.Objects
}

// New returns a parser.
func New() format.Parser { return &parser{} }

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	if accessline.IsTestMessage(r.Raw) {
		return format.ErrControl
	}
	e := &p.event
	e.Reset(event.HTTP, r)
	var err error
	object := accessline.IsObject(r.Raw)
	if object {
		err = p.objects.Fill(e, r.Raw, names(), p.cols[:])
	} else {
		err = p.cols.split(accessline.TrimEnd(bstr.String(r.Raw)))
	}
	if err != nil {
		return err
	}
	e.SetText(event.Provider, "aws")
	if err := p.cols.fill(e, object); err != nil {
		return err
	}
	emit(e)
	return nil
}

// fill sets the fields. Columns in front of the request must be what they should be: another text there means that
// the line was cut wrongly. Behind it, what is no number is kept as text, for clients have a say in where quotes are.
func (c *columns) fill(e *event.Event, object bool) error {
	ns, ok := accessline.ISOTime(c[time])
	if !ok {
		return format.Errorf(record.ReasonBadTime, "column 2 (time): not a time: %q", c[time])
	}
	e.SetUnixNano(event.EventTime, ns)
	if err := c.setNumbers(e); err != nil {
		return err
	}
	accessline.SetClient(e, c[client])
	accessline.SetUpstream(e, c[target])
	if !object || c[request] != "" { // an object has what somebody chose
		accessline.SetRequest(e, c[request], accessline.UnescapeHex)
	}
	e.SetText(event.UserAgent, accessline.UnescapeHex(accessline.Value(c[userAgent])))
	for _, t := range texts {
		e.SetText(t.field, accessline.Value(c[t.column]))
	}
	accessline.SetAccount(e, c[targetGroupARN])
	if ns, ok := accessline.ISOTime(c[requestCreationTime]); ok {
		e.SetUnixNano(event.RequestTime, ns)
	} else {
		accessline.Keep(e, "request_creation_time", c[requestCreationTime])
	}
	if v, ok := accessline.Int(c[rulePriority]); ok { // -1 is a value here: evaluating the rules failed
		e.SetInt(event.RulePriority, v)
	} else {
		accessline.Keep(e, "matched_rule_priority", c[rulePriority])
	}
	addList(e, event.Actions, c[actions], ",")
	addList(e, event.UpstreamList, c[targetList], " ")
	addList(e, event.UpstreamStatusList, c[targetStatusList], " ")
	accessline.Keep(e, "type", c[kind])
	accessline.Extras(e, c[extra])
	return nil
}

func (c *columns) setNumbers(e *event.Event) error {
	for _, n := range durations {
		if !accessline.SetSeconds(e, n.field, c[n.column]) {
			return notNumber(n.column, n.name, c[n.column])
		}
	}
	if !accessline.SetStatus(e, c[status]) {
		return notNumber(status, "elb_status_code", c[status])
	}
	for _, n := range integers {
		if !accessline.SetCount(e, n.field, math.MaxInt64, c[n.column]) {
			return notNumber(n.column, n.name, c[n.column])
		}
	}
	return nil
}

func notNumber(column int, name, s string) error {
	return format.Errorf(record.ReasonSyntax, "column %d (%s): not a number: %q", column+1, name, s)
}

func addList(e *event.Event, f event.ListField, s, sep string) {
	if accessline.Value(s) == "" {
		return
	}
	for s != "" {
		var part string
		if part, s, _ = strings.Cut(s, sep); part != "" {
			e.AddList(f, part)
		}
	}
}

// sniff looks for a listener type and an ISO time, or the test message; a type that is yet to come is known by the balancer's
// name behind it.
func sniff(raw []byte) int {
	if accessline.IsTestMessage(raw) {
		return 95
	}
	if accessline.IsObject(raw) {
		if jsonrec.Has(raw, "elb_status_code", "elb") || jsonrec.Has(raw, "elb_status_code", "target_status_code") {
			return 90
		}
		return 0
	}
	word, rest, ok := bytes.Cut(raw[:min(len(raw), 80)], []byte(" "))
	if !ok || len(rest) < 11 || rest[4] != '-' || rest[7] != '-' || rest[10] != 'T' {
		return 0
	}
	switch string(word) {
	case "http", "https", "h2", "grpcs", "ws", "wss":
		return 95
	}
	if _, name, _ := bytes.Cut(rest, []byte(" ")); len(word) < 10 && bytes.HasPrefix(name, []byte("app/")) {
		return 90
	}
	return 0
}

// isKey knows the folders of load balancers, and the names of their access logs in them.
func isKey(object string) bool {
	return strings.Contains(object, "/elasticloadbalancing/") && strings.Contains(object, "_app.") && !strings.Contains(object, "conn_log")
}
