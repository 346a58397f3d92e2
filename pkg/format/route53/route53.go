// Package route53 reads query logs of Route 53 Resolver: one JSON object a query that a VPC's resolver had to look up
// (answers from its cache are not logged).
//
// An event of class dns comes out. Names are in lower case without their last dot, so that a name is written one way
// only; escapes of printable characters are undone. Start reading at table. What no field holds is in unmapped:
// version, answers as JSON where their class is not IN, and whatever a later version adds.
package route53

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
	return format.Spec{Name: "route53", Class: event.DNS, New: New, Version: 1, Sniff: sniff, Key: isKey}
}

type parser struct {
	w     jsonrec.Walker
	table *jsonrec.Schema
}

// New returns a parser.
func New() format.Parser { return &parser{table: table()} }

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	p.w.Reset(event.DNS, r)
	if err := p.w.Walk(p.table, r.Raw); err != nil {
		return err
	}
	e := &p.w.Event
	if e.Text(event.QueryName) == "" {
		return format.Errorf(record.ReasonSyntax, "not a query: no query_name")
	}
	if err := p.w.Finish("query_timestamp"); err != nil {
		return err
	}
	e.SetText(event.Provider, "aws")
	e.SetText(event.Outcome, outcome(e.Text(event.RCode), e.Text(event.Action)))
	emit(e)
	return nil
}

// outcome: a DNS firewall that blocks may answer NOERROR without data.
func outcome(rcode, action string) string {
	switch {
	case action == "BLOCK":
		return event.Failure
	case rcode == "NOERROR":
		return event.Success
	case rcode == "":
		return event.Unknown
	}
	return event.Failure
}

func table() *jsonrec.Schema {
	at, text := jsonrec.At, jsonrec.Text
	return jsonrec.New(
		at("account_id", text(event.AccountID)),
		at("region", text(event.Region)),
		at("vpc_id", text(event.VPCID)),
		at("query_timestamp", jsonrec.Time(event.EventTime)),
		at("query_name", name),
		at("query_type", text(event.QueryType)),
		at("query_class", text(event.QueryClass)),
		at("rcode", text(event.RCode)),
		at("answers[].Rdata", jsonrec.List(event.Answers)),
		at("answers[].Type", jsonrec.List(event.AnswerTypes)),
		at("answers[].Class", jsonrec.Says("IN")),
		at("srcaddr", jsonrec.Addr(event.SrcIP, event.SrcHost)),
		at("srcport", jsonrec.Int(event.SrcPort, 0, 65535)),
		at("transport", text(event.Transport)),
		at("srcids.instance", text(event.InstanceID)),
		at("srcids.resolver_endpoint", text(event.ResolverEndpointID)),
		at("srcids.resolver-endpoint", text(event.ResolverEndpointID)),
		at("srcids.resolver_network_interface", text(event.ResolverInterfaceID)),
		at("srcids.resolver-network-interface", text(event.ResolverInterfaceID)),
		at("firewall_rule_action", text(event.Action)),
		at("firewall_rule_group_id", text(event.FirewallRuleGroupID)),
		at("firewall_domain_list_id", text(event.FirewallDomainListID)),
	)
}

// name sets the query's name. The root keeps its dot, which is all there is of it.
func name(w *jsonrec.Walker, v jsonrec.Value) bool {
	if !v.Quoted() {
		return false
	}
	s := unescape(w, w.Plain(v))
	if cut := strings.TrimSuffix(s, "."); cut != "" {
		s = cut
	}
	w.Event.SetText(event.QueryName, w.Lower(s))
	return true
}

// unescape undoes \ooo of printable characters. A dot inside a label and a backslash keep theirs, for they would be
// read as something else.
func unescape(w *jsonrec.Walker, s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var room [256]byte // names have at most 255 characters, and longer ones cost an allocation
	b := room[:0]
	for i := 0; i < len(s); i++ {
		if c, ok := octal(s[i:]); ok && c > ' ' && c < 0x7f && c != '.' && c != '\\' {
			b = append(b, c)
			i += 3
			continue
		}
		b = append(b, s[i])
	}
	return w.Text(b)
}

func octal(s string) (c byte, ok bool) {
	if len(s) < 4 || s[0] != '\\' || s[1] > '3' {
		return 0, false
	}
	for _, d := range []byte(s[1:4]) {
		if d < '0' || d > '7' {
			return 0, false
		}
		c = c<<3 | (d - '0')
	}
	return c, true
}

// sniff knows the beginning that AWS writes, or the members in any order.
func sniff(raw []byte) int {
	if bytes.HasPrefix(raw, []byte(`{"version":"1.1`)) && bytes.Contains(raw[:min(len(raw), 200)], []byte(`"query_timestamp":"`)) {
		return 100
	}
	if jsonrec.Has(raw, "query_name", "query_timestamp") || jsonrec.Has(raw, "query_name", "vpc_id") {
		return 95
	}
	return 0
}

// isKey knows the folders of resolver query logs.
func isKey(object string) bool {
	return strings.Contains(object, "/vpcdnsquerylogs/")
}
