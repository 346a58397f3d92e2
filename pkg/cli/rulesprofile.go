package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/scan"
)

// profileRepeats is how often each condition is evaluated for one reading of the clock.
const profileRepeats = 8

func (s *shell) rulesProfileCommand() *cobra.Command {
	var output string
	var only, paths []string
	c := &cobra.Command{
		Use: "profile LOGFILE...", Short: "Measure what each rule costs over log files", Args: cobra.MinimumNArgs(1),
		Long: `Measure what each rule costs over log files, dearest first: how many events the index let through to it (evaluations), how
many matched, what one evaluation takes, its share of the time of all conditions, the groups and memory that its window
holds when all is read (nothing is dropped by time), and by which field it is indexed, with how many values: a rule
without is tried on every event of its class.

Exit status: 0 measured, 2 usage or broken rules, 3 input that cannot be read.`,
		Example: `  shrike rules profile trail/
  shrike rules profile --rules my-rules/ trail/ flow.log.gz
  shrike rules profile trail/ --output json | jq -r 'select(.indexed_by[] == "") | .rule'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("output", output, "table", "json"); err != nil {
				return err
			}
			set, err := s.rules(paths, only)
			if err != nil {
				return err
			}
			return s.profile(cmd.Context(), set, args, output)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "table", "table, or json for one rule a line")
	c.Flags().StringArrayVar(&paths, "rules", nil, "rule file or folder instead of the configured rules; may be repeated")
	c.Flags().StringArrayVar(&only, "rule", nil, "id of the one rule to measure; may be repeated")
	return c
}

// profiled is what measuring says of one rule.
type profiled struct {
	Rule          string   `json:"rule"`
	Evaluations   uint64   `json:"evaluations"`
	Matches       uint64   `json:"matches"`
	Nanoseconds   int64    `json:"nanoseconds"`                // of all evaluations
	PerEvaluation float64  `json:"nanoseconds_per_evaluation"` // 0 without any
	Share         float64  `json:"share"`                      // of the time of all rules, 0 to 1
	Groups        int      `json:"groups"`
	StateBytes    int64    `json:"state_bytes"`
	IndexedBy     []string `json:"indexed_by"` // of a sequence one a step; "" is tried on every event
}

func (s *shell) profile(ctx context.Context, set *rule.Set, logs []string, output string) error {
	start := time.Now()
	clock := func() time.Duration { return time.Since(start) }
	p := rule.NewProfiler(set, rule.ProfileOptions{Now: clock, Repeat: profileRepeats})
	inputs, unreadable := scan.Inputs(logs, s.in)
	from := clock()
	report, err := scan.Run(ctx, inputs, scan.Options{Formats: builtin.Formats(), Rules: set, Profiler: p})
	if err != nil {
		return fmt.Errorf("profile rules: %w", err)
	}
	took := clock() - from
	costs, total := profiledRules(set, p, report)
	if output == "json" {
		for _, c := range costs {
			if err := printJSON(s.out, c); err != nil {
				return fmt.Errorf("write profile: %w", err)
			}
		}
	} else {
		s.printProfile(costs, total, report, took)
	}
	if all := append(split(unreadable), report.Unreadable...); len(all) > 0 {
		return &exit{exitInput, errors.Join(all...)}
	}
	return nil
}

// profiledRules joins what evaluating and what remembering cost, dearest first. total is the time of all evaluations.
func profiledRules(set *rule.Set, p *rule.Profiler, report *scan.Report) (all []*profiled, total time.Duration) {
	byID := make(map[string]*profiled)
	for _, r := range set.Rules() {
		x := &profiled{Rule: r.ID, IndexedBy: set.IndexedBy(r)}
		byID[r.ID] = x
		all = append(all, x)
	}
	p.Take(func(c rule.Cost) {
		x := byID[c.Rule.ID]
		x.Evaluations, x.Matches, x.Nanoseconds = c.Evaluations, c.Matches, c.Time.Nanoseconds()
		x.PerEvaluation = float64(x.Nanoseconds) / float64(x.Evaluations)
		total += c.Time
	})
	for _, state := range report.State {
		if x := byID[state.Rule]; x != nil {
			x.Groups, x.StateBytes = state.Keys, state.Bytes
		}
	}
	for _, x := range all {
		if total > 0 {
			x.Share = float64(x.Nanoseconds) / float64(total)
		}
	}
	slices.SortFunc(all, func(a, b *profiled) int {
		return cmp.Or(cmp.Compare(b.Nanoseconds, a.Nanoseconds), strings.Compare(a.Rule, b.Rule))
	})
	return all, total
}

func (s *shell) printProfile(costs []*profiled, total time.Duration, report *scan.Report, took time.Duration) {
	t := newTable(s.out, "RULE", "EVALUATIONS", "MATCHES", "NS/EVALUATION", "SHARE", "GROUPS", "STATE", "INDEXED BY")
	for _, c := range costs {
		t.AppendRow([]any{
			c.Rule, humanize.Comma(int64(c.Evaluations)), humanize.Comma(int64(c.Matches)), fmt.Sprintf("%.0f", c.PerEvaluation),
			fmt.Sprintf("%.1f %%", 100*c.Share), humanize.Comma(int64(c.Groups)), humanize.IBytes(uint64(max(0, c.StateBytes))), indexedBy(c.IndexedBy),
		})
	}
	t.Render()
	events := float64(max(1, report.Events))
	fmt.Fprintf(s.out, "%s events in %s, %s a second with reading, parsing and measuring\n",
		humanize.Comma(report.Events), took.Round(time.Millisecond), humanize.Comma(int64(events/took.Seconds())))
	fmt.Fprintf(s.out, "the conditions of %s take %.0f ns an event\n", counted(len(costs), "rule"), float64(total.Nanoseconds())/events)
}

func indexedBy(fields []string) string {
	words := make([]string, len(fields))
	for i, f := range fields {
		words[i] = cmp.Or(f, "nothing: every event")
	}
	return strings.Join(slices.Compact(words), ", ")
}
