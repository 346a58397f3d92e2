package alert

import (
	"encoding/json"
	"time"
)

// Alert is what a person should look at: one rule, one group key, one period, with its evidence. Its JSON is the
// body of webhooks and the value of messages in the topic alerts; alert.schema.json describes it.
type Alert struct {
	Schema         int               `json:"schema"`   // 1
	ID             string            `json:"id"`       // 32 hexadecimal digits; see NewID
	Revision       int64             `json:"revision"` // grows with each update; consumers ignore lower ones
	Status         string            `json:"status"`   // open
	RuleID         string            `json:"rule_id"`
	RuleVersion    string            `json:"rule_version"` // hash of the rule's file
	Title          string            `json:"title"`
	Severity       string            `json:"severity"` // info, low, medium, high, critical
	Attack         []string          `json:"attack,omitempty"`
	Tags           []string          `json:"tags,omitempty"`
	Classes        []string          `json:"classes"`
	Entity         Entity            `json:"entity"`
	Group          map[string]string `json:"group"`
	Period         Period            `json:"period"`
	FirstEventTime time.Time         `json:"first_event_time"`
	LastEventTime  time.Time         `json:"last_event_time"`
	Reached        []Reached         `json:"reached,omitempty"` // by severity, lowest first; see Levels
	Count          uint64            `json:"count"`
	Late           bool              `json:"late"`   // its events came after the watermark
	Events         []Sample          `json:"events"` // up to 20, the smallest by (time, id)
	FalsePositives []string          `json:"false_positives,omitempty"`
	References     []string          `json:"references,omitempty"`
	Runbook        string            `json:"runbook,omitempty"`
	Pivots         []Pivot           `json:"pivots,omitempty"`
}

// Reached says when an alert reached one of the severities that its rule gives: an alert that is high has also reached
// medium, if its rule has that. It is what rules over alerts go by, since it does not depend on how events were cut into
// revisions. Where logs come in no order, a later revision may say an earlier time; rules over alerts know the first.
type Reached struct {
	Severity string `json:"severity"`
	// EventTime is when the rule fired with it, in event time: the end of the first window, or match, that does, once an
	// event as severe is there. Of rules that wait (unless, absence), it is when the wait was over.
	EventTime time.Time `json:"event_time"`
	Revision  int64     `json:"revision"` // the first that says so
}

// Entity is whom or what the alert is about.
type Entity struct {
	Kind string `json:"kind"` // principal, address, host, bucket, account; service: Shrike itself; "" when the group has none
	ID   string `json:"id"`
}

// Period is the stretch of event time that the alert's id stands for: all that fires within updates this alert.
type Period struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Sample is one event of the evidence.
type Sample struct {
	EventUID  string                     `json:"event_uid"`
	NativeID  string                     `json:"native_id,omitempty"`
	Class     string                     `json:"class"`
	Step      string                     `json:"step,omitempty"` // kind sequence: the step that the event is
	EventTime time.Time                  `json:"event_time"`
	Fields    map[string]json.RawMessage `json:"fields"`
}

// Pivot is a query to look further with, its parameters filled in as literals.
type Pivot struct {
	Name string `json:"name"`
	SQL  string `json:"sql"`
}
