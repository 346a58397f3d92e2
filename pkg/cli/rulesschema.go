package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/detections"
)

func (s *shell) rulesSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema [rule|list|exception]", Short: "Print the JSON Schema of rule files, for editors", Args: cobra.MaximumNArgs(1),
		Long: `Print the JSON Schema (draft 2020-12) of rule files, list files or exception files. Editors that speak to a YAML language
server complete and check keys by it; name it in the first line of a file:

  # yaml-language-server: $schema=rule.schema.json

Exit status: 0, or 2 for usage.`,
		Example: `  shrike rules schema > my-rules/rule.schema.json
  shrike rules schema exception > my-rules/exceptions/exception.schema.json`,
		RunE: func(_ *cobra.Command, args []string) error {
			kind := "rule"
			if len(args) == 1 {
				kind = args[0]
			}
			if !slices.Contains([]string{"rule", "list", "exception"}, kind) {
				return usage("there is no schema of %q, only of rule, list and exception", kind)
			}
			text, err := detections.Schemas.ReadFile(kind + ".schema.json")
			if err == nil {
				_, err = s.out.Write(text)
			}
			if err != nil {
				return fmt.Errorf("write schema: %w", err)
			}
			return nil
		},
	}
}
