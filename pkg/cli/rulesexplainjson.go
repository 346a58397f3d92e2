package cli

import (
	"encoding/json"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// explained is what `rules explain --output json` prints for an event.
type explained struct {
	Rule      string          `json:"rule"`
	EventTime time.Time       `json:"event_time"`
	EventUID  string          `json:"event_uid"`
	NativeID  string          `json:"native_id,omitempty"`
	File      string          `json:"file,omitempty"`
	Line      int64           `json:"line,omitempty"`
	Class     string          `json:"class"`
	Matches   bool            `json:"matches"` // some step does
	Severity  string          `json:"severity,omitempty"`
	Steps     []explainedStep `json:"steps"` // one for all kinds but sequence
}

type explainedStep struct {
	Step        string         `json:"step,omitempty"`
	Class       string         `json:"class"` // that is looked for
	ClassFits   bool           `json:"class_fits"`
	Outcome     string         `json:"outcome"` // that is looked for
	OutcomeFits bool           `json:"outcome_fits"`
	Matches     bool           `json:"matches"`
	Exception   string         `json:"exception,omitempty"` // id of the one that takes the match away
	Condition   *explainedPart `json:"condition,omitempty"` // absent where the class does not fit
}

type explainedPart struct {
	Source   string                      `json:"source"`
	Holds    bool                        `json:"holds"`
	Operator string                      `json:"operator,omitempty"` // and, or, not
	Parts    []explainedPart             `json:"parts,omitempty"`
	Values   map[string]*json.RawMessage `json:"values,omitempty"` // null: missing
}

func (x *explaining) explained(e *event.Event, verdicts []rule.Verdict) explained {
	all := explained{
		Rule: x.rule.ID, EventTime: time.Unix(0, e.UnixNano(event.EventTime)).UTC(), EventUID: e.UID.String(),
		NativeID: e.Text(event.NativeID), Class: e.Class.String(),
	}
	if e.Record != nil {
		all.File, all.Line = e.Record.Origin.Object, e.Record.Origin.Line
	}
	for i := range verdicts {
		v := &verdicts[i]
		step := explainedStep{
			Step: v.Step, Class: v.Class.String(), ClassFits: v.ClassFits, Outcome: v.Outcome, OutcomeFits: v.OutcomeFits, Matches: v.Matches,
		}
		if exception := x.exception(v.Step); exception != nil {
			step.Exception = exception.ID
		}
		if v.Condition != nil {
			part := explainedPartOf(v.Condition)
			step.Condition = &part
		}
		all.Matches = all.Matches || v.Matches
		all.Steps = append(all.Steps, step)
	}
	if all.Matches {
		all.Severity = x.severity
	}
	return all
}

func explainedPartOf(p *rule.Part) explainedPart {
	x := explainedPart{Source: p.Line(), Holds: p.Holds, Operator: p.Operator}
	for _, part := range p.Parts {
		x.Parts = append(x.Parts, explainedPartOf(part))
	}
	for _, v := range p.Values {
		if x.Values == nil {
			x.Values = map[string]*json.RawMessage{}
		}
		var value *json.RawMessage
		if v.JSON != "" {
			raw := json.RawMessage(v.JSON)
			value = &raw
		}
		x.Values[v.Name] = value
	}
	return x
}
