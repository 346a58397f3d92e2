package rule

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Verdict says why a rule, or a step of its sequence, takes an event or does not.
type Verdict struct {
	Step        string      // name of the step, "" for all kinds but sequence
	Class       event.Class // that is looked for
	ClassFits   bool
	Outcome     string // that is looked for: success, failure or any
	OutcomeFits bool
	Condition   *Part // nil where the class does not fit: such an event has not the fields to speak of
	Matches     bool  // all of it fits
}

// Part is one part of a condition with what came of it: a comparison or call, or what joins several.
type Part struct {
	Source   string  // as written in the rule, with its line breaks
	Operator string  // and, or: joins Parts; not: turns the one of Parts; "" for a part that is not divided further
	Holds    bool    // of a part on its own, whatever its siblings are
	Parts    []*Part // in the order of the source
	Values   []Value // what the event has in the fields that an undivided part reads

	holds predicate
	keys  []Key
}

// Value is what an event has in a field.
type Value struct {
	Name string // as the condition names it
	JSON string // "" when missing
}

// Explainer explains one rule. It is not safe for concurrent use: its verdicts are valid until the next event.
type Explainer struct {
	targets  []*target
	verdicts []Verdict
}

// Explainer compiles the parts of the rule's conditions, each for itself.
func (r *Rule) Explainer() *Explainer {
	x := &Explainer{targets: r.targets()}
	for _, t := range x.targets {
		v := Verdict{Class: t.class, Outcome: t.outcome, Condition: t.cond.divide(t.class)}
		if t.Step != nil {
			v.Step = t.Step.Name
		}
		x.verdicts = append(x.verdicts, v)
	}
	return x
}

// Explain returns a verdict, of a sequence one for each step in their order. A verdict matches where Set.Hits has a
// hit, of mode off too.
func (x *Explainer) Explain(e *event.Event) []Verdict {
	verdicts := make([]Verdict, len(x.verdicts))
	for i, v := range x.verdicts {
		v.ClassFits = e.Class == v.Class
		v.OutcomeFits = v.Outcome == anyOutcome || v.Outcome == e.Text(event.Outcome)
		if !v.ClassFits {
			v.Condition = nil
		} else {
			v.Condition.evaluate(e)
			v.Condition.Show(e)
		}
		v.Matches = v.ClassFits && v.OutcomeFits && v.Condition.Holds
		verdicts[i] = v
	}
	return verdicts
}

func (p *Part) evaluate(e *event.Event) {
	p.Holds = p.holds(scope{event: e})
	for _, part := range p.Parts {
		part.evaluate(e)
	}
}

// Show reads the values of all parts from e: again, after its secrets have been cut out.
func (p *Part) Show(e *event.Event) {
	p.Values = p.Values[:0]
	for _, k := range p.keys {
		p.Values = append(p.Values, Value{k.Name, string(k.AppendJSON(nil, e))})
	}
	for _, part := range p.Parts {
		part.Show(e)
	}
}

// Line returns the part's source on one line.
func (p *Part) Line() string { return strings.Join(strings.Fields(p.Source), " ") }

// Distance is how many undivided parts would have to come out otherwise for the verdict to match; an outcome that does not
// fit counts as one more. ok is false where the class does not fit: nothing would help.
func (v *Verdict) Distance() (n int, ok bool) {
	if !v.ClassFits {
		return 0, false
	}
	n, _ = v.Condition.distances()
	if !v.OutcomeFits {
		n++
	}
	return n, true
}

// Near reports whether something in the part speaks for it: it is not as far from holding as it can be.
func (p *Part) Near() bool {
	now, _ := p.distances()
	most, _ := p.fold(func(*Part) (int, int) { return 1, 1 })
	return now < most
}

// distances are how many undivided parts have to change for the part to hold, and for it not to.
func (p *Part) distances() (toHold, toFail int) {
	leaf := func(part *Part) (int, int) {
		if part.Holds {
			return 0, 1
		}
		return 1, 0
	}
	return p.fold(leaf)
}

// fold combines what the undivided parts cost to make true and to make false.
func (p *Part) fold(leaf func(*Part) (int, int)) (toHold, toFail int) {
	if p.Operator == "" {
		return leaf(p)
	}
	for i, part := range p.Parts {
		hold, fail := part.fold(leaf)
		switch {
		case p.Operator == "not":
			return fail, hold
		case i == 0:
			toHold, toFail = hold, fail
		case p.Operator == "and":
			toHold, toFail = toHold+hold, min(toFail, fail)
		default:
			toHold, toFail = min(toHold, hold), toFail+fail
		}
	}
	return toHold, toFail
}
