package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/app"
)

func (s *shell) runCommand() *cobra.Command {
	var without []string
	c := &cobra.Command{
		Use: "run", Short: "Run every role in one process", Args: cobra.NoArgs,
		Long: `Run every role in one process. Without addresses in the configuration Kafka and ClickHouse are embedded and keep their
data in the data folder. SIGTERM or Ctrl-C stops it cleanly within 10 seconds. Rules, lists and exceptions are read again
when their files change, and on SIGHUP; those that do not load leave the old ones in force.`,
		Example: `  shrike run
  shrike run --config shrike.yml --data-dir /var/lib/shrike
  shrike run --without aws-root-console-login`,
		RunE: func(cmd *cobra.Command, _ []string) error { return s.serve(cmd.Context(), app.AllRoles(), without) },
	}
	c.Flags().StringArrayVar(&without, "without", nil, "id of a rule to leave out; may be repeated")
	return c
}

// roles says what each role does, in the order of the pipeline.
func roles() map[app.Role]string {
	return map[app.Role]string{
		app.RoleIngest:    "Take records from sources and HTTP into Kafka",
		app.RoleStore:     "Parse records and store their events in ClickHouse",
		app.RoleDetect:    "Parse records, match them against the rules, send signals",
		app.RoleCorrelate: "Turn signals into alerts",
		app.RoleNotify:    "Send alerts to the receivers",
		app.RoleServe:     "Serve the API and the console",
	}
}

func (s *shell) roleCommands() []*cobra.Command {
	var all []*cobra.Command
	for _, role := range app.AllRoles() {
		all = append(all, &cobra.Command{
			Use: string(role), Short: roles()[role], Args: cobra.NoArgs,
			Long:    roles()[role] + ".\n\nOne role alone, for several machines: kafka.brokers and clickhouse.addresses must be configured.",
			Example: fmt.Sprintf("  shrike %s --config shrike.yml", role),
			RunE:    func(cmd *cobra.Command, _ []string) error { return s.serve(cmd.Context(), []app.Role{role}, nil) },
		})
	}
	return all
}

// serve runs roles until ctx ends.
func (s *shell) serve(ctx context.Context, roles []app.Role, without []string) error {
	cfg, err := s.config()
	if err != nil {
		return err
	}
	set, err := app.Rules(cfg)
	if err != nil {
		return &exit{exitUsage, err}
	}
	for _, id := range without {
		if set.Rule(id) == nil {
			return usage("no rule has the id %q%s", id, nearRule(set, id))
		}
	}
	log, err := s.logger(cfg)
	if err != nil {
		return err
	}
	defer func() { _ = log.Sync() }() // stderr is often not a thing that can be synced
	// Here and not in main: to all other commands, a terminal that goes away is the end.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	a, err := app.New(cfg, app.Options{Roles: roles, Log: log, Without: without, Hangup: hangup})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}
