package rule

import (
	"slices"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Rule is one compiled rule. It is immutable and safe for concurrent use.
//
// At most one of Threshold, Distinct, Sum, Average, FirstSeen, Sequence, Baseline and Absence is set; none means that each match is
// an alert (kind match). The steps of a sequence have class, outcome and condition; the rule itself then has none of them.
type Rule struct {
	ID             string
	File           string // where it was read from
	Title          Template
	Severity       Severities
	Class          event.Class
	Outcome        string // event.Success, event.Failure or "any"
	When           string // source of the condition
	GroupBy        []Key
	Dedup          time.Duration // 0: as long as the window
	Show           []Key
	Attack         []string
	Tags           []string
	FalsePositives []string
	Runbook        Template
	Pivots         []Pivot
	References     []string
	Mode           Mode
	Maturity       Maturity
	Tests          []Test
	Source         *Source // nil for a rule of its own

	Threshold *Threshold
	Distinct  *Distinct
	Sum       *Sum
	Average   *Average
	FirstSeen *FirstSeen
	Sequence  *Sequence
	Baseline  *Baseline
	Absence   *Absence

	// Hash identifies what decides an alert's identity: condition, kind, window and group. Version is the hash of
	// the whole file.
	Hash    string
	Version string

	// Capture lists every field whose value an alert of this rule may show: group_by, show, and what title,
	// runbook and pivots name, without repeats.
	Capture []Key

	cond   *condition
	ignore []string // codes of warnings
	origin origin
}

// Mode says what becomes of a rule's matches.
type Mode string

// The modes.
const (
	Live   Mode = "live"    // alerts
	DryRun Mode = "dry_run" // counts, never alerts
	Off    Mode = "off"     // is not evaluated
)

// Maturity says how far a rule is to be trusted.
type Maturity string

// The maturities.
const (
	Stable       Maturity = "stable"
	Trial        Maturity = "test"         // being tried out
	Experimental Maturity = "experimental" // needs no tests, no attack and no false_positives
)

// Threshold fires where at least Count matches of one group lie within the window.
type Threshold struct {
	Count  uint64
	Within time.Duration
}

// Distinct fires where the matches of one group within the window have at least Count different values of Of.
type Distinct struct {
	Of     Key
	Count  uint64
	Within time.Duration
}

// Sum fires where Of, summed over the matches of one group within the window, is at least Total (in the field's unit).
type Sum struct {
	Of     Key
	Total  float64
	Within time.Duration
}

// FirstSeen fires when a group has a value that it never had before, Learning after the group's first event at the
// earliest. A value not seen for Forget is new again; 0 never forgets.
type FirstSeen struct {
	Value    []Key
	Learning time.Duration
	Forget   time.Duration
}

// Kind returns the name of the block that makes the rule what it is, "match" when it has none.
func (r *Rule) Kind() string {
	switch {
	case r.Threshold != nil:
		return "threshold"
	case r.Distinct != nil:
		return "distinct"
	case r.Sum != nil:
		return "sum"
	case r.Average != nil:
		return "average"
	case r.FirstSeen != nil:
		return "first_seen"
	case r.Sequence != nil:
		return "sequence"
	case r.Baseline != nil:
		return "baseline"
	case r.Absence != nil:
		return "absence"
	}
	return "match"
}

// Taken returns the keys that a match is taken by: group_by, then what the kind counts, adds up or remembers. Those with
// a [] speak of one element; see Elements. A sequence has its own for each step.
func (r *Rule) Taken() []Key {
	keys := slices.Clone(r.GroupBy)
	switch {
	case r.Distinct != nil && r.Distinct.Of.Field != nil:
		keys = append(keys, r.Distinct.Of)
	case r.Sum != nil && r.Sum.Of.Field != nil:
		keys = append(keys, r.Sum.Of)
	case r.Average != nil && r.Average.Of.Field != nil:
		keys = append(keys, r.Average.Of)
	case r.FirstSeen != nil:
		keys = append(keys, r.FirstSeen.Value...)
	case r.Baseline != nil && r.Baseline.Of.Field != nil:
		keys = append(keys, r.Baseline.Of)
	}
	return keys
}

// Window returns the length of event time that the rule looks at: 0 for kinds without one.
func (r *Rule) Window() time.Duration {
	switch {
	case r.Threshold != nil:
		return r.Threshold.Within
	case r.Distinct != nil:
		return r.Distinct.Within
	case r.Sum != nil:
		return r.Sum.Within
	case r.Average != nil:
		return r.Average.Bucket
	case r.Sequence != nil:
		return r.Sequence.Within
	case r.Baseline != nil:
		return r.Baseline.Bucket
	case r.Absence != nil:
		return r.Absence.For
	}
	return 0
}

// Tells reports whether title, runbook or pivots name something, as {name}.
func (r *Rule) Tells(name string) bool {
	return slices.Contains(r.Title.Names(), name) || slices.Contains(r.Runbook.Names(), name) ||
		slices.ContainsFunc(r.Pivots, func(p Pivot) bool {
			return slices.ContainsFunc(placeholders(p.SQL, true), func(h placeholder) bool { return h.name == name })
		})
}

// Period returns D, the stretch of event time that shares one alert: the longer of window and dedup. 0 means that each
// event is an alert of its own (kind match without grouping or dedup).
func (r *Rule) Period() time.Duration { return max(r.Window(), r.Dedup) }

// Pivot is a query that an alert carries, with ClickHouse parameters {name:Type} of the alert's fields.
type Pivot struct {
	Name string
	SQL  string
	Line int // of its name in the file; 0 for a rule that was read from none
}

// Test is one test inside a rule file. Package ruletest runs it.
type Test struct {
	Name   string
	Line   int           // in the file
	Until  time.Duration // how far event time goes on after the first log, though no log does; 0: to the newest event
	Logs   []TestLog
	Alerts []TestAlert
}

// TestLog is one or more raw log lines of a test, as written.
type TestLog struct {
	Raw     string
	Like    string            // name of an earlier test whose logs to take
	Replace map[string]string // text replacements in them
	Repeat  int               // how often; {n} in Raw is 1 … Repeat; 0 means as often as written in Like, else once
	Every   time.Duration     // how far event time moves on with each repeat
	At      *time.Duration    // event time relative to the first log; nil leaves the log's own
	Format  string            // "" sniffs
	Layout  string
}

// TestAlert is one expected alert; empty members are not compared.
type TestAlert struct {
	Severity string
	Count    uint64
	Group    map[string]string
}
