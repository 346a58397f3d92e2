package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/rule/attack"
	"github.com/shrike-sec/shrike/pkg/rule/coverage"
)

func (s *shell) rulesCoverageCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "coverage [PATH...]", Short: "Show which techniques of MITRE ATT&CK the rules look for",
		Long: `Show which techniques of MITRE ATT&CK (Enterprise ` + attack.Version + `) the rules look for, by tactic. Rules of mode off are not counted. A
technique stands under every tactic that it serves.

Exit status: 0, or 2 for usage and broken rules.`,
		Example: `  shrike rules coverage
  shrike rules coverage my-rules/ --output html > coverage.html
  shrike rules coverage --output navigator > layer.json     # open it at https://mitre-attack.github.io/attack-navigator/`,
		RunE: func(_ *cobra.Command, args []string) error {
			if err := oneOf("output", output, "text", "navigator", "html"); err != nil {
				return err
			}
			set, err := s.rules(args, nil)
			if err != nil {
				return err
			}
			m := coverage.Of(set)
			switch output {
			case "navigator":
				err = printJSON(s.out, m.Layer())
			case "html":
				err = m.HTML(s.out)
			default:
				err = s.printCoverage(m)
			}
			if err != nil {
				return fmt.Errorf("write coverage: %w", err)
			}
			return nil
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "text", "text, navigator for a layer of ATT&CK Navigator, or html for a page")
	return c
}

func (s *shell) printCoverage(m *coverage.Matrix) error {
	t := newTable(s.out, "TACTIC", "TECHNIQUE", "NAME", "RULES", "SEVERITY", "WHICH")
	for _, c := range m.Columns {
		tactic := c.Name
		for _, cell := range c.Cells {
			name, number := cell.Name, ""
			if cell.Sub {
				name = "  " + name
			}
			var ids []string
			for _, r := range cell.Rules {
				ids = append(ids, r.ID)
			}
			if len(ids) > 0 {
				number = fmt.Sprint(len(ids))
			}
			t.AppendRow([]any{tactic, cell.ID, name, number, cell.Severity, short(strings.Join(ids, " "), 100)})
			tactic = ""
		}
	}
	t.Render()
	var none []string
	for _, c := range m.Columns {
		if len(c.Cells) == 0 {
			none = append(none, c.Name)
		}
	}
	fmt.Fprintf(s.out, "%s: %s in %d of %d tactics\n", counted(m.Rules, "rule"), counted(m.Techniques(), "technique"), m.Covered(), len(m.Columns))
	if len(none) > 0 {
		fmt.Fprintf(s.out, "no rule: %s\n", strings.Join(none, ", "))
	}
	for _, r := range m.Without {
		fmt.Fprintf(s.out, "without a technique: %s\n", r.ID)
	}
	_, err := fmt.Fprintln(s.out, attack.Notice)
	return err
}
