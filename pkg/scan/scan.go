package scan

import (
	"cmp"
	"context"
	"io"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// Bounds of what a scan keeps in memory.
const (
	maxAlerts = 100_000
	maxKeys   = 1_000_000 // groups of one rule
	maxBytes  = 1 << 30   // correlate's state
)

// Options says what to look for.
type Options struct {
	Formats    *format.Registry
	Rules      *rule.Set
	Since      time.Time // events before are skipped; zero: none
	Until      time.Time // events at and after are skipped; zero: none
	DeadLetter func(*record.DeadLetter)
	Secrets    bool           // alerts show secrets as the log has them
	DigestKeys digest.Keys    // public keys of CloudTrail's digests; none: their signatures are not looked at
	Progress   io.Writer      // gets every byte of the files as stored, from several goroutines; nil for none
	Profiler   *rule.Profiler // measures the rules, which are its set's, on one CPU; nil: nobody does

	rangeSize int // events whose signals are folded together before they are correlated; 0 is usualRange
	lanes     int // parts that are read at a time; 0 is one for each CPU
	partSize  int // inputs of a part; 0 is usualPart
}

// Folding larger ranges saves little more; a smaller one makes more frames of the same signals.
const usualRange = 20_000

// Report is what a scan found.
type Report struct {
	Counts
	Digests     int                   // of CloudTrail, by which the trail was checked
	Skipped     int64                 // events outside of Since and Until
	Alerts      []alert.Alert         // by first event time, then severity, highest first
	Lost        int64                 // alerts over the bound of what is kept
	First, Last time.Time             // event times of what was looked at
	Excepted    map[string]uint64     // events that an exception took out of what its rule found, by exception id
	Unlearned   []string              // ids of first_seen and baseline rules that could not be evaluated: no group saw its learning time through
	State       []correlate.RuleStats // of each rule when all was read; a scan drops nothing by time
	Unreadable  []error               // inputs that could not be read, or not to their end
}

// Run reads the inputs and takes their events through the rules, on all CPUs; what comes out does not depend on how many
// there are. Callbacks run one at a time. The error is the context's; whatever is wrong with the inputs is in the report.
func Run(ctx context.Context, inputs []Input, o Options) (*Report, error) {
	s := newScan(o)
	if err := s.read(ctx, s.cut(inputs)); err != nil {
		return nil, err
	}
	if err := s.verify(ctx, inputs); err != nil {
		return nil, err
	}
	return s.finish(), nil
}

type scan struct {
	o       Options
	engines []*correlate.Engine // of the levels of rules that are not finished, see rule.Set.Levels
	alerts  map[string]alert.Alert
	fed     map[string]bool // ids of alerts that rules over alerts have seen
	report  Report
	digests map[string]bool // names of inputs that are digests of CloudTrail
	ranges  int64           // ranges correlated; stands for Kafka's offsets
	first   int64           // Unix nanoseconds
	last    int64
}

func newScan(o Options) *scan {
	o.rangeSize = cmp.Or(o.rangeSize, usualRange)
	o.partSize = cmp.Or(o.partSize, usualPart)
	s := &scan{
		o: o, alerts: map[string]alert.Alert{}, fed: map[string]bool{}, digests: map[string]bool{},
		engines: engines(o.Rules), first: math.MaxInt64, last: math.MinInt64,
		report: Report{Counts: newCounts(), Excepted: map[string]uint64{}},
	}
	for _, g := range s.engines {
		s.keep(g.Recall(nil)) // there is no memory of earlier data
	}
	return s
}

// engines makes one for each level of rules: the alerts of one are whole before rules over alerts see them, so what these find
// does not depend on the order of files.
func engines(rules *rule.Set) []*correlate.Engine {
	var list []*correlate.Engine
	for _, level := range rules.Levels() {
		list = append(list, correlate.New(rule.NewSet(level), correlate.Options{MaxKeys: maxKeys, MaxBytes: maxBytes, KeepAll: true}))
	}
	return list
}

func matcher(o Options) *match.Matcher {
	m := match.New(o.Rules)
	if o.Secrets {
		m = match.NewRedacting(o.Rules, nil)
	}
	if o.Profiler != nil {
		m.Profile(o.Profiler)
	}
	m.Begin()
	return m
}

// correlate takes a range: its signals become one frame, as detect's would. Nobody knows how far time has come (0) before
// the end, since files come in any order.
func (s *scan) correlate(signals []match.Signal, excepted map[string]uint64) {
	f := s.frame(0)
	f.Signals = signals
	for _, g := range s.engines {
		s.keep(g.Apply(f, s.ranges)) // each takes the signals of its rules
	}
	for id, n := range excepted {
		s.report.Excepted[id] += n
	}
	s.ranges++
}

// frame is the next one, still empty.
func (s *scan) frame(watermark int64) *match.Frame {
	return &match.Frame{
		Schema: 1, Origin: record.Position{Epoch: 1, Topic: "scan", Offset: s.ranges}, To: s.ranges + 1,
		RuleSet: s.o.Rules.Hash(), Parts: 1, Watermark: watermark,
	}
}

func (s *scan) keep(r correlate.Result) {
	for _, a := range r.Alerts {
		if _, known := s.alerts[a.ID]; !known && len(s.alerts) >= maxAlerts {
			s.report.Lost++
			continue
		}
		s.alerts[a.ID] = a
	}
}

// conclude finishes one level after the other, and gives each the alerts of those before.
func (s *scan) conclude() {
	for len(s.engines) > 0 {
		g := s.engines[0]
		s.keep(g.Apply(s.frame(max(0, s.last)), s.ranges)) // so far time has come in the files
		s.ranges++
		s.report.State = append(s.report.State, g.Stats().Rules...)
		s.keep(g.Finish())
		s.report.Unlearned = append(s.report.Unlearned, g.Unlearned()...)
		s.engines = s.engines[1:]
		s.feed()
	}
	slices.SortFunc(s.report.State, func(a, b correlate.RuleStats) int { return cmp.Compare(a.Rule, b.Rule) })
	slices.Sort(s.report.Unlearned)
}

// feed matches the alerts that are new.
func (s *scan) feed() {
	if len(s.engines) == 0 {
		return
	}
	m := matcher(s.o)
	for _, id := range slices.Sorted(maps.Keys(s.alerts)) {
		if !s.fed[id] {
			s.fed[id] = true
			a := s.alerts[id].AtOnce()
			m.Alert(&a)
		}
	}
	s.correlate(m.Signals(1)[0], m.Excepted())
}

func (s *scan) finish() *Report {
	s.conclude()
	r := &s.report
	for _, a := range s.alerts {
		r.Alerts = append(r.Alerts, a)
	}
	slices.SortFunc(r.Alerts, func(a, b alert.Alert) int {
		return cmp.Or(
			a.FirstEventTime.Compare(b.FirstEventTime),
			cmp.Compare(rule.SeverityRank(b.Severity), rule.SeverityRank(a.Severity)),
			cmp.Compare(a.RuleID, b.RuleID), cmp.Compare(a.ID, b.ID),
		)
	})
	if s.first <= s.last {
		r.First, r.Last = time.Unix(0, s.first).UTC(), time.Unix(0, s.last).UTC()
	}
	return r
}
