// Package nlb reads the TLS access logs of AWS network load balancers: 18 columns in version 1, 22 in version 2, and
// whatever comes after. Only TLS listeners log.
//
// A record is one line, or a JSON object of columns that somebody chose, as CloudWatch's log deliveries write it; one event of class flow comes out, for it tells of a connection and of no request; the test
// file's "Enable AccessLog for ELB" is a control record. event_time is the column time, the end of the connection, and
// request_time its beginning; both are written without a zone and mean UTC. outcome is that of the handshake: without
// a cipher there was none. Region and account come from the certificate's ARN, the only place that has them. Start
// reading at fill. What no field holds is in unmapped: type, version, extra_N (columns behind the 22nd).
package nlb

import (
	"bytes"
	"strings"
	"sync"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "nlb", Class: event.Flow, New: New, Version: 3, Sniff: sniff, Key: isKey}
}

// The columns in the order of the log. Only alpnOffered has quotes, around parts of what is one column.
const (
	kind = iota
	version
	time
	elb
	listener
	client
	destination
	connectionTime
	handshakeTime
	received
	sent
	alert
	certARN
	certSerial
	cipher
	protocol
	group
	domain
	alpnFront
	alpnBack
	alpnOffered
	creationTime
	count
)

// names are those of the columns in the objects that CloudWatch's log deliveries write.
var names = sync.OnceValue(func() accessline.Names {
	return accessline.NamesOf(`type version time elb listener client_port destination_port connection_time tls_handshake_time
		received_bytes sent_bytes incoming_tls_alert chosen_cert_arn chosen_cert_serial tls_cipher tls_protocol_version
		tls_named_group|tls_keyexchange domain_name alpn_fe_protocol alpn_be_protocol alpn_client_preference_list
		tls_connection_creation_time`)
})

// fewest is how many columns version 1 has.
const fewest = domain + 1

type parser struct {
	event   event.Event
	cols    [count]string
	objects accessline.Objects
}

// New returns a parser.
func New() format.Parser { return &parser{} }

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	if accessline.IsTestMessage(r.Raw) {
		return format.ErrControl
	}
	e := &p.event
	e.Reset(event.Flow, r)
	rest, err := p.split(e, r.Raw)
	if err != nil {
		return err
	}
	if err := p.fill(e, rest); err != nil {
		return err
	}
	emit(e)
	return nil
}

var texts = [...]struct {
	column int
	field  event.TextField
}{
	{elb, event.LBName}, {listener, event.ListenerID}, {certARN, event.TLSCertARN}, {certSerial, event.TLSCertSerial},
	{cipher, event.TLSCipher}, {protocol, event.TLSVersion}, {group, event.TLSGroup}, {domain, event.TLSHost},
	{alpnFront, event.TLSALPN}, {alpnBack, event.UpstreamALPN},
}

var integers = [...]struct {
	column int
	field  event.IntField
	limit  int64
}{
	{received, event.BytesIn, 1<<63 - 1}, {sent, event.BytesOut, 1<<63 - 1}, {alert, event.TLSAlert, 255},
}

// split cuts a line, or an object, into the columns and returns what is behind them.
func (p *parser) split(e *event.Event, raw []byte) (rest string, err error) {
	if accessline.IsObject(raw) {
		return "", p.objects.Fill(e, raw, names(), p.cols[:])
	}
	s := accessline.TrimEnd(bstr.String(raw))
	for i := range p.cols {
		if p.cols[i], s = accessline.Bare(s); p.cols[i] == "" && i < fewest {
			return "", format.Errorf(record.ReasonFieldCount, "%d columns, expected at least %d", i, fewest)
		}
	}
	return s, nil
}

func (p *parser) fill(e *event.Event, s string) error {
	ns, ok := utc(p.cols[time])
	if !ok {
		return format.Errorf(record.ReasonBadTime, "column 3 (time): not a time: %q", p.cols[time])
	}
	e.SetUnixNano(event.EventTime, ns)
	if !accessline.SetMillis(e, event.DurationMS, p.cols[connectionTime]) {
		return p.notNumber(connectionTime)
	}
	if !accessline.SetMillis(e, event.TLSHandshakeMS, p.cols[handshakeTime]) {
		return p.notNumber(handshakeTime)
	}
	for _, n := range integers {
		if !accessline.SetCount(e, n.field, n.limit, p.cols[n.column]) {
			return p.notNumber(n.column)
		}
	}
	accessline.SetClient(e, p.cols[client])
	if !setDestination(e, p.cols[destination]) {
		return format.Errorf(record.ReasonSyntax, "column 7 (destination): not an address and port: %q", p.cols[destination])
	}
	for _, t := range texts {
		e.SetText(t.field, accessline.Value(p.cols[t.column]))
	}
	e.SetText(event.Provider, "aws")
	e.SetText(event.Outcome, event.Success)
	if e.Text(event.TLSCipher) == "" {
		e.SetText(event.Outcome, event.Failure)
	}
	accessline.SetAccount(e, p.cols[certARN])
	addOffered(e, p.cols[alpnOffered])
	if ns, ok := utc(p.cols[creationTime]); ok {
		e.SetUnixNano(event.RequestTime, ns)
	} else {
		accessline.Keep(e, "tls_connection_creation_time", p.cols[creationTime])
	}
	accessline.Keep(e, "type", p.cols[kind])
	accessline.Keep(e, "version", p.cols[version])
	accessline.Extras(e, s)
	return nil
}

func (p *parser) notNumber(column int) error {
	return format.Errorf(record.ReasonSyntax, "column %d: not a number: %q", column+1, p.cols[column])
}

// utc reads a time with or without a zone; without one it is UTC.
func utc(s string) (ns int64, ok bool) {
	if ns, ok = accessline.ISOTime(s); ok {
		return ns, true
	}
	date, clock, _ := strings.Cut(s, "T")
	return accessline.UTCTime(date, clock)
}

func setDestination(e *event.Event, s string) (ok bool) {
	if accessline.Value(s) == "" {
		return true
	}
	a, port, ok := accessline.Endpoint(s)
	if ok {
		e.SetAddr(event.DstIP, a)
		e.SetInt(event.DstPort, port)
	}
	return ok
}

// addOffered reads "h2","http/1.1": a list of texts, each in quotes, as one column.
func addOffered(e *event.Event, s string) {
	for s != "" && s != "-" {
		var part string
		part, s, _ = strings.Cut(s, ",")
		if part = strings.Trim(part, `"`); part != "" {
			e.AddList(event.TLSALPNOffered, part)
		}
	}
}

// sniff looks for the type, a version and a time. The test file is anybody's among the balancers; alb claims it, more
// surely.
func sniff(raw []byte) int {
	if accessline.IsTestMessage(raw) {
		return 90
	}
	if accessline.IsObject(raw) {
		if jsonrec.Has(raw, "listener", "tls_handshake_time") || jsonrec.Has(raw, "elb", "tls_protocol_version") {
			return 90
		}
		return 0
	}
	kind, rest := accessline.Word(raw[:min(len(raw), 80)])
	word, rest := accessline.Word(rest)
	if len(word) < 3 || word[0] < '0' || word[0] > '9' {
		return 0
	}
	if word, rest = accessline.Word(rest); !accessline.LooksISO(word) {
		return 0
	}
	if string(kind) == "tls" {
		return 95
	}
	if name, _ := accessline.Word(rest); len(kind) < 10 && bytes.HasPrefix(name, []byte("net/")) { // a type that is yet to come
		return 90
	}
	return 0
}

// isKey knows the folders of load balancers, and the names of network load balancers' logs in them.
func isKey(object string) bool {
	return strings.Contains(object, "/elasticloadbalancing/") && strings.Contains(object, "_net.")
}
