package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/rule/ruledoc"
)

func (s *shell) rulesDocsCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "docs [PATH...]", Short: "Write the reference of rules as Markdown, a page a pack",
		Long: `Write the reference of rules as Markdown: for each pack (the folder that the rules are in) a page PACK.md with what every
rule looks for, when it alerts, its false positives, runbook and tests.

Exit status: 0, 1 when a page cannot be written, 2 for usage and broken rules.`,
		Example: `  shrike rules docs --output docs/rules/
  shrike rules docs my-rules/ | less`,
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := s.rules(args, nil)
			if err != nil {
				return err
			}
			return s.writeDocs(ruledoc.Pages(set), output)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "-", "folder to write the pages to; - is standard output")
	return c
}

func (s *shell) writeDocs(pages []ruledoc.Page, output string) error {
	if output == "-" {
		for i, p := range pages {
			text := p.Text
			if i > 0 {
				text = "\n" + text
			}
			if _, err := fmt.Fprint(s.out, text); err != nil {
				return fmt.Errorf("write rule reference: %w", err)
			}
		}
		return nil
	}
	if err := os.MkdirAll(output, 0o755); err != nil {
		return fmt.Errorf("write rule reference: %w", err)
	}
	for _, p := range pages {
		name := filepath.Join(output, p.Pack+".md")
		if err := os.WriteFile(name, []byte(p.Text), 0o644); err != nil {
			return fmt.Errorf("write rule reference: %w", err)
		}
		fmt.Fprintln(s.out, name)
	}
	return nil
}
