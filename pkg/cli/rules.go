package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// rules loads the rules at the paths, else the configured ones, else those that are built in, and keeps only those
// with the ids, if any. What is wrong with them is an error of usage.
func (s *shell) rules(paths, only []string) (*rule.Set, error) {
	set, err := s.allRules(paths)
	if err != nil {
		return nil, err
	}
	return keep(set, only)
}

// allRules is rules without a choice of ids.
func (s *shell) allRules(paths []string) (*rule.Set, error) {
	cfg, err := s.config()
	if err != nil {
		return nil, err
	}
	if len(paths) > 0 {
		cfg.Rules.Paths = paths
	}
	set, err := app.Rules(cfg)
	if err != nil {
		return nil, &exit{exitUsage, err}
	}
	return set, nil
}

// keep returns the set of the rules with these ids, or all of them where there are none.
func keep(set *rule.Set, only []string) (*rule.Set, error) {
	if len(only) == 0 {
		return set, nil
	}
	for _, id := range only {
		if set.Rule(id) == nil {
			return nil, usage("no rule has the id %q%s", id, nearRule(set, id))
		}
	}
	return set.Filter(func(r *rule.Rule) bool { return slices.Contains(only, r.ID) }), nil
}

func nearRule(set *rule.Set, id string) string {
	best, least := "", 1+len(id)/3
	for _, r := range set.Rules() {
		if n := levenshtein.ComputeDistance(id, r.ID); n <= least {
			best, least = r.ID, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

func (s *shell) rulesCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "rules", Short: "Check, test, list and explain rules and exceptions",
		Long: "Check, test, list and explain rules and exceptions. Their language, all keys and functions, is in docs/RULES.md.",
		Example: `  shrike rules lint my-rules/
  shrike rules test my-rules/
  shrike rules explain aws-root-console-login trail/`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_ = c.Help()
			var names []string
			for _, sub := range c.Commands() {
				names = append(names, sub.Name())
			}
			return usage("say which: %s", strings.Join(names, ", "))
		},
	}
	c.AddCommand(
		s.rulesLintCommand(),
		s.rulesTestCommand(),
		s.rulesListCommand(),
		s.rulesExplainCommand(),
		s.rulesExceptionsCommand(),
		s.rulesSigmaCommand(),
		s.rulesProfileCommand(),
		s.rulesCoverageCommand(),
		s.rulesDocsCommand(),
		s.rulesSchemaCommand(),
	)
	return c
}

func (s *shell) rulesListCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "list [PATH...]", Short: "List rules",
		Example: `  shrike rules list
  shrike rules list my-rules/ --output json | jq -r .id`,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := oneOf("output", output, "table", "json"); err != nil {
				return err
			}
			set, err := s.rules(args, nil)
			if err != nil {
				return err
			}
			return s.listRules(set, output)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "table", "table, or json for one rule a line")
	return c
}

func (s *shell) listRules(set *rule.Set, output string) error {
	if output == "json" {
		for _, r := range set.Rules() {
			line := map[string]any{
				"id": r.ID, "severity": r.Severity.Highest(), "class": classes(r), "kind": r.Kind(), "whole": r.Whole(), "title": r.Title.Source,
				"attack": r.Attack, "tags": r.Tags, "mode": r.Mode, "maturity": r.Maturity, "file": r.File, "tests": len(r.Tests),
			}
			if err := printJSON(s.out, line); err != nil {
				return fmt.Errorf("write rules: %w", err)
			}
		}
		return nil
	}
	t := newTable(s.out, "RULE", "SEVERITY", "CLASS", "KIND", "MODE", "ATT&CK", "TITLE")
	for _, r := range set.Rules() {
		t.AppendRow([]any{r.ID, r.Severity.Highest(), classes(r), kindAndPlace(r), r.Mode, strings.Join(r.Attack, " "), short(r.Title.Source, 80)})
	}
	t.Render()
	return nil
}

// classes are those of the rule's events: several where its steps have several.
func classes(r *rule.Rule) string {
	var names []string
	for _, c := range r.Classes() {
		names = append(names, c.String())
	}
	return strings.Join(names, " ")
}

// kindAndPlace says too which rules do not spread over shards.
func kindAndPlace(r *rule.Rule) string {
	if r.Whole() {
		return r.Kind() + " (one shard)"
	}
	return r.Kind()
}
