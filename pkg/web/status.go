package web

import "time"

// Status is how Shrike is, in one look.
type Status struct {
	Sources   []SourceStatus   `json:"sources"`
	Stages    []StageStatus    `json:"stages"`
	Receivers []ReceiverStatus `json:"receivers"`
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
}

// ReceiverStatus is one receiver of alerts.
type ReceiverStatus struct {
	Name        string    `json:"name"`
	Lag         int64     `json:"lag"`          // alerts that are not sent yet
	LastSuccess time.Time `json:"last_success"` // zero: never
}
