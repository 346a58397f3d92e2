package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/scan"
)

type explainFlags struct {
	output   string
	paths    []string
	near     int
	all      bool
	limit    int
	noRedact bool
}

func (s *shell) rulesExplainCommand() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use: "explain RULE LOGFILE...", Short: "Say which part of a rule's condition is true or false for events of log files",
		Args: cobra.MinimumNArgs(2),
		Long: `Say which part of a rule's condition is true or false for events of log files, and what the fields had. RULE is an id, or a
rule file. Shown are the events that match and those that --near parts or fewer keep from matching. Windows are not run:
what a threshold or a sequence makes of the matches, scan says.

Exit status: 0 some event matches, 1 none does, 2 usage or broken rules, 3 input that cannot be read.`,
		Example: `  shrike rules explain aws-root-console-login trail.json.gz
  shrike rules explain my-rules/new-rule.yml trail/ --near 2
  shrike rules explain aws-root-console-login trail/ --all --output json | jq -c .steps[0].condition`,
		RunE: func(cmd *cobra.Command, args []string) error { return s.explain(cmd.Context(), args[0], args[1:], f) },
	}
	c.Flags().StringVarP(&f.output, "output", "o", "text", "text, or json for one event a line")
	c.Flags().StringArrayVar(&f.paths, "rules", nil, "rule file or folder instead of the configured rules; may be repeated")
	c.Flags().IntVar(&f.near, "near", 1, "how many parts may be otherwise; 0 shows matches only")
	c.Flags().BoolVar(&f.all, "all", false, "show all events")
	c.Flags().IntVar(&f.limit, "limit", 20, "how many events to show at most; 0 is no limit")
	redactFlag(c, &f.noRedact)
	return c
}

// ruleNamed returns the set of one rule, by its id, or as the only one of a file.
func (s *shell) ruleNamed(name string, paths []string) (*rule.Set, error) {
	if !strings.HasSuffix(name, ".yml") {
		return s.rules(paths, []string{name})
	}
	if len(paths) > 0 {
		return nil, usage("say which rule by its file, or by its id and --rules, not both")
	}
	return s.rules([]string{name}, nil)
}

func (s *shell) explain(ctx context.Context, name string, logs []string, f explainFlags) error {
	if err := oneOf("output", f.output, "text", "json"); err != nil {
		return err
	}
	if f.near < 0 || f.limit < 0 {
		return usage("--near and --limit count from 0")
	}
	set, err := s.ruleNamed(name, f.paths)
	if err != nil {
		return err
	}
	r := set.Rules()[0]
	out := bufio.NewWriter(s.out)
	x := &explaining{
		explainFlags: f, set: set, rule: r, explainer: r.Explainer(), hide: hiding(f.noRedact), out: out, color: isTerminal(s.out), closest: -1,
	}
	unreadable, err := s.readEvents(ctx, logs, x.event)
	if err != nil {
		return err
	}
	if f.output == "text" {
		x.summary()
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write explanation: %w", err)
	}
	switch {
	case unreadable != nil:
		return &exit{exitInput, unreadable}
	case x.matches == 0:
		return &exit{exitBad, nil}
	}
	return nil
}

// readEvents takes the events of log files to a function. Dead letters go to standard error; the first error joins what
// could not be read.
func (s *shell) readEvents(ctx context.Context, logs []string, take func(*event.Event) error) (unreadable, err error) {
	inputs, unreadable := scan.Inputs(logs, s.in)
	dead := hiding(false)
	reader := scan.NewReader(scan.ReaderOptions{
		Formats: builtin.Formats(), Event: take,
		DeadLetter: func(d *record.DeadLetter) error { dead.deadLetter(s.err, d); return nil },
	})
	for _, in := range inputs {
		err := reader.Read(ctx, in)
		if bad, ok := errors.AsType[*scan.Unreadable](err); ok {
			unreadable = errors.Join(unreadable, bad)
		} else if err != nil {
			return unreadable, err
		}
	}
	return unreadable, nil
}

// explaining explains events one after the other.
type explaining struct {
	explainFlags
	set       *rule.Set
	rule      *rule.Rule
	explainer *rule.Explainer
	hide      hide
	out       io.Writer
	color     bool

	hits     []rule.Hit // of the event that is being explained
	severity string     // of its match

	events, ofClass, matches, shown, more int
	closest                               int // distance of the nearest event that does not match, -1: none
}

func (x *explaining) event(e *event.Event) error {
	x.events++
	verdicts := x.explainer.Explain(e)
	worth, ofClass, matches := x.all, false, false
	for i := range verdicts {
		v := &verdicts[i]
		n, ok := v.Distance()
		ofClass = ofClass || ok
		matches = matches || v.Matches
		if ok && n > 0 && (x.closest < 0 || n < x.closest) {
			x.closest = n
		}
		worth = worth || x.worth(v)
	}
	if ofClass {
		x.ofClass++
	}
	if matches {
		x.matches++
	}
	if !worth {
		return nil
	}
	if x.limit > 0 && x.shown == x.limit {
		x.more++
		return nil
	}
	x.shown++
	x.hits, x.severity = x.set.Hits(e, x.hits[:0]), x.rule.Severity.Of(e) // both may read what is cut out next
	x.hide.event(e)
	for i := range verdicts {
		if verdicts[i].ClassFits {
			verdicts[i].Condition.Show(e)
		}
	}
	if x.output == "json" {
		return printJSON(x.out, x.explained(e, verdicts))
	}
	x.print(e, verdicts)
	return nil
}

// worth reports whether a verdict is to be shown. An event with nothing that the condition asks for is near to none, however
// little that is.
func (x *explaining) worth(v *rule.Verdict) bool {
	n, ok := v.Distance()
	return x.all || v.Matches || ok && n <= x.near && v.Condition.Near()
}

// print shows one event: a line that says which, then the parts.
func (x *explaining) print(e *event.Event, verdicts []rule.Verdict) {
	at := ""
	if e.Record != nil {
		at = printable(e.Record.Origin.Object)
		if e.Record.Origin.Line > 0 {
			at = fmt.Sprintf("%s:%d", at, e.Record.Origin.Line)
		}
	}
	fmt.Fprintf(x.out, "%s  %s  %s\n", time.Unix(0, e.UnixNano(event.EventTime)).UTC().Format(time.RFC3339), headline(e), at)
	for i := range verdicts {
		if x.worth(&verdicts[i]) {
			x.verdict(e, &verdicts[i])
		}
	}
	fmt.Fprintln(x.out)
}

func (x *explaining) verdict(e *event.Event, v *rule.Verdict) {
	word := "does not match"
	if v.Matches {
		word = "matches, severity " + x.severity
	}
	if v.Step != "" {
		word = "step " + v.Step + " " + word
	}
	fmt.Fprintf(x.out, "  %s %s\n", x.mark(v.Matches), word)
	if !v.ClassFits {
		x.line(2, false, "class: "+v.Class.String(), "the event is of class "+e.Class.String())
		return
	}
	if v.Outcome != "any" {
		is := ""
		if !v.OutcomeFits {
			is = "it is " + e.Text(event.Outcome)
		}
		x.line(2, v.OutcomeFits, "outcome: "+v.Outcome, is)
	}
	x.part(2, v.Condition)
	if v.Matches && v.Step == "" {
		x.group(e)
	}
	if exception := x.exception(v.Step); exception != nil {
		fmt.Fprintf(x.out, "    excepted by %s until %s: %s\n", exception.ID, exception.Expires.Format(time.DateOnly), short(exception.Reason, 120))
	}
}

// exception returns what takes the match of a step away again, nil when nothing does.
func (x *explaining) exception(step string) *rule.Exception {
	for _, h := range x.hits {
		if h.Step == nil && step == "" || h.Step != nil && h.Step.Name == step {
			return h.Exception
		}
	}
	return nil
}

// group says which group a match belongs to, and what it brings to it.
func (x *explaining) group(e *event.Event) {
	for i, k := range x.rule.Taken() {
		what, missing := "group", "missing"
		if i >= len(x.rule.GroupBy) {
			what, missing = x.rule.Kind(), "missing: the event counts for nothing"
		}
		value := string(k.AppendJSON(nil, e))
		if value == "" {
			value = missing
		}
		fmt.Fprintf(x.out, "    %s %s = %s\n", what, k.Name, short(value, 120))
	}
}

// joins says in words what the operators of parts ask for.
var joins = map[string]string{"and": "all of", "or": "any of", "not": "not"}

func (x *explaining) part(depth int, p *rule.Part) {
	switch {
	case p.Operator == "not" && p.Parts[0].Operator == "":
		x.line(depth, p.Holds, p.Line(), values(p.Parts[0]))
	case p.Operator == "and" && depth == 2: // the usual rule: its parts stand below each other
		for _, part := range p.Parts {
			x.part(depth, part)
		}
	case p.Operator != "":
		x.line(depth, p.Holds, joins[p.Operator], "")
		for _, part := range p.Parts {
			x.part(depth+1, part)
		}
	default:
		x.line(depth, p.Holds, p.Line(), values(p))
	}
}

// values says what the fields of a part had, unless the part's own text says so.
func values(p *rule.Part) string {
	var words []string
	for _, v := range p.Values {
		switch {
		case v.JSON == "":
			words = append(words, v.Name+" is missing")
		case !p.Holds || !strings.Contains(p.Source, v.JSON):
			words = append(words, v.Name+" is "+short(v.JSON, 160))
		}
	}
	return strings.Join(words, ", ")
}

func (x *explaining) line(depth int, holds bool, what, values string) {
	line := strings.Repeat("  ", depth) + x.mark(holds) + " " + short(what, 160)
	if values != "" {
		line += x.dim("   " + values)
	}
	fmt.Fprintln(x.out, line)
}

func (x *explaining) mark(holds bool) string {
	switch {
	case holds && x.color:
		return text.FgGreen.Sprint("✓")
	case holds:
		return "✓"
	case x.color:
		return text.FgRed.Sprint("✗")
	}
	return "✗"
}

func (x *explaining) dim(s string) string {
	if x.color {
		return text.Faint.Sprint(s)
	}
	return s
}

// headline names an event as briefly as its class allows.
func headline(e *event.Event) string {
	words := []string{e.Class.String()}
	for _, name := range []string{"event_name", "method", "url_path", "query_name", "action", "actor", "src_ip", "dst_ip", "dst_port"} {
		f := event.Lookup(name)
		if f == nil || !f.In(e.Class) || !e.Has(f) {
			continue
		}
		words = append(words, strings.Trim(string(e.AppendValue(nil, f)), `"`))
	}
	return short(strings.Join(words, " "), 120)
}

func (x *explaining) summary() {
	fmt.Fprintf(x.out, "%s, %d of the rule's classes: %d match", counted(x.events, "event"), x.ofClass, x.matches)
	if near := x.shown + x.more - x.matches; !x.all && near > 0 {
		fmt.Fprintf(x.out, ", %d come near", near)
	}
	fmt.Fprintln(x.out)
	if x.more > 0 {
		fmt.Fprintf(x.out, "%d more are not shown: see --limit\n", x.more)
	}
	switch {
	case x.shown > 0 || x.closest <= 0:
	case x.closest <= x.near:
		fmt.Fprintln(x.out, "no event has anything that the condition asks for: see --all")
	default:
		fmt.Fprintf(x.out, "the nearest is %d parts away: see --near and --all\n", x.closest)
	}
	if x.rule.Mode != rule.Live {
		fmt.Fprintf(x.out, "the rule does not alert: its mode is %s\n", x.rule.Mode)
	}
	if kind := x.rule.Kind(); x.matches > 0 && kind != "match" {
		fmt.Fprintf(x.out, "an alert needs more than a match: the rule is of kind %s\n", kind)
	}
}
