package cli

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/rule"
)

func (s *shell) rulesExceptionsCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "exceptions [PATH...]", Short: "List the exceptions from rules: which, why, whose, and until when",
		Long: `List the exceptions from rules: which, why, whose, and until when, the first to expire first. An exception is a file
exceptions/<id>.yml in a folder of rules, beside it, or beside the built-in rules (PATH builtin):

  id: sandbox-root-key
  rule: aws-root-access-key-created
  when: |
    account_id == "111122223333"
  reason: The sandbox is made anew each night, with a key of root (SEC-123).
  owner: platform@example.com
  expires: 2027-01-31

Events of that day and later are no longer excepted. An exception may have tests: as a rule has; they see the rule with it, and
their logs may be like those of the rule's tests. In a sequence whose steps are of several classes, step: says which
step's events are meant.`,
		Example: `  shrike rules exceptions
  shrike rules exceptions builtin my-rules/ --output json | jq 'select(.days_left < 30)'`,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := oneOf("output", output, "table", "json"); err != nil {
				return err
			}
			set, err := s.rules(args, nil)
			if err != nil {
				return err
			}
			return s.listExceptions(set, output, time.Now())
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "table", "table, or json for one exception a line")
	return c
}

// exceptionLine is an exception as JSON.
type exceptionLine struct {
	ID       string `json:"id"`
	Rule     string `json:"rule"`
	Step     string `json:"step,omitempty"`
	When     string `json:"when"`
	Reason   string `json:"reason"`
	Owner    string `json:"owner"`
	Expires  string `json:"expires"`
	DaysLeft int    `json:"days_left"`
	Expired  bool   `json:"expired"`
	File     string `json:"file"`
}

func (s *shell) listExceptions(set *rule.Set, output string, now time.Time) error {
	list := slices.Clone(set.Exceptions())
	slices.SortStableFunc(list, func(a, b *rule.Exception) int { return a.Expires.Compare(b.Expires) })
	if output == "json" {
		for _, x := range list {
			left := x.DaysLeft(now)
			err := printJSON(s.out, exceptionLine{
				ID: x.ID, Rule: x.Rule, Step: x.Step, When: x.When, Reason: x.Reason, Owner: x.Owner,
				Expires: x.Expires.Format(time.DateOnly), DaysLeft: left, Expired: left <= 0, File: x.File,
			})
			if err != nil {
				return fmt.Errorf("write exceptions: %w", err)
			}
		}
		return nil
	}
	t := newTable(s.out, "RULE", "EXCEPTION", "REASON", "OWNER", "EXPIRES", "DAYS LEFT")
	for _, x := range list {
		left := fmt.Sprint(x.DaysLeft(now))
		if x.DaysLeft(now) <= 0 {
			left = "expired"
		}
		t.AppendRow([]any{x.Rule, x.ID, short(x.Reason, 60), short(x.Owner, 40), x.Expires.Format(time.DateOnly), left})
	}
	t.Render()
	return nil
}
