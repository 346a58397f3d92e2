package web

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize/english"
)

// Status is how Shrike is, in one look.
type Status struct {
	Sources   []SourceStatus   `json:"sources"`
	Stages    []StageStatus    `json:"stages"`
	Receivers []ReceiverStatus `json:"receivers"`
	Rules     *RulesStatus     `json:"rules,omitempty"` // of the process that answers; nil: it has none
}

// RulesStatus is how the rules of a process are.
type RulesStatus struct {
	Rules      int       `json:"rules"`
	Exceptions int       `json:"exceptions"`
	Hash       string    `json:"hash"`
	Loaded     time.Time `json:"loaded"`
	Failed     time.Time `json:"failed,omitzero"`   // when the files last did not load, and older rules stayed in force
	Problem    string    `json:"problem,omitempty"` // why; in the answer of /rules it is left out
}

// SourceStatus is one source of records, by what is stored of it.
type SourceStatus struct {
	Name        string    `json:"name"`
	LastEvent   time.Time `json:"last_event"` // event time of the newest event
	Events      uint64    `json:"events"`
	DeadLetters uint64    `json:"dead_letters"`
}

// StageStatus is how far one consumer group is in one topic.
type StageStatus struct {
	Stage string `json:"stage"`
	Topic string `json:"topic"`
	Lag   int64  `json:"lag"` // messages that are not done yet
	// Of correlate, the shard in which event time is furthest back: how far it has come (zero: unknown, or no shard has said), and
	// the partition that holds it, and how far behind that is.
	EventTime time.Time `json:"event_time,omitzero"`
	HeldBy    string    `json:"held_by,omitempty"`
}

// ReceiverStatus is one receiver of alerts.
type ReceiverStatus struct {
	Name        string    `json:"name"`
	Lag         int64     `json:"lag"`          // alerts that are not sent yet
	LastSuccess time.Time `json:"last_success"` // zero: never
}

// String says it in a line. Problems are in the log and behind the token, for everybody may ask for health.
func (s *RulesStatus) String() string {
	text := fmt.Sprintf("%s and %s, hash %s, loaded %s", english.Plural(s.Rules, "rule", ""), english.Plural(s.Exceptions, "exception", ""), s.Hash, s.Loaded.Format(time.RFC3339))
	if !s.Failed.IsZero() {
		text += "; the files did not load at " + s.Failed.Format(time.RFC3339) + ": the log says why"
	}
	return text
}
