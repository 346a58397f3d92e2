// Package clb reads access logs of AWS classic load balancers: 15 columns, 12 before they had an agent and TLS.
//
// A record is one line; one event of class http comes out; the test file's "Enable AccessLog for ELB" is a control
// record. A listener that speaks TCP logs the request "- - - " and no statuses: such an event has request_valid false
// and an unknown outcome. URLs and agents hold raw blanks and quotes, so the agent ends where cipher and protocol
// follow. Start reading at split. What no field holds is in unmapped: target_host (a backend that is no address), userinfo,
// extra_N (columns behind the 15th).
package clb

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "clb", Class: event.HTTP, New: New, Version: 2, Sniff: sniff, Key: isKey}
}

// The columns in the order of the log; extra is all the rest in one piece.
const (
	time = iota
	elb
	client
	backend
	requestTime
	backendTime
	responseTime
	status
	backendStatus
	received
	sent
	request
	userAgent
	sslCipher
	sslProtocol
	extra
	count
)

type parser struct {
	event event.Event
	cols  [count]string
}

// New returns a parser.
func New() format.Parser { return &parser{} }

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	if accessline.IsTestMessage(r.Raw) {
		return format.ErrControl
	}
	e := &p.event
	e.Reset(event.HTTP, r)
	if err := p.split(accessline.TrimEnd(bstr.String(r.Raw))); err != nil {
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
	p.cols = [count]string{}
	for i := time; i < request; i++ {
		p.cols[i], s = accessline.Bare(s)
	}
	if p.cols[sent] == "" || s == "" {
		return format.Errorf(record.ReasonFieldCount, "fewer than %d columns", request+1)
	}
	if s[0] != '"' {
		return format.Errorf(record.ReasonSyntax, "column 12 (request) is not quoted")
	}
	agent := strings.Index(s[1:], `" "`)
	if agent < 0 { // no agent: the oldest lines end with the request
		end := accessline.CloseQuote(s, 1)
		if end < 0 {
			return format.Errorf(record.ReasonSyntax, "column 12 (request) does not end")
		}
		p.cols[request] = s[1:end]
		p.cols[extra] = s[end+1:]
		return nil
	}
	p.cols[request] = s[1 : agent+1]
	s = s[agent+3:]
	end := agentEnd(s)
	if end < 0 {
		return format.Errorf(record.ReasonSyntax, "column 13 (user_agent) does not end")
	}
	p.cols[userAgent] = s[1:end]
	p.cols[sslCipher], s = accessline.Bare(s[end+1:])
	p.cols[sslProtocol], p.cols[extra] = accessline.Bare(s)
	return nil
}

// agentEnd finds the quote that ends the agent: the line's last, when nothing but cipher and protocol follow it, for
// an agent may hold whatever looks like the rest of a line. Columns that are yet to come leave only the first quote
// that the two follow.
func agentEnd(s string) int {
	if last := strings.LastIndexByte(s, '"'); last > 0 && columnsIn(s[last+1:]) == 2 {
		return last
	}
	first := accessline.CloseQuote(s, 1)
	for i := first; i > 0; i = accessline.CloseQuote(s, i+1) {
		cipher, rest := accessline.Bare(s[i+1:])
		protocol, _ := accessline.Bare(rest)
		if cipher != "" && strings.IndexByte(cipher, '"') < 0 &&
			(protocol == "-" || strings.HasPrefix(protocol, "TLS") || strings.HasPrefix(protocol, "SSL")) {
			return i
		}
	}
	return first
}

func columnsIn(s string) (n int) {
	for {
		var word string
		if word, s = accessline.Bare(s); word == "" {
			return n
		}
		n++
	}
}

var durations = [...]struct {
	column int
	field  event.FloatField
}{
	{requestTime, event.RequestMS}, {backendTime, event.UpstreamMS}, {responseTime, event.ResponseMS},
}

const (
	maxStatus = 999
	maxBytes  = 1<<63 - 1
)

var integers = [...]struct {
	column int
	field  event.IntField
	limit  int64
}{
	{backendStatus, event.UpstreamStatus, maxStatus}, {received, event.BytesIn, maxBytes}, {sent, event.BytesOut, maxBytes},
}

// fill sets the fields. Columns in front of the request must be what they should be: another text there means that
// the line is not of this format.
func (p *parser) fill(e *event.Event) error {
	ns, ok := accessline.ISOTime(p.cols[time])
	if !ok {
		return format.Errorf(record.ReasonBadTime, "column 1 (time): not a time: %q", p.cols[time])
	}
	e.SetUnixNano(event.EventTime, ns)
	for _, n := range durations {
		if !accessline.SetSeconds(e, n.field, p.cols[n.column]) {
			return p.notNumber(n.column)
		}
	}
	if !accessline.SetStatus(e, p.cols[status]) {
		return p.notNumber(status)
	}
	for _, n := range integers {
		if !accessline.SetCount(e, n.field, n.limit, p.cols[n.column]) {
			return p.notNumber(n.column)
		}
	}
	e.SetText(event.Provider, "aws")
	e.SetText(event.LBName, accessline.Value(p.cols[elb]))
	accessline.SetClient(e, p.cols[client])
	accessline.SetUpstream(e, p.cols[backend])
	accessline.SetRequest(e, p.cols[request], accessline.UnescapeHex)
	e.SetText(event.UserAgent, accessline.UnescapeHex(accessline.Value(p.cols[userAgent])))
	e.SetText(event.TLSCipher, accessline.Value(p.cols[sslCipher]))
	e.SetText(event.TLSVersion, accessline.Value(p.cols[sslProtocol]))
	accessline.Extras(e, p.cols[extra])
	return nil
}

func (p *parser) notNumber(column int) error {
	return format.Errorf(record.ReasonSyntax, "column %d: not a number: %q", column+1, p.cols[column])
}

// sniff looks for a time, a name, the client's address and port, the backend's or none, and a duration.
// The test file is anybody's among the balancers; alb claims it, more surely.
func sniff(raw []byte) int {
	if accessline.IsTestMessage(raw) {
		return 90
	}
	word, rest := accessline.Word(raw[:min(len(raw), 400)])
	if !accessline.LooksISO(word) {
		return 0
	}
	_, rest = accessline.Word(rest)
	if word, rest = accessline.Word(rest); !accessline.LooksEndpoint(word) {
		return 0
	}
	if word, rest = accessline.Word(rest); !accessline.LooksEndpoint(word) && string(word) != "-" {
		return 0
	}
	word, _ = accessline.Word(rest)
	if len(word) == 0 || word[0] != '-' && (word[0] < '0' || word[0] > '9') {
		return 0
	}
	return 95
}

// isKey knows the folders of load balancers, and that classic ones are not named by their kind.
func isKey(object string) bool {
	return strings.Contains(object, "/elasticloadbalancing/") &&
		!strings.Contains(object, "_app.") && !strings.Contains(object, "_net.") && !strings.Contains(object, "conn_log")
}
