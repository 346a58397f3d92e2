package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/rule"
)

func (s *shell) rulesLintCommand() *cobra.Command {
	var output string
	var strict, queries bool
	c := &cobra.Command{
		Use: "lint [PATH...]", Short: "Say what is wrong with rule files: all of it, with file, line and column",
		Long: `Say what is wrong with rule files: all of it at once, with file, line and column. A problem keeps the rule from loading. A
warning is about what loads and is probably not meant, such as a call that AWS does not have; a rule that means it says
so: lint: { ignore: [code] }. Codes: ` + strings.Join(rule.WarningCodes(), ", ") + `.

Exit status: 0 no problem, 1 warnings and --strict, 2 problems, or usage.`,
		Example: `  shrike rules lint                   the configured rules, else the built-in ones
  shrike rules lint my-rules/ one.yml
  shrike rules lint --strict my-rules/
  shrike rules lint --queries my-rules/   ClickHouse of a running Shrike looks at the pivots
  shrike rules lint --output json | jq -r 'select(.level == "warning") | .code'`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := oneOf("output", output, "text", "json"); err != nil {
				return err
			}
			return s.lintRules(c.Context(), args, output, strict, queries)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "text", "text, or json for one finding a line")
	c.Flags().BoolVar(&strict, "strict", false, "end with status 1 when there are warnings")
	c.Flags().BoolVar(&queries, "queries", false, "ask the ClickHouse of a running Shrike, or the configured one, whether it takes the pivots")
	return c
}

// finding is a problem or a warning as JSON.
type finding struct {
	Level   string `json:"level"` // problem or warning
	Code    string `json:"code,omitempty"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Excerpt string `json:"excerpt,omitempty"`

	text string
}

func findingOf(p rule.Problem) finding {
	return finding{
		Level: "problem", File: p.File, Line: p.Line, Column: p.Column, Message: p.Message, Hint: p.Hint, Excerpt: p.Excerpt,
		text: p.Error(),
	}
}

func (s *shell) lintRules(ctx context.Context, paths []string, output string, strict, queries bool) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	if len(paths) > 0 {
		cfg.Rules.Paths = paths
	}
	set, problems := app.ExamineRules(cfg)
	warnings := set.Lint(rule.LintOptions{Now: time.Now()})
	if queries {
		refused, err := refusedPivots(ctx, cfg, set)
		if err != nil {
			return err
		}
		problems = append(problems, refused...)
	}
	var found []finding
	for _, p := range problems {
		found = append(found, findingOf(p))
	}
	for _, w := range warnings {
		f := findingOf(w.Problem)
		f.Level, f.Code, f.text = "warning", w.Code, w.Error()
		found = append(found, f)
	}
	slices.SortStableFunc(found, func(a, b finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	for _, f := range found {
		if output == "json" {
			err = printJSON(s.out, f)
		} else {
			_, err = fmt.Fprintln(s.out, f.text)
		}
		if err != nil {
			return fmt.Errorf("write findings: %w", err)
		}
	}
	if output == "text" {
		fmt.Fprintln(s.out, lintSummary(set, len(problems), len(warnings)))
	}
	switch {
	case len(problems) > 0:
		return &exit{exitUsage, nil}
	case strict && len(warnings) > 0:
		return &exit{exitBad, nil}
	}
	return nil
}

func lintSummary(set *rule.Set, problems, warnings int) string {
	if problems > 0 {
		return counted(problems, "problem") + ", " + counted(warnings, "warning")
	}
	if len(set.Rules()) == 0 {
		return "there are no rules: a rule is a file <id>.yml"
	}
	tests := 0
	for _, r := range set.Rules() {
		tests += len(r.Tests)
	}
	text := fmt.Sprintf("well-formed: %s with %s", counted(len(set.Rules()), "rule"), counted(tests, "test"))
	if warnings > 0 {
		text += "; " + counted(warnings, "warning")
	}
	return text
}
