package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/web"
)

func (s *shell) statusCommand() *cobra.Command {
	var output string
	c := &cobra.Command{
		Use: "status", Short: "Show rules, sources, stages and receivers: last event, lag, dead letters, last success", Args: cobra.NoArgs,
		Long: `Show how the rules, sources, stages and receivers are. Kafka and ClickHouse are asked how far everything is, and the Shrike
of this configuration on this machine, at metrics_address, which rules are in force in it.

EVENT TIME is how far time has come in the logs, by which averages, baselines, absences and sequences with unless are decided;
HELD BY is the partition that it waits for, with how far that is behind and for how long detect has said nothing of it. After an
hour of silence time goes on without it.

Exit status: 0, or 1 when something cannot be asked or the files of rules do not load.`,
		Example: `  shrike status
  shrike status --config shrike.yml --output json | jq .sources`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf("output", output, "table", "json"); err != nil {
				return err
			}
			return s.printStatus(cmd.Context(), output)
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return c
}

// kafka returns how to reach Kafka: as configured, else the embedded one of the Shrike that runs on the data folder.
func kafka(cfg *config.Config) (bus.Config, error) {
	if !cfg.Kafka.Embedded() {
		return app.KafkaConfig(cfg)
	}
	e, err := app.ReadEndpoints(cfg.DataDir)
	if err != nil {
		return bus.Config{}, err
	}
	return bus.Config{Brokers: e.KafkaBrokers, ClientID: "shrike"}, nil
}

func (s *shell) printStatus(ctx context.Context, output string) error {
	db, cfg, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	reach, err := kafka(cfg)
	if err != nil {
		return err
	}
	b, err := bus.New(reach, zap.NewNop())
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	if err := b.Ping(ctx); err != nil {
		return err
	}
	status, err := app.Status(ctx, b, db, app.ReceiverNames(cfg))
	if err != nil {
		return err
	}
	var unasked, broken error
	status.Rules, unasked, broken = rulesInForce(ctx, cfg)
	if output == "json" {
		if err := printJSON(s.out, status); err != nil {
			return err
		}
	} else {
		s.rulesTable(status.Rules, unasked)
		s.statusTables(status)
	}
	if broken != nil {
		return &exit{exitBad, fmt.Errorf("the files of rules do not load:\n%w", broken)}
	}
	return nil
}

func (s *shell) statusTables(status *web.Status) {
	when := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.UTC().Format(time.DateTime)
	}
	t := newTable(s.out, "SOURCE", "LAST EVENT", "EVENTS", "DEAD LETTERS")
	for _, x := range status.Sources {
		t.AppendRow([]any{printable(x.Name), when(x.LastEvent), humanize.Comma(int64(x.Events)), humanize.Comma(int64(x.DeadLetters))})
	}
	t.Render()
	fmt.Fprintln(s.out)
	t = newTable(s.out, "STAGE", "TOPIC", "LAG", "EVENT TIME", "HELD BY")
	for _, x := range status.Stages {
		reached := ""
		if !x.EventTime.IsZero() {
			reached = when(x.EventTime)
		}
		t.AppendRow([]any{x.Stage, x.Topic, humanize.Comma(x.Lag), reached, printable(x.HeldBy)})
	}
	t.Render()
	fmt.Fprintln(s.out)
	t = newTable(s.out, "RECEIVER", "LAST SUCCESS", "LAG")
	for _, x := range status.Receivers {
		t.AppendRow([]any{x.Name, when(x.LastSuccess), humanize.Comma(x.Lag)})
	}
	t.Render()
}
