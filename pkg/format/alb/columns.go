package alb

import (
	"strings"
	"sync"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/record"
)

// The columns in the order of the log; extra is all the rest in one piece.
const (
	kind = iota
	time
	elb
	client
	target
	requestProcessingTime
	targetProcessingTime
	responseProcessingTime
	status
	targetStatus
	receivedBytes
	sentBytes
	request
	userAgent
	sslCipher
	sslProtocol
	targetGroupARN
	traceID
	domainName
	chosenCertARN
	rulePriority
	requestCreationTime
	actions
	redirectURL
	errorReason
	targetList
	targetStatusList
	classification
	classificationReason
	connTraceID
	transformedHost
	transformedURI
	transformStatus
	extra
	count
)

// names are those of the columns in the objects that CloudWatch's log deliveries write.
var names = sync.OnceValue(func() accessline.Names {
	return accessline.NamesOf(`type time elb client_port target_port request_processing_time target_processing_time
		response_processing_time elb_status_code target_status_code received_bytes sent_bytes request_line|request user_agent
		ssl_cipher ssl_protocol target_group_arn trace_id domain_name chosen_cert_arn matched_rule_priority
		request_creation_time actions_executed redirect_url error_reason target_port_list target_status_code_list
		classification classification_reason conn_trace_id transformed_host transformed_uri request_transform_status`)
})

// fewest is how many columns every generation has: the oldest ends with the target group's ARN and the trace id.
const fewest = traceID + 1

type columns [count]string

var texts = [...]struct {
	column int
	field  event.TextField
}{
	{elb, event.LBName}, {sslCipher, event.TLSCipher}, {sslProtocol, event.TLSVersion},
	{targetGroupARN, event.TargetGroupARN}, {traceID, event.TraceID}, {domainName, event.TLSHost},
	{chosenCertARN, event.TLSCertARN}, {redirectURL, event.RedirectURL}, {errorReason, event.ErrorReason},
	{classification, event.Classification}, {classificationReason, event.ClassificationReason},
	{connTraceID, event.ConnTraceID}, {transformedHost, event.TransformedHost},
	{transformedURI, event.TransformedURI}, {transformStatus, event.TransformStatus},
}

// Seconds with -1 for what did not happen.
var durations = [...]struct {
	column int
	name   string
	field  event.FloatField
}{
	{requestProcessingTime, "request_processing_time", event.RequestMS},
	{targetProcessingTime, "target_processing_time", event.UpstreamMS},
	{responseProcessingTime, "response_processing_time", event.ResponseMS},
}

var integers = [...]struct {
	column int
	name   string
	field  event.IntField
}{
	{targetStatus, "target_status_code", event.UpstreamStatus},
	{receivedBytes, "received_bytes", event.BytesIn},
	{sentBytes, "sent_bytes", event.BytesOut},
}

// split cuts a line into c.
func (c *columns) split(line string) error {
	*c = columns{}
	s := line
	for i := kind; i <= sentBytes; i++ {
		c[i], s = accessline.Bare(s)
	}
	s, ok := c.cutRequest(s)
	if !ok {
		return format.Errorf(record.ReasonSyntax, "columns 13 (request) and 14 (user_agent) are not two quoted texts")
	}
	for i := sslCipher; i < extra; i++ {
		var tok accessline.Token
		if tok, s, ok = accessline.Next(s); !ok {
			if i < fewest {
				return format.Errorf(record.ReasonFieldCount, "%d columns, expected at least %d", i, fewest)
			}
			break
		}
		c[i] = tok.Text
	}
	c[extra] = s
	return nil
}

// cutRequest cuts request and agent. The request ends where a quote, a blank and a quote meet; the agent at the
// first quote behind which cipher, protocol and target group look like themselves, else at the first that a blank
// follows.
func (c *columns) cutRequest(s string) (rest string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", false
	}
	end := strings.Index(s[1:], `" "`)
	if end < 0 {
		return "", false
	}
	c[request] = s[1 : end+1]
	s = s[end+3:]
	first := accessline.CloseQuote(s, 1)
	for i := first; i > 0; i = accessline.CloseQuote(s, i+1) {
		if isTLS(s[i+1:]) {
			first = i
			break
		}
	}
	if first < 0 {
		return "", false
	}
	c[userAgent] = s[1:first]
	return s[first+1:], true
}

// isTLS reports whether s starts with ssl_cipher, ssl_protocol and target_group_arn.
func isTLS(s string) bool {
	cipher, s := accessline.Bare(s)
	protocol, s := accessline.Bare(s)
	arn, _ := accessline.Bare(s)
	return cipher != "" && strings.IndexByte(cipher, '"') < 0 &&
		(protocol == "-" || strings.HasPrefix(protocol, "TLS") || strings.HasPrefix(protocol, "SSL")) &&
		(arn == "-" || strings.HasPrefix(arn, "arn:"))
}
