// Package albconn reads the connection logs of AWS application load balancers: 12 columns, 13 since they tell the group of
// the key exchange, and whatever comes after.
//
// A record is one line, or a JSON object of columns that somebody chose, as CloudWatch's log deliveries write it; one event of class flow comes out; the test file's "Enable ConnectionLog for ELB" is a control
// record. The class is flow and not http: a line tells of a connection, of its two ports, its handshake and the
// client's certificate, and of no request; requests have lines of their own in the access log, class http, whose
// conn_trace_id is this one's. The listener's address and name are not logged. outcome is tls_verify_status where it is
// known, else success where there is a cipher; a connection without TLS says neither. A certificate's subject is the
// client's own text and may hold blanks and quotes, so it ends where a validity follows. Start reading at split. What
// no field holds is in unmapped: leaf_client_cert_validity that is not two times, extra_N (columns behind the 13th).
package albconn

import (
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
	return format.Spec{Name: "albconn", Class: event.Flow, New: New, Version: 3, Sniff: sniff, Key: isKey}
}

// The columns in the order of the log; extra is all the rest in one piece.
const (
	timestamp = iota
	clientIP
	clientPort
	listenerPort
	tlsProtocol
	tlsCipher
	handshakeLatency
	certSubject
	certValidity
	certSerial
	verifyStatus
	connTraceID
	keyExchange
	extra
	elb // in objects only
	count
)

// names are those of the columns in the objects that CloudWatch's log deliveries write.
var names = sync.OnceValue(func() accessline.Names {
	return accessline.NamesOf(`timestamp|time client_ip client_port listener_port tls_protocol tls_cipher tls_handshake_latency
		leaf_client_cert_subject leaf_client_cert_validity leaf_client_cert_serial_number tls_verify_status conn_trace_id
		tls_keyexchange : elb`)
})

// fewest is how many columns every generation has.
const fewest = connTraceID + 1

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
	var err error
	if accessline.IsObject(r.Raw) {
		err = p.objects.Fill(e, r.Raw, names(), p.cols[:])
	} else {
		err = p.split(accessline.TrimEnd(bstr.String(r.Raw)))
	}
	if err != nil {
		return err
	}
	if err := p.fill(e); err != nil {
		return err
	}
	emit(e)
	return nil
}

// split cuts a line into the columns.
func (p *parser) split(s string) error {
	p.cols[elb] = ""
	for i := timestamp; i < certSubject; i++ {
		p.cols[i], s = accessline.Bare(s)
	}
	s = p.cutSubject(s)
	for i := certValidity; i < extra; i++ {
		var tok accessline.Token
		var ok bool
		if tok, s, ok = accessline.Next(s); !ok && i < fewest {
			return format.Errorf(record.ReasonFieldCount, "fewer than %d columns", fewest)
		}
		p.cols[i] = tok.Text
	}
	p.cols[extra] = s
	return nil
}

// cutSubject cuts the subject: up to the line's last quote when a validity follows it, else up to the first that one
// follows, else as any quoted column.
func (p *parser) cutSubject(s string) (rest string) {
	if s != "" && s[0] == '"' {
		end := strings.LastIndexByte(s, '"')
		if end > 0 && !isValidity(s[end+1:]) {
			end = accessline.CloseQuote(s, 1)
			for end > 0 && !isValidity(s[end+1:]) {
				end = accessline.CloseQuote(s, end+1)
			}
		}
		if end > 0 {
			p.cols[certSubject] = s[1:end]
			return s[end+1:]
		}
	}
	tok, rest, _ := accessline.Next(s)
	p.cols[certSubject] = tok.Text
	return rest
}

// isValidity reports whether s starts with a certificate's validity, or none.
func isValidity(s string) bool {
	word, _ := accessline.Bare(s)
	return word == "-" || strings.HasPrefix(word, "NotBefore=")
}

var texts = [...]struct {
	column int
	field  event.TextField
}{
	{tlsProtocol, event.TLSVersion}, {tlsCipher, event.TLSCipher}, {certSubject, event.TLSClientSubject},
	{certSerial, event.TLSClientSerial}, {verifyStatus, event.TLSVerifyStatus}, {connTraceID, event.ConnTraceID}, {keyExchange, event.TLSGroup},
	{elb, event.LBName},
}

var ports = [...]struct {
	column int
	field  event.IntField
}{
	{clientPort, event.SrcPort}, {listenerPort, event.DstPort},
}

func (p *parser) fill(e *event.Event) error {
	ns, ok := accessline.ISOTime(p.cols[timestamp])
	if !ok {
		return format.Errorf(record.ReasonBadTime, "column 1 (timestamp): not a time: %q", p.cols[timestamp])
	}
	e.SetUnixNano(event.EventTime, ns)
	accessline.SetSource(e, p.cols[clientIP])
	for _, n := range ports {
		if !accessline.SetCount(e, n.field, 65535, p.cols[n.column]) {
			return format.Errorf(record.ReasonSyntax, "column %d: not a port: %q", n.column+1, p.cols[n.column])
		}
	}
	if !accessline.SetSeconds(e, event.TLSHandshakeMS, p.cols[handshakeLatency]) {
		return format.Errorf(record.ReasonSyntax, "column 7 (tls_handshake_latency): not a number: %q", p.cols[handshakeLatency])
	}
	for _, t := range texts {
		e.SetText(t.field, accessline.Value(p.cols[t.column]))
	}
	setValidity(e, p.cols[certValidity])
	e.SetText(event.Provider, "aws")
	e.SetText(event.Outcome, outcome(e))
	accessline.Extras(e, p.cols[extra])
	return nil
}

func outcome(e *event.Event) string {
	status := e.Text(event.TLSVerifyStatus)
	switch {
	case strings.HasPrefix(status, "Failed"):
		return event.Failure
	case status == "Success", status == "" && e.Text(event.TLSCipher) != "":
		return event.Success
	}
	return event.Unknown
}

// setValidity reads NotBefore=<time>;NotAfter=<time>.
func setValidity(e *event.Event, s string) {
	before, after, ok := strings.Cut(s, ";")
	before, isBefore := strings.CutPrefix(before, "NotBefore=")
	after, isAfter := strings.CutPrefix(after, "NotAfter=")
	from, okFrom := accessline.ISOTime(before)
	to, okTo := accessline.ISOTime(after)
	if !ok || !isBefore || !isAfter || !okFrom || !okTo {
		accessline.Keep(e, "leaf_client_cert_validity", s)
		return
	}
	e.SetUnixNano(event.TLSClientNotBeforeTime, from)
	e.SetUnixNano(event.TLSClientNotAfterTime, to)
}

// sniff looks for a time, a bare address and two ports. The test file is anybody's among the balancers; alb claims it,
// more surely.
func sniff(raw []byte) int {
	if accessline.IsTestMessage(raw) {
		return 90
	}
	if accessline.IsObject(raw) {
		if jsonrec.Has(raw, "tls_handshake_latency", "client_ip") || jsonrec.Has(raw, "tls_verify_status", "conn_trace_id") {
			return 90
		}
		return 0
	}
	word, rest := accessline.Word(raw[:min(len(raw), 160)])
	if !accessline.LooksISO(word) {
		return 0
	}
	if word, rest = accessline.Word(rest); !accessline.LooksAddr(word) {
		return 0
	}
	word, rest = accessline.Word(rest)
	next, _ := accessline.Word(rest)
	if !accessline.LooksPort(word) || !accessline.LooksPort(next) {
		return 0
	}
	return 95
}

// isKey knows the folders of load balancers, and the names of their connection logs in them.
func isKey(object string) bool {
	return strings.Contains(object, "/elasticloadbalancing/") && strings.Contains(object, "conn_log")
}
