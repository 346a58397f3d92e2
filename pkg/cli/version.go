package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/telemetry"
)

func (s *shell) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print what this binary was made of", Args: cobra.NoArgs,
		Example: "  shrike version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(s.out, telemetry.ReadBuild())
			return err
		},
	}
}
