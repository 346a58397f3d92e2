package ruletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// Result is the outcome of one test.
type Result struct {
	Rule   string
	Test   string
	File   string // of the rule, or of the exception whose test it is
	Line   int    // of the test in the file
	Passed bool
	Diff   string // what was wanted and what came, several lines; "" when passed
	Took   time.Duration
}

// Run runs the tests of all rules of set and of the exceptions from them, or of the rule whose id is only, in the order of rules and
// files. A rule's own tests see none of its exceptions, those of an exception see that one. The error
// is the context's, or that there is no such rule; failed tests are results.
func Run(ctx context.Context, set *rule.Set, reg *format.Registry, only string) ([]Result, error) {
	if only != "" && set.Rule(only) == nil {
		return nil, fmt.Errorf("run rule tests: no rule is named %q", only)
	}
	var results []Result
	for _, r := range set.Rules() {
		if only != "" && r.ID != only {
			continue
		}
		run := func(r *rule.Rule, t *rule.Test, file string, exceptions ...*rule.Exception) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			start := time.Now()
			diff := runTest(ctx, r, t, reg, exceptions)
			results = append(results, Result{
				Rule: r.ID, Test: t.Name, File: file, Line: t.Line, Passed: diff == "", Diff: diff, Took: time.Since(start),
			})
			return nil
		}
		for i := range r.Tests {
			if err := run(r, &r.Tests[i], r.File); err != nil {
				return results, err
			}
		}
		for _, x := range set.Exceptions() {
			if x.Rule != r.ID {
				continue
			}
			with := *r // its logs may be like those of the rule's tests
			with.Tests = slices.Concat(r.Tests, x.Tests)
			for i := range x.Tests {
				if err := run(&with, &with.Tests[len(r.Tests)+i], x.File, x); err != nil {
					return results, err
				}
			}
		}
	}
	return results, nil
}

func runTest(ctx context.Context, r *rule.Rule, t *rule.Test, reg *format.Registry, exceptions []*rule.Exception) string {
	logs, err := expand(r, t)
	if err != nil {
		return err.Error()
	}
	live := *r // also a rule that is off or on trial must keep its promises
	live.Mode = rule.Live
	set := rule.NewSetExcept([]*rule.Rule{&live}, exceptions...)
	b := &bench{
		reg: reg, rule: &live, test: t, decoder: format.NewDecoder(reg), matcher: match.New(set), ruleSet: set.Hash(),
		engine: correlate.New(set, correlate.Options{KeepAll: true}), alerts: map[string]alert.Alert{},
		seen: map[event.UID]bool{},
	}
	b.take(b.engine.Recall(nil))
	for i := range logs {
		if err := checkFormat(reg, &logs[i]); err != nil {
			return fmt.Sprintf("log %d: %v", i+1, err)
		}
		if err := b.log(ctx, i, &logs[i]); err != nil {
			return err.Error()
		}
	}
	b.finish(int64(len(logs)))
	diff := b.compare(t.Alerts)
	if diff == "" && len(exceptions) > 0 && len(t.Alerts) == 0 && b.excepted == 0 {
		return "no alert came, but not for the exception: the rule finds nothing in these logs without it either"
	}
	return diff
}

// checkFormat checks what a log says of itself: a format that is none would be recognised by content instead.
func checkFormat(reg *format.Registry, l *rule.TestLog) error {
	switch {
	case l.Format == formatAlert:
		return nil
	case l.Format == "" && l.Layout != "":
		return errors.New("layout needs format")
	case l.Format == "":
		return nil
	case l.Layout != "":
		layout, _, err := reg.Layout(l.Format, l.Layout)
		l.Layout = layout
		return err
	}
	if _, ok := reg.Spec(l.Format); !ok {
		var names []string
		for _, s := range reg.Specs() {
			names = append(names, s.Name)
		}
		return fmt.Errorf("no format is named %q: there are %s", l.Format, strings.Join(names, ", "))
	}
	return nil
}

// bench is what one test's logs run through.
type bench struct {
	reg     *format.Registry
	rule    *rule.Rule
	test    *rule.Test
	decoder *format.Decoder
	matcher *match.Matcher
	engine  *correlate.Engine
	ruleSet string

	start    int64 // event time of the first event, Unix nanoseconds
	end      int64 // the newest event time
	events   int
	matches  uint64
	excepted uint64             // events that the exception took away
	first    string             // the first event as JSON, for who wonders why nothing matched
	seen     map[event.UID]bool // event_uids: the same event twice counts once
	again    int                // events that were there before
	alerts   map[string]alert.Alert
	order    []string // ids of alerts as they came
}

// log takes one entry of a test's logs through the way, as one range and one frame.
func (b *bench) log(ctx context.Context, i int, l *rule.TestLog) error {
	b.matcher.Begin()
	before, again := b.events, b.again
	for n := 1; n <= max(l.Repeat, 1); n++ {
		if err := b.lines(ctx, i, n, l); err != nil {
			return fmt.Errorf("log %d: %w", i+1, err)
		}
	}
	switch { // else a test that expects no alert would pass for nothing
	case b.events == before:
		return fmt.Errorf("log %d: it gives no event", i+1)
	case l.Repeat > 1 && b.again-again >= l.Repeat-1:
		return fmt.Errorf("log %d: its repeats are all the same event, which counts once: give each its own id (\"eventID\":\"e-{n}\")", i+1)
	}
	for _, n := range b.matcher.Matches() {
		b.matches += n
	}
	for _, n := range b.matcher.Excepted() {
		b.excepted += n
	}
	from := int64(i)
	b.take(b.engine.Apply(&match.Frame{
		Schema: 1, Origin: record.Position{Epoch: 1, Topic: "test", Offset: from}, To: from + 1, RuleSet: b.ruleSet,
		Parts: 1, Signals: b.matcher.Signals(1)[0],
	}, from))
	return nil
}

// came notes the time of an event that counts already.
func (b *bench) came(at int64) {
	if b.events == 1 || at > b.end {
		b.end = at
	}
}

// finish ends the test: with its newest event, or later where it says so.
func (b *bench) finish(at int64) {
	if b.test.Until > 0 {
		b.end = max(b.end, b.start+int64(b.test.Until))
	}
	b.take(b.engine.Apply(&match.Frame{
		Schema: 1, Origin: record.Position{Epoch: 1, Topic: "test", Offset: at}, To: at, RuleSet: b.ruleSet, Parts: 1, Watermark: b.end,
	}, at))
	b.take(b.engine.Finish())
}

// lines parses the n-th repeat of a log and matches its events.
func (b *bench) lines(ctx context.Context, i, n int, l *rule.TestLog) error {
	o := format.SplitOptions{
		// Each repeat is an object of its own: the same line twice is two events.
		Origin: record.Origin{Source: "test", Object: fmt.Sprintf("%s/%d/%d", b.test.Name, i+1, n)},
		Format: l.Format, Layout: l.Layout,
	}
	shift := shifter{every: time.Duration(n-1) * l.Every, at: l.At}
	if b.isAlert(l) {
		return b.alertLog(o.Origin.Object, numbered(l.Raw, n), &shift)
	}
	_, err := format.Split(ctx, numbered(l.Raw, n), b.reg, o,
		func(rec record.Record) error {
			return b.decode(&rec, &shift)
		},
		func(d record.DeadLetter) error {
			return fmt.Errorf("not a log line (%s: %s): %s", d.Reason, d.Detail, cut(string(d.Raw)))
		})
	return err
}

func (b *bench) decode(rec *record.Record, shift *shifter) error {
	err := b.decoder.Decode(rec, func(e *event.Event) {
		if b.events == 0 {
			b.start = e.UnixNano(event.EventTime)
			b.first = string(e.AppendJSON(nil))
		}
		b.events++
		if uid := e.UID; b.seen[uid] {
			b.again++
		} else {
			b.seen[uid] = true
		}
		shift.move(e, b.start)
		b.came(e.UnixNano(event.EventTime))
		b.matcher.Event(e)
	})
	if err != nil && !errors.Is(err, format.ErrControl) {
		return fmt.Errorf("parse: %w: %s", err, cut(string(rec.Raw)))
	}
	return nil
}

// shifter places the events of one repeat of one log in time.
type shifter struct {
	every time.Duration  // on from where the log stands
	at    *time.Duration // of the log's first event, relative to the test's; nil: where its line says
	base  *int64         // what is added to reach at, once the log's first event is known
}

func (s *shifter) move(e *event.Event, start int64) {
	if t, ok := e.Time(event.EventTime); ok {
		e.SetUnixNano(event.EventTime, s.place(t, start).UnixNano())
	}
}

// place returns where in time something of the log is that says t.
func (s *shifter) place(t time.Time, start int64) time.Time {
	if s.base == nil {
		var base int64
		if s.at != nil {
			base = start + int64(*s.at) - t.UnixNano()
		}
		s.base = &base
	}
	return t.Add(time.Duration(*s.base) + s.every)
}

// take keeps the latest revision of each alert.
func (b *bench) take(r correlate.Result) {
	for _, a := range r.Alerts {
		if _, known := b.alerts[a.ID]; !known {
			b.order = append(b.order, a.ID)
		}
		b.alerts[a.ID] = a
	}
}
