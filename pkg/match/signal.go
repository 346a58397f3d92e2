package match

import (
	"encoding/json"

	"github.com/shrike-sec/shrike/pkg/record"
)

// Signal is a rule's match, or the sum of many: the matches of one rule, group key and time bucket within one range
// are combined where the kind counts. Numbers of a combined signal add up, Hashes and Samples merge.
type Signal struct {
	Rule     string   `json:"rule"`              // rule id
	Hash     string   `json:"hash"`              // rule.Rule.Hash: another condition, window or group is another rule
	Key      []string `json:"key,omitempty"`     // values of group_by, in its order; "" for one that a step does not give
	Time     int64    `json:"time"`              // event time, or start of the time bucket; Unix nanoseconds
	First    int64    `json:"first,omitempty"`   // earliest event time in the bucket; 0 is Time
	Last     int64    `json:"last,omitempty"`    // latest event time in the bucket; 0 is Time
	Count    uint64   `json:"count"`             // matches
	Sum      float64  `json:"sum,omitempty"`     // kinds sum, baseline and average: sum of the field, or of an average's quantile, how many are past the limit
	Hashes   []uint64 `json:"hashes,omitempty"`  // kind distinct: 64-bit hashes of the values, sorted, unique, the smallest k
	Value    string   `json:"value,omitempty"`   // kind first_seen: the (composite) value
	Step     string   `json:"step,omitempty"`    // kind sequence: the step's name; such signals are of one event and never combined
	Severity string   `json:"severity"`          // highest of the matches; kind absence: of its sample
	Samples  []Sample `json:"samples,omitempty"` // up to SampleLimit, the smallest by (time, id)
}

// MaxSamples is how many events an alert shows.
const MaxSamples = 20

// Sample is what an alert shows of one event.
type Sample struct {
	EventUID  string                     `json:"event_uid"`
	NativeID  string                     `json:"native_id,omitempty"`
	Class     string                     `json:"class"`
	EventTime int64                      `json:"event_time"` // Unix nanoseconds
	Fields    map[string]json.RawMessage `json:"fields"`     // the rule's group_by, show and title fields that the event has
}

// Frame is what detect sends to one shard for one range of one partition: all its signals, and how far time has come.
type Frame struct {
	Schema  int             `json:"schema"`           // 1
	Origin  record.Position `json:"origin"`           // Offset is the range's first offset
	Alerts  bool            `json:"alerts,omitempty"` // the origin is alerts, not logs
	To      int64           `json:"to"`               // first offset after the range
	RuleSet string          `json:"rule_set"`         // rule.Set.Hash of the set that made it
	// Watermark is the smallest event time that may still come from this origin, Unix nanoseconds; an idle origin
	// says MaxInt64, 0 is unknown.
	Watermark int64 `json:"watermark"`
	// Clock is what time it was at the origin, Unix nanoseconds. Kind absence looks at it: where nothing comes any more, event time
	// stands still, and that is just when it matters; and rules over alerts, and kind first_seen, to know history from the present.
	Clock   int64    `json:"clock,omitempty"`
	Part    int      `json:"part"`              // from 0
	Parts   int      `json:"parts"`             // a frame over the message limit goes in parts and counts when complete
	Attempt string   `json:"attempt,omitempty"` // which sending these parts belong to
	Signals []Signal `json:"signals,omitempty"`
}
