package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/app"
)

func (s *shell) migrateCommand() *cobra.Command {
	var dry bool
	c := &cobra.Command{
		Use: "migrate", Short: "Bring the tables in ClickHouse up to date", Args: cobra.NoArgs,
		Long: `Bring the tables in ClickHouse up to date and set their retention. It is safe to run again. shrike run does it by
itself; roles that run alone wait until somebody has.`,
		Example: `  shrike migrate --config shrike.yml
  shrike migrate --config shrike.yml --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, cfg, err := s.openStore(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { _ = db.Close() }()
			var names []string
			if dry {
				names, err = db.Pending(cmd.Context())
			} else {
				names, err = db.Migrate(cmd.Context(), app.MigrateOptions(cfg))
			}
			if err != nil {
				return fmt.Errorf("migrate: %w", err)
			}
			for _, n := range names {
				fmt.Fprintln(s.out, n)
			}
			if len(names) == 0 {
				fmt.Fprintln(s.out, "up to date")
			}
			return nil
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "only list what would be applied")
	return c
}
