package cli

import (
	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/demo"
)

func (s *shell) demoCommand() *cobra.Command {
	var o demo.Options
	var once bool
	c := &cobra.Command{
		Use: "demo", Short: "Play a day of sample logs with three attacks in it through everything", Args: cobra.NoArgs,
		Long: `Start everything with embedded engines in a folder of its own, play a day of sample logs with three attacks hidden in it,
and print the alerts, three hunts and where to look. In a terminal it stays up until Ctrl-C.

Exit status: 0 when exactly the expected alerts came, 1 when not, 3 when it could not run.`,
		Example: `  shrike demo
  shrike demo --once --seed 7
  shrike demo --once --without-attacks
  shrike demo --once --without aws-root-console-login    something is missed now: status 1`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logged := config.Default()
			logged.Log.Level = "warn" // the screen is for the story
			if s.logLevel != "" {
				logged.Log.Level = s.logLevel
			}
			log, err := s.logger(logged)
			if err != nil {
				return usage("%w", err)
			}
			o.Out, o.Log, o.Dir, o.Stay = s.out, log, s.dataDir, !once && isTerminal(s.out)
			if status := demo.Run(cmd.Context(), o); status != exitOK {
				return &exit{status, nil}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&once, "once", false, "end when all is shown, also in a terminal")
	c.Flags().Uint64Var(&o.Seed, "seed", 0, "seed of the sample logs, to see the same again (0: a new one)")
	c.Flags().IntVar(&o.Records, "records", demo.DefaultRecords, "about how many records to play")
	c.Flags().BoolVar(&o.WithoutAttacks, "without-attacks", false, "play the background alone: no alert must come")
	c.Flags().StringArrayVar(&o.Without, "without", nil, "id of a rule to leave out; may be repeated")
	return c
}
