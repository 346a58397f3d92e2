package s3access

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/record"
)

// The columns in the order of the log; extra is all the rest in one piece.
const (
	bucketOwner = iota
	bucket
	time
	remoteIP
	requester
	requestID
	operation
	key
	requestURI
	status
	errorCode
	bytesSent
	objectSize
	totalTime
	turnAroundTime
	referer
	userAgent
	versionID
	hostID
	signatureVersion
	cipherSuite
	authType
	hostHeader
	tlsVersion
	accessPointARN
	aclRequired
	sourceRegion
	extra
	count
)

// fewest is how many columns the oldest generation has.
const fewest = versionID + 1

type columns [count]string

var texts = [...]struct {
	column int
	field  event.TextField
}{
	{bucketOwner, event.BucketOwnerID}, {bucket, event.BucketName}, {requestID, event.RequestID},
	{operation, event.Operation}, {errorCode, event.ErrorCode}, {referer, event.Referer}, {userAgent, event.UserAgent},
	{versionID, event.VersionID}, {hostID, event.HostID}, {signatureVersion, event.SignatureVersion},
	{cipherSuite, event.TLSCipher}, {authType, event.AuthType}, {hostHeader, event.URLHost},
	{tlsVersion, event.TLSVersion}, {accessPointARN, event.AccessPointARN}, {sourceRegion, event.BucketRegion},
}

// number is a column of digits: a size, or a time that we keep as a float of milliseconds.
type number struct {
	column int
	name   string
	size   event.IntField
	ms     event.FloatField
	isTime bool
}

var numbers = [...]number{
	{column: bytesSent, name: "bytes_sent", size: event.BytesOut},
	{column: objectSize, name: "object_size", size: event.ObjectBytes},
	{column: totalTime, name: "total_time", ms: event.DurationMS, isTime: true},
	{column: turnAroundTime, name: "turn_around_time", ms: event.TurnaroundMS, isTime: true},
}

func (n *number) set(e *event.Event, s string) error {
	if accessline.Value(s) == "" {
		return nil
	}
	v, ok := accessline.Int(s)
	if !ok || v < 0 {
		return format.Errorf(record.ReasonSyntax, "column %d (%s): not a number: %q", n.column+1, n.name, s)
	}
	if n.isTime {
		e.SetFloat(n.ms, float64(v))
	} else {
		e.SetInt(n.size, v)
	}
	return nil
}

// split cuts a line into c.
func (c *columns) split(line string) error {
	*c = columns{}
	s := line
	for i := bucketOwner; i <= key; i++ {
		var tok accessline.Token
		if i == time {
			tok, s, _ = accessline.Next(s)
		} else {
			tok.Text, s = accessline.Bare(s)
		}
		c[i] = tok.Text
	}
	s, ok := c.cutRequest(s)
	if !ok {
		return tooFew(line)
	}
	for i := status; i <= turnAroundTime; i++ {
		c[i], s = accessline.Bare(s)
	}
	s = c.cutAgent(s)
	for i := versionID; i <= sourceRegion; i++ {
		c[i], s = accessline.Bare(s)
	}
	c[extra] = s
	if c[fewest-1] == "" {
		return tooFew(line)
	}
	return nil
}

// cutRequest cuts the request: a bare "-", or up to the first quote with a status behind it.
func (c *columns) cutRequest(s string) (rest string, ok bool) {
	if s == "" || s[0] != '"' {
		c[requestURI], rest = accessline.Bare(s)
		return rest, rest != ""
	}
	for i := 1; i < len(s); i++ {
		n := strings.IndexByte(s[i:], '"')
		if n < 0 {
			return "", false
		}
		i += n
		if i+1 < len(s) && s[i+1] == ' ' {
			next, _ := accessline.Bare(s[i+2:])
			if _, isNumber := accessline.Int(next); next == "-" || (isNumber && len(next) == 3) {
				c[requestURI] = s[1:i]
				return s[i+2:], true
			}
		}
	}
	return "", false
}

// cutAgent cuts referer and agent. No column behind the agent that is known holds a quote, so its last quote is the last that
// those columns follow, whatever quotes stand inside of it or in columns that are yet to come; the referer ends where a
// quote, a blank and a quote meet first.
func (c *columns) cutAgent(s string) (rest string) {
	last := agentEnd(s)
	if s == "" || s[0] != '"' {
		c[referer], s = accessline.Bare(s)
		if s == "" || s[0] != '"' {
			c[userAgent], s = accessline.Bare(s)
			return s
		}
		last = agentEnd(s)
		c[userAgent], rest = quoted(s, last)
		return rest
	}
	if i := strings.Index(s[:last+1], `" "`); i > 0 {
		c[referer] = s[1:i]
		c[userAgent], rest = quoted(s[i+2:], last-i-2)
		return rest
	}
	c[referer], s = quoted(s, last)
	c[userAgent], rest = accessline.Bare(s)
	return rest
}

// agentEnd finds the last quote that the columns of a request's signature follow, else the last.
func agentEnd(s string) int {
	last := strings.LastIndexByte(s, '"')
	for i := last; i > 0; i = strings.LastIndexByte(s[:i], '"') {
		if isSigned(s[i+1:]) {
			return i
		}
	}
	return last
}

// isSigned reports whether s starts with version_id, host_id, signature_version, cipher_suite and auth_type.
func isSigned(s string) bool {
	if s == "" || s[0] != ' ' {
		return false
	}
	_, s = accessline.Bare(s)
	_, s = accessline.Bare(s)
	signature, s := accessline.Bare(s)
	_, s = accessline.Bare(s)
	auth, _ := accessline.Bare(s)
	return (signature == "-" || strings.HasPrefix(signature, "SigV")) && (auth == "-" || auth == "AuthHeader" || auth == "QueryString")
}

// quoted returns what stands between s[0] and s[end], both quotes, and what follows.
func quoted(s string, end int) (text, rest string) {
	if end < 1 { // a quote that never closes: the rest of the line
		return s[1:], ""
	}
	return s[1:end], strings.TrimLeft(s[end+1:], " ")
}

func tooFew(line string) error {
	return format.Errorf(record.ReasonFieldCount, "fewer than %d columns in %d bytes", fewest, len(line))
}
