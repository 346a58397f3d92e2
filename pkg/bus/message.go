package bus

import (
	"fmt"
	"strconv"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Topics that are not records'.
const (
	Signals    = "signals"
	Alerts     = "alerts"
	DeadLetter = "dead_letter"
)

// TopicOf is where records of the class go, e.g. "records.api".
func TopicOf(c event.Class) string { return "records." + c.String() }

// Message is one Kafka message. Those that a Reader returns share memory with others of the same fetch and
// are not written to again: keeping one keeps up to 1 MiB.
type Message struct {
	Topic     string
	Partition int // to send: -1 is by hash of the key, and any partition without a key
	Key       []byte
	Value     []byte
	Headers   []Header
	Offset    int64     // set by Reader
	Time      time.Time // to send: zero is now
}

// Header is one header of a message.
type Header struct {
	Key   string
	Value []byte
}

// header returns the value of the first header of that name, "" when there is none.
func (m *Message) header(key string) string {
	for i := range m.Headers {
		if m.Headers[i].Key == key {
			return string(m.Headers[i].Value)
		}
	}
	return ""
}

// schema is the version of the layout below. A reader takes its own and the one before.
const schema = "1"

// Headers of records and dead letters. The value is the log's own bytes; empty ones are left out.
const (
	headerSchema   = "schema"
	headerSource   = "source"
	headerObject   = "object"
	headerOffset   = "offset"
	headerLine     = "line"
	headerReceived = "received" // unix nanoseconds
	headerFormat   = "format"
	headerLayout   = "layout"
	headerReason   = "reason"
	headerDetail   = "detail"
	headerSize     = "size"
)

// RecordMessage lays a record out for the topic. The message shares the record's bytes.
func RecordMessage(topic string, r *record.Record) Message {
	return Message{Topic: topic, Partition: -1, Value: r.Raw, Headers: recordHeaders(r)}
}

// DeadLetterMessage lays a dead letter out for the topic DeadLetter. The message shares the record's bytes.
func DeadLetterMessage(d *record.DeadLetter) Message {
	h := recordHeaders(&d.Record)
	h = addHeader(h, headerReason, string(d.Reason))
	h = addHeader(h, headerDetail, d.Detail)
	h = addHeader(h, headerSize, strconv.FormatInt(d.Size, 10))
	return Message{Topic: DeadLetter, Partition: -1, Value: d.Raw, Headers: h}
}

func recordHeaders(r *record.Record) []Header {
	h := make([]Header, 0, 11)
	h = addHeader(h, headerSchema, schema)
	h = addHeader(h, headerSource, r.Origin.Source)
	h = addHeader(h, headerObject, r.Origin.Object)
	h = addHeader(h, headerOffset, strconv.FormatInt(r.Origin.Offset, 10))
	if r.Origin.Line != 0 {
		h = addHeader(h, headerLine, strconv.FormatInt(r.Origin.Line, 10))
	}
	if !r.Received.IsZero() {
		h = addHeader(h, headerReceived, strconv.FormatInt(r.Received.UnixNano(), 10))
	}
	h = addHeader(h, headerFormat, r.Format)
	return addHeader(h, headerLayout, r.Layout)
}

func addHeader(h []Header, key, value string) []Header {
	if value == "" {
		return h
	}
	return append(h, Header{Key: key, Value: []byte(value)})
}

// ReadRecord is the inverse of RecordMessage. The record shares the message's bytes. Headers of others are
// ignored; an error is a message that is not a record of a schema known here.
func ReadRecord(m *Message) (record.Record, error) {
	r := record.Record{Raw: m.Value, Origin: record.Origin{Offset: -1}}
	known := false
	for i := range m.Headers {
		v := m.Headers[i].Value
		var err error
		switch m.Headers[i].Key {
		case headerSchema:
			if known = string(v) == schema; !known {
				return r, fmt.Errorf("read record: unknown schema %q", v)
			}
		case headerSource:
			r.Origin.Source = string(v)
		case headerObject:
			r.Origin.Object = string(v)
		case headerOffset:
			r.Origin.Offset, err = strconv.ParseInt(string(v), 10, 64)
		case headerLine:
			r.Origin.Line, err = strconv.ParseInt(string(v), 10, 64)
		case headerReceived:
			var ns int64
			ns, err = strconv.ParseInt(string(v), 10, 64)
			r.Received = time.Unix(0, ns).UTC()
		case headerFormat:
			r.Format = string(v)
		case headerLayout:
			r.Layout = string(v)
		}
		if err != nil {
			return r, fmt.Errorf("read record: header %s: %w", m.Headers[i].Key, err)
		}
	}
	if !known {
		return r, fmt.Errorf("read record: no schema header")
	}
	return r, nil
}

// ReadDeadLetter is the inverse of DeadLetterMessage. The record shares the message's bytes.
func ReadDeadLetter(m *Message) (record.DeadLetter, error) {
	r, err := ReadRecord(m)
	if err != nil {
		return record.DeadLetter{Record: r}, err
	}
	size, err := strconv.ParseInt(m.header(headerSize), 10, 64)
	if err != nil {
		return record.DeadLetter{Record: r}, fmt.Errorf("read dead letter: header %s: %w", headerSize, err)
	}
	return record.DeadLetter{
		Record: r, Reason: record.Reason(m.header(headerReason)), Detail: m.header(headerDetail), Size: size,
	}, nil
}
