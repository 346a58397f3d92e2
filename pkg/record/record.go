// Package record is the raw log record: the log's own bytes and where they came from.
//
// Sources make records, Kafka carries them (one message is one record: the value is Raw, the headers are
// the rest), formats turn them into events, and what cannot be turned becomes a dead letter. This package
// knows nothing of Kafka, of formats or of events; everything else may import it.
package record

import "time"

// Origin says where a record came from, precisely enough to find it again.
type Origin struct {
	Source string // name of the configured source, e.g. "file:/var/log/nginx" or "http"
	Object string // file path, object address or remote address
	Offset int64  // first byte of the record inside the uncompressed object; -1 where that has no meaning
	Line   int64  // 1-based line, or element of the document's list; 0 where that has no meaning
}

// Record is one log record. The owner of Raw is whoever made the record; a receiver that keeps it clones it.
type Record struct {
	Raw      []byte
	Origin   Origin
	Received time.Time // when a source first saw it (UTC)
	Format   string    // recognised format, e.g. "cloudtrail"; "" when unknown
	Layout   string    // column order for formats that have one, space separated; "" is the format's default
}

// Clone returns a copy that shares no memory with r.
func (r Record) Clone() Record {
	r.Raw = append([]byte(nil), r.Raw...)
	return r
}

// Position is a record's place in Kafka. Epoch tells apart topics of one name that were deleted and made anew.
type Position struct {
	Epoch     uint64
	Topic     string
	Partition int
	Offset    int64
}

// Reason is why a record became a dead letter. The set is closed: it labels metrics.
type Reason string

// The reasons. Add here, with a sentence, and nowhere else.
const (
	ReasonUnknownFormat Reason = "unknown_format" // no format recognised the record
	ReasonSyntax        Reason = "syntax"         // recognised, but the format's parser could not read it
	ReasonFieldCount    Reason = "field_count"    // more or fewer columns than the layout names
	ReasonBadTime       Reason = "bad_time"       // no event time, or one that cannot be read
	ReasonTooLong       Reason = "too_long"       // longer than the limit of one record; the bytes are cut
	ReasonTruncated     Reason = "truncated"      // compressed data or a document ends early
	ReasonNotice        Reason = "notice"         // a delivery notice where log records were expected
	ReasonFault         Reason = "fault"          // the format's parser broke off: an error in Shrike
	ReasonExpired       Reason = "expired"        // event time before now - retention
	ReasonFuture        Reason = "future"         // event time after now + 1 day
)

// Reasons lists every Reason.
func Reasons() []Reason {
	return []Reason{
		ReasonUnknownFormat, ReasonSyntax, ReasonFieldCount, ReasonBadTime, ReasonTooLong,
		ReasonTruncated, ReasonNotice, ReasonFault, ReasonExpired, ReasonFuture,
	}
}

// DeadLetter is a record that could not become an event.
type DeadLetter struct {
	Record
	Reason Reason
	Detail string // what was wrong and where, for a person
	Size   int64  // original length of Raw in bytes; larger than len(Raw) when it was cut
}
