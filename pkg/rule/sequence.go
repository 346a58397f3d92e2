package rule

import (
	"slices"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Sequence fires where one event of each step, none of them twice, lies within the window: in the order of the steps
// (events of one time are in any order), or in any order.
//
// A step with Unless forbids. Between two steps it says that none of its events lies between theirs, both ends included;
// behind the last it says that none lies in [e, e+Within), e being the time of the last step's event. Such a sequence is
// decided when event time has passed what is forbidden, and stays decided.
type Sequence struct {
	Within  time.Duration
	Ordered bool
	Steps   []*Step // the first is not Unless; none is when the sequence is not Ordered

	groupless bool // while it is read: its group_by is reported already
}

// Step is one step of a sequence: a match of its own class.
type Step struct {
	Name    string
	Class   event.Class
	Outcome string // event.Success, event.Failure or "any"
	When    string
	Unless  bool
	// By has the step's key for each of the rule's GroupBy; Field is nil where the step gives none. With a [] in a path
	// the event is one match for each element; see Elements.
	By      []Key
	Capture []Key // what an alert shows of this step's events

	no   int // from 0
	cond *condition
}

// Gives reports whether the step has a value for the i-th key of group_by.
func (s *Step) Gives(i int) bool { return s.By[i].Field != nil }

// GivesAll reports whether the step has a value for every key of group_by.
func (s *Step) GivesAll() bool {
	return !slices.ContainsFunc(s.By, func(k Key) bool { return k.Field == nil })
}

// Classes returns the classes of events that the rule looks at, in the order of its steps, each once.
func (r *Rule) Classes() []event.Class {
	if r.Sequence == nil {
		return []event.Class{r.Class}
	}
	var classes []event.Class
	for _, s := range r.Sequence.Steps {
		if !slices.Contains(classes, s.Class) {
			classes = append(classes, s.Class)
		}
	}
	return classes
}

// Whole reports whether the rule has to live in one shard: not every step of its sequence gives every key of group_by, so
// that a step's events belong to groups of any shard.
func (r *Rule) Whole() bool {
	return r.Sequence != nil && slices.ContainsFunc(r.Sequence.Steps, func(s *Step) bool { return !s.GivesAll() })
}

// Hit is a rule that matches an event, and of a sequence the step that does; Step is nil for all other kinds. A hit with an
// Exception is none: it is there to be counted.
type Hit struct {
	Rule      *Rule
	Step      *Step
	Exception *Exception
}

// target is a condition that events of its class are held against.
type target struct {
	Hit
	class      event.Class
	outcome    string
	cond       *condition
	exceptions []*Exception // by id
	logs       bool         // of class alert: only alerts of rules over logs
}

// targets returns what the rule holds events against: itself, or its steps.
func (r *Rule) targets() []*target {
	if r.Sequence == nil {
		return []*target{newTarget(Hit{Rule: r}, r.Class, r.Outcome, r.cond)}
	}
	var targets []*target
	for _, s := range r.Sequence.Steps {
		targets = append(targets, newTarget(Hit{Rule: r, Step: s}, s.Class, s.Outcome, s.cond))
	}
	return targets
}

func newTarget(h Hit, c event.Class, outcome string, cond *condition) *target {
	t := &target{Hit: h, class: c, outcome: outcome, cond: cond}
	if c == event.Alert {
		_, named := t.reads()
		t.logs = !named
	}
	return t
}

// hit returns what becomes of an event that the target takes. Only now are exceptions asked, so they cost nothing elsewhere.
func (t *target) hit(e *event.Event) Hit {
	h := t.Hit
	for _, x := range t.exceptions {
		if x.holds(e) {
			h.Exception = x
			break
		}
	}
	return h
}

const anyOutcome = "any"
