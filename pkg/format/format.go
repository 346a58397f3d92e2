// Package format turns bytes into events.
//
// Split cuts what a source reads (files, request bodies, compressed or not) into records, opens what carries them, and
// recognises their format by content; a Parser, one package a format below this one, turns one record into events.
// Nothing here knows Kafka, rules or tables. Start reading at Parser, then split.go (cutting), list.go (documents with
// lists), envelope.go, prefix.go and pieces.go (what carries records), recognise.go (formats) and decoder.go (bytes to events).
package format

import (
	"fmt"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Parser turns records of one format into events. It owns one event and reuses it; texts alias the record's bytes.
// It is not safe for concurrent use: each goroutine makes its own.
type Parser interface {
	// Parse calls emit once for each event of the record, in order; the event is valid until emit returns. It
	// returns nil after events, ErrControl for a record that is known to hold none (a header line, a test
	// message), or an *Error, which makes the record a dead letter; never an error after an emit.
	Parse(r *record.Record, emit func(*event.Event)) error
}

// Spec describes a format to the rest of the program. The list of all Specs is in package builtin.
type Spec struct {
	Name  string // package name, as in records and fields: "cloudtrail"
	Class event.Class
	New   func() Parser
	// Version changes whenever the parser may make other events of the same bytes: store's announcement of a
	// range carries it.
	Version int
	// Sniff says how sure the format is that the line or JSON value is its own: 0 not at all, 100 certain.
	Sniff func(raw []byte) int
	// Header recognises a line that names the columns of the lines after it and returns their layout. Such a line is
	// a control record. nil for formats that have none.
	Header func(line []byte) (layout string, ok bool)
	// Column says whether the format has a column of that name, as layouts name it. nil for formats without layouts.
	Column func(name string) bool
	// Key says whether the service that writes the format's logs gives its objects such keys. It only decides between
	// formats that are equally sure of the content; what contradicts it is counted. nil for formats without such keys.
	Key func(object string) bool
}

// ErrControl is what Parse returns for a record that holds no event and is not an error.
var ErrControl = fmt.Errorf("control record")

// Error is why a record could not be parsed.
type Error struct {
	Reason record.Reason
	Detail string // what and where, e.g. "column 9 (bytes): not a number: \"x\""
}

func (e *Error) Error() string { return string(e.Reason) + ": " + e.Detail }

// Errorf makes an Error.
func Errorf(reason record.Reason, text string, args ...any) *Error {
	return &Error{Reason: reason, Detail: fmt.Sprintf(text, args...)}
}
