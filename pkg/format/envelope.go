package format

import (
	"bytes"
	"encoding/base64"

	"github.com/shrike-sec/shrike/pkg/record"
)

// maxEnvelopes is how many envelopes may be in each other; what is deeper is a record. S3 to SNS to SQS to Lambda
// with a message inside makes four.
const maxEnvelopes = 5

// envelope is what carries logs, one JSON object. Each says what it is by its own members, whatever stands around it:
// a stream can be taken up again between any two.
type envelope struct {
	text      []byte // the JSON string with the logs, quotes included; nil when it is no envelope
	base64    bool   // the string's text is base64
	control   bool   // CloudWatch's test of a subscription
	extracted []byte // the object of CloudWatch's extractedFields, or nil

	stream containerStream // the string is a container's line
	pieces bool            // and it is cut where it lacks its newline
}

// members is what of an object tells whether it is an envelope. All strings are with their quotes.
type members struct {
	message, body, bigBody, bigMessage, data, bigData, trail, log []byte

	wrapped   []byte // member data of the object in kinesis or awslogs
	published []byte // member data of the object in message
	snsText   []byte // member Message of the object in Sns
	kind      []byte // Type
	extracted []byte
	stream    []byte // where a container wrote log to
	shipped   bool   // it has members that those add who ship containers' lines

	hints   hint
	beside  int // members that some envelope has and that tell nothing
	strange int // members that no envelope is known to have
}

type hint uint16

const (
	hintTimestamp    hint = 1 << iota
	hintID                // of a log event
	hintEmptyID           // it is empty
	hintQueue             // messageId and what else SQS writes
	hintRecordID          // of Firehose
	hintSequence          // of Kinesis
	hintLookup            // EventId
	hintSubscription      // of Pub/Sub
)

// maxStrange is how many unknown members are passed over: services add some.
const maxStrange = 2

// envelopeOf reads raw's members until it is clear that it is no envelope. inList says that raw is an element of a
// document's list.
func envelopeOf(raw []byte, inList bool) envelope {
	var m members
	c := NewCursor(raw)
	for c.Next() {
		if !m.member(&c) {
			return envelope{}
		}
	}
	if !c.Done() || len(bytes.TrimLeft(raw[c.Pos():], " \t\r\n")) > 0 {
		return envelope{}
	}
	return m.judge(inList)
}

// member takes one member; false when no envelope has such a one.
func (m *members) member(c *Cursor) bool {
	switch string(c.Key) {
	// Of records that come by the million, so that they are known after one or two members.
	case "userIdentity", "eventTime", "sourceIPAddress", "requestParameters", "s3", "httpRequest", "class_uid", "protoPayload":
		return false
	case "message":
		if c.First() == '{' {
			return take(c, "data", &m.published)
		}
		return text(c, &m.message)
	case "kinesis", "awslogs":
		return take(c, "data", &m.wrapped)
	case "Sns":
		return take(c, "Message", &m.snsText)
	case "body":
		return text(c, &m.body)
	case "Body":
		return text(c, &m.bigBody)
	case "Message":
		return text(c, &m.bigMessage)
	case "data":
		return text(c, &m.data)
	case "Data":
		return text(c, &m.bigData)
	case "CloudTrailEvent":
		return text(c, &m.trail)
	case "log":
		m.beside++
		return text(c, &m.log)
	case "stream", "source":
		m.beside++
		return text(c, &m.stream)
	case "Type":
		return text(c, &m.kind)
	case "extractedFields":
		if c.First() == '{' && c.Take() {
			m.extracted = c.Value
		}
	case "id":
		m.hints |= hintID
		if c.Take() && string(c.Value) == `""` {
			m.hints |= hintEmptyID
		}
	default:
		m.hint(c.Key)
	}
	return m.strange <= maxStrange || m.hints&^hintTimestamp != 0 || m.kind != nil || m.snsText != nil || m.wrapped != nil
}

// hint takes a member of which the name alone matters.
func (m *members) hint(key []byte) {
	switch string(key) {
	case "timestamp":
		m.hints |= hintTimestamp
	case "eventId", "ingestionTime":
		m.hints |= hintID
	case "logStreamName":
	case "receiptHandle", "ReceiptHandle", "md5OfBody", "MD5OfBody":
		m.hints |= hintQueue
	case "recordId":
		m.hints |= hintRecordID
	case "SequenceNumber", "PartitionKey":
		m.hints |= hintSequence
	case "EventId":
		m.hints |= hintLookup
	case "subscription", "ackId": // pushed, pulled
		m.hints |= hintSubscription
	case "container_id", "container_name", "ecs_cluster", "ecs_task_arn", "ecs_task_definition", "ec2_instance_id", "kubernetes", "docker",
		"logtag", "_p", "date":
		m.beside++
		m.shipped = true
	case "EventSource", "EventVersion", "EventSubscriptionArn", "eventSource", "eventVersion", "eventSourceARN", "eventName", "eventID",
		"awsRegion", "invokeIdentityArn", "messageId", "MessageId", "TopicArn", "Subject", "Timestamp", "attributes", "Attributes",
		"messageAttributes", "MessageAttributes", "SignatureVersion", "Signature", "EventName", "EventTime", "ReadOnly", "Username",
		"approximateArrivalTimestamp", "ApproximateArrivalTimestamp", "kinesisRecordMetadata", "time", "attrs":
		m.beside++
	default:
		m.strange++
	}
}

// judge decides by the member that holds the logs and by what stands beside it.
func (m *members) judge(inList bool) envelope {
	has := func(h hint) bool { return m.hints&h != 0 }
	switch {
	case m.message != nil && m.strange+m.beside == 0 && (m.hints == 0 || has(hintTimestamp) && has(hintID)):
		return envelope{
			text: m.message, extracted: m.extracted,
			control: has(hintEmptyID) && bytes.HasPrefix(m.message, []byte(`"CWL CONTROL MESSAGE`)),
		}
	case m.log != nil && m.stream != nil && m.strange == 0 && m.hints == 0:
		if stream := streamOf(m.stream[1 : len(m.stream)-1]); stream != streamNone {
			return envelope{text: m.log, stream: stream, pieces: !m.shipped}
		}
	case m.body != nil && has(hintQueue):
		return envelope{text: m.body}
	case m.bigBody != nil && has(hintQueue):
		return envelope{text: m.bigBody}
	case m.bigMessage != nil && string(m.kind) == `"Notification"`:
		return envelope{text: m.bigMessage}
	case m.snsText != nil:
		return envelope{text: m.snsText}
	case m.trail != nil && (has(hintLookup) || m.strange+m.beside == 0):
		return envelope{text: m.trail}
	case m.wrapped != nil:
		return envelope{text: m.wrapped, base64: true}
	case m.published != nil && has(hintSubscription):
		return envelope{text: m.published, base64: true}
	case m.data != nil && (has(hintRecordID) || inList && m.strange+m.beside == 0):
		return envelope{text: m.data, base64: true}
	case m.bigData != nil && has(hintSequence):
		return envelope{text: m.bigData, base64: true}
	}
	return envelope{}
}

// text takes a string; false when the value is none.
func text(c *Cursor, to *[]byte) bool {
	if c.First() != '"' || !c.Take() {
		return false
	}
	*to = c.Value
	return true
}

// take takes the string of that name out of an object; false when the value is not such an object.
func take(c *Cursor, name string, to *[]byte) bool {
	in, ok := c.Enter()
	if !ok {
		return false
	}
	for in.Next() {
		if string(in.Key) == name && in.First() == '"' && in.Take() {
			*to = in.Value
		}
	}
	c.Leave(&in)
	return *to != nil
}

// unwrap delivers what the envelope raw holds; done is false when it is none, or none that can be opened.
func (s *splitter) unwrap(raw []byte) (done bool, err error) {
	if s.depth >= maxEnvelopes {
		return false, nil
	}
	e := envelopeOf(raw, s.inList)
	if e.text == nil {
		return false, nil
	}
	if e.control || s.control {
		s.stats.Controls++
		return true, nil
	}
	s.scratch = AppendUnquoted(s.scratch[:0], e.text[1:len(e.text)-1])
	inner := s.scratch
	if e.stream != streamNone {
		l := containerLine{stream: e.stream, cut: e.pieces && !bytes.HasSuffix(inner, []byte("\n")), text: inner}
		return true, s.container(l, s.here())
	}
	if e.base64 {
		n, err := base64.StdEncoding.Decode(inner, inner)
		if err != nil {
			return false, nil
		}
		inner = inner[:n]
	}
	if skipBlank(inner, 0) == len(inner) { // nothing in it: the envelope itself is what there is to keep
		return false, nil
	}
	if e.extracted != nil {
		s.extracted(e.extracted, inner)
	}
	err = s.nested(inner, s.here())
	s.once = ""
	return true, err
}

// gzipBase64 is what gzip begins with as base64: awslogs.data, or what a consumer of Kinesis printed, on a line by itself.
const gzipBase64 = "H4sI"

// gzipShortest is how many bytes gzip of nothing has.
const gzipShortest = 20

// unbase64 delivers what a line of base64 holds; done is false when it is none.
func (s *splitter) unbase64(line []byte) (done bool, err error) {
	if s.depth >= maxEnvelopes {
		return false, nil
	}
	s.scratch = append(s.scratch[:0], line...)
	n, err := base64.StdEncoding.Decode(s.scratch, s.scratch)
	if err != nil || n < gzipShortest || packingOf(s.scratch[:n]) != packGzip {
		return false, nil
	}
	return true, s.nested(s.scratch[:n], s.here())
}

// nested splits the text of an envelope, or of a part of it, that is at that origin.
func (s *splitter) nested(text []byte, at record.Origin) error {
	if s.inner == nil {
		s.inner = &splitter{output: s.output}
	}
	c := s.inner
	*c = splitter{output: s.output, o: s.o, depth: s.depth + 1, inner: c.inner, scratch: c.scratch, line: 1}
	c.o.Origin, c.o.More, c.o.Outside = at, false, true
	c.window = window{ctx: s.ctx, left: s.left, limited: s.limited, isHeader: s.isHeader, meter: s.meter}
	if packingOf(text) == packNone {
		c.fixed = true
		c.base, c.buf, c.w, c.ended = at.Offset, text, len(text), true
		return c.run()
	}
	c.o.Origin = s.o.Origin
	c.o.Origin.Object = packedObject(s.o.Origin.Object, at.Offset)
	c.open(bytes.NewReader(text), c.o.Origin.Object)
	defer c.close()
	err := c.run()
	s.left = c.left
	return err
}
