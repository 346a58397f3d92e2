package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/format/cloudtrail/digest"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/scan"
)

type scanFlags struct {
	output, since, until, failOn string
	digestKeys                   string
	only, paths, sigma, lists    []string
	dead, noRedact               bool
}

func (s *shell) scanCommand() *cobra.Command {
	var f scanFlags
	c := &cobra.Command{
		Use: "scan PATH...", Short: "Run the rules over files and folders, without Kafka and ClickHouse", Args: cobra.MinimumNArgs(1),
		Long: `Run the rules over files and folders in one process: for incident response on an exported trail, log group or query answer,
or the log of a container. Formats, gzip and what holds the records are recognised by content (docs/INPUTS.md), - is standard
input. Where CloudTrail's digest files are among them, the trail is checked by them:
log files or digests that are missing, changed or, with --digest-keys, not signed by CloudTrail are alerts.

Exit status: 0 no alert, 1 alerts of at least --fail-on, 2 usage or broken rules, 3 input that cannot be read.`,
		Example: `  shrike scan trail/
  shrike scan --since 2026-03-01 --until 2026-03-02T12:00:00Z --output json trail/ | jq .title
  shrike scan --rules my-rules/ --rule aws-root-console-login --fail-on high trail.json.gz
  shrike scan --sigma sigma/rules/cloud/aws trail/
  aws cloudtrail list-public-keys --start-time 2026-01-01 > keys.json && shrike scan --digest-keys keys.json AWSLogs/
  aws s3 cp s3://bucket/trail.json.gz - | shrike scan -`,
		RunE: func(cmd *cobra.Command, args []string) error { return s.scan(cmd.Context(), args, f) },
	}
	c.Flags().StringVarP(&f.output, "output", "o", "table", "table, or json for one alert a line")
	c.Flags().StringVar(&f.since, "since", "", "skip events before this time: 2026-03-01, 2026-03-01T09:00:00Z, or 24h ago")
	c.Flags().StringVar(&f.until, "until", "", "skip events at and after this time")
	c.Flags().StringArrayVar(&f.only, "rule", nil, "id of the one rule to run; may be repeated")
	c.Flags().StringArrayVar(&f.paths, "rules", nil, "rule file or folder instead of the built-in rules; may be repeated")
	c.Flags().StringArrayVar(&f.sigma, "sigma", nil, "Sigma file or folder: its rules alone, or beside --rules; may be repeated")
	listsFlag(c, &f.lists)
	c.Flags().StringVar(&f.failOn, "fail-on", "low", "least severity that ends with status 1: info, low, medium, high, critical, or never")
	c.Flags().BoolVar(&f.dead, "dead-letters", false, "print each record that cannot be parsed to standard error")
	c.Flags().StringVar(&f.digestKeys, "digest-keys", "", "file with the public keys of CloudTrail's digests: the answer of list-public-keys, PEM or DER")
	redactFlag(c, &f.noRedact)
	return c
}

func (s *shell) scan(ctx context.Context, paths []string, f scanFlags) error {
	if err := errors.Join(oneOf("output", f.output, "table", "json"),
		oneOf("fail-on", f.failOn, append(rule.SeverityWords(), "never")...)); err != nil {
		return &exit{exitUsage, err}
	}
	why := whys{}
	o, err := s.scanOptions(f, why)
	if err != nil {
		return err
	}
	inputs, unreadable := scan.Inputs(paths, s.in)
	bar := s.progress(inputs)
	if bar != nil {
		o.Progress = bar
	}
	report, err := scan.Run(ctx, inputs, o)
	if bar != nil {
		_ = bar.Clear()
	}
	if err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	report.Unreadable = append(report.Unreadable, split(unreadable)...)
	if err := s.printAlerts(report.Alerts, f.output); err != nil {
		return err
	}
	printSummary(s.err, report, o.Rules, why)
	switch {
	case len(report.Unreadable) > 0:
		return &exit{exitInput, errors.Join(report.Unreadable...)}
	case fails(report.Alerts, f.failOn):
		return &exit{exitBad, nil}
	}
	return nil
}

func (s *shell) scanOptions(f scanFlags, why whys) (o scan.Options, err error) {
	now := time.Now()
	if o.Since, err = parseTime("since", f.since, now); err != nil {
		return o, err
	}
	if o.Until, err = parseTime("until", f.until, now); err != nil {
		return o, err
	}
	if o.Rules, err = s.scanRules(f); err != nil {
		return o, err
	}
	if o.DigestKeys, err = digest.ReadKeys(f.digestKeys); err != nil {
		return o, &exit{exitUsage, err}
	}
	o.Formats = builtin.Formats()
	hide := hiding(f.noRedact)
	o.DeadLetter = func(d *record.DeadLetter) {
		hide.letter(d)
		if why.add(d); f.dead {
			printDeadLetter(s.err, d)
		}
	}
	o.Secrets = f.noRedact
	return o, nil
}

// scanRules loads the rules to run: those of --rules and --sigma, or the usual ones where neither is given.
func (s *shell) scanRules(f scanFlags) (*rule.Set, error) {
	if len(f.sigma) == 0 {
		if len(f.lists) > 0 {
			return nil, usage("--lists is for the placeholders of --sigma: rules of Shrike find theirs beside them, in lists/")
		}
		return s.rules(f.paths, f.only)
	}
	set := rule.NewSet(nil)
	var err error
	if len(f.paths) > 0 {
		if set, err = s.allRules(f.paths); err != nil {
			return nil, err
		}
	}
	if set, err = s.withSigma(set, f.sigma, f.lists); err != nil {
		return nil, err
	}
	return keep(set, f.only)
}

// progress returns a bar over the bytes of the inputs when a person looks at stderr, else nil.
func (s *shell) progress(inputs []scan.Input) *progressbar.ProgressBar {
	if !isTerminal(s.err) {
		return nil
	}
	var total int64
	for _, in := range inputs {
		if in.Size == 0 { // a stream: nobody knows
			total = -1
			break
		}
		total += in.Size
	}
	return progressbar.NewOptions64(total, progressbar.OptionSetWriter(s.err), progressbar.OptionShowBytes(true),
		progressbar.OptionSetDescription("scan"), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
}

func split(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

func fails(alerts []alert.Alert, failOn string) bool {
	return failOn != "never" && slices.ContainsFunc(alerts, func(a alert.Alert) bool {
		return rule.SeverityRank(a.Severity) >= rule.SeverityRank(failOn)
	})
}

// printAlerts prints alerts as a table, or as JSON, one a line.
func (s *shell) printAlerts(alerts []alert.Alert, output string) error {
	if output == "json" {
		for i := range alerts {
			if err := printJSON(s.out, &alerts[i]); err != nil {
				return fmt.Errorf("write alerts: %w", err)
			}
		}
		return nil
	}
	if len(alerts) == 0 {
		return nil
	}
	t := newTable(s.out, "TIME", "SEVERITY", "RULE", "TITLE", "COUNT")
	for _, a := range alerts {
		t.AppendRow([]any{a.FirstEventTime.UTC().Format(time.DateTime), a.Severity, a.RuleID, short(a.Title, 100), a.Count})
	}
	t.Render()
	return nil
}

// printDisagreements tells that content and what is said of it differ: nothing else would, for content wins.
func printDisagreements(out io.Writer, records int64) {
	if records > 0 {
		fmt.Fprintf(out, "%s not of the format that --format or the file's name says\n", counted(records, "record"))
	}
}

func printSummary(out io.Writer, r *scan.Report, set *rule.Set, why whys) {
	fmt.Fprintf(out, "%s in %s: %s, %s, %s\n", counted(r.Records, "record"), counted(r.Inputs, "file"),
		counted(r.Events, "event"), counted(r.DeadLetters(), "dead letter"), counted(r.Controls, "control record"))
	if len(r.Formats) > 1 {
		for _, name := range slices.Sorted(maps.Keys(r.Formats)) {
			fmt.Fprintf(out, "  %s: %s\n", counted(r.Formats[name], "event"), name)
		}
	}
	for _, reason := range record.Reasons() {
		if r.Dead[reason] > 0 {
			fmt.Fprintf(out, "  %s: %s\n", counted(r.Dead[reason], "dead letter"), reason)
			why.print(out, reason)
		}
	}
	printDisagreements(out, r.Disagreements)
	if r.Digests > 0 {
		fmt.Fprintf(out, "trail checked by %s\n", counted(r.Digests, "digest"))
	}
	if r.Skipped > 0 {
		fmt.Fprintf(out, "%s skipped by --since and --until\n", counted(r.Skipped, "event"))
	}
	if !r.First.IsZero() {
		fmt.Fprintf(out, "from %s to %s (%s)\n", r.First.Format(time.RFC3339), r.Last.Format(time.RFC3339), duration(r.Last.Sub(r.First).Round(time.Second)))
	}
	fmt.Fprintf(out, "%s of %s\n", counted(len(r.Alerts), "alert"), counted(len(set.Rules()), "rule"))
	if r.Lost > 0 {
		fmt.Fprintf(out, "%s not shown: narrow the scan by --rule, --since and --until\n", counted(r.Lost, "more alert"))
	}
	for _, x := range set.Exceptions() {
		if hits := r.Excepted[x.ID]; hits > 0 {
			fmt.Fprintf(out, "exception %s left %s out of rule %s\n", x.ID, counted(int64(hits), "event"), x.Rule)
		}
	}
	for _, id := range r.Unlearned {
		why := "its learning time is longer than the time scanned"
		const learns = "it learns for %s, and no group was seen that long"
		switch x := set.Rule(id); {
		case x == nil:
		case x.FirstSeen != nil:
			why = fmt.Sprintf(learns, duration(x.FirstSeen.Learning))
		case x.Baseline != nil:
			why = fmt.Sprintf(learns, duration(x.Baseline.Learning))
		}
		fmt.Fprintf(out, "rule %s could not be evaluated: %s\n", id, why)
	}
}
