package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/store"
)

type alertFlags struct {
	output, since, until, rule, severity string
	limit                                int
}

func (s *shell) alertsCommand() *cobra.Command {
	var f alertFlags
	c := &cobra.Command{
		Use: "alerts [ID]", Short: "List stored alerts, or show one with its evidence and runbook", Args: cobra.MaximumNArgs(1),
		Example: `  shrike alerts
  shrike alerts --since 24h --severity high
  shrike alerts 07ab4d0cb148bfeb182f9cbcb886fc57
  shrike alerts --rule aws-root-console-login --output json | jq .events`,
		RunE: func(cmd *cobra.Command, args []string) error { return s.alerts(cmd.Context(), args, f) },
	}
	c.Flags().StringVarP(&f.output, "output", "o", "table", "table, or json for one alert a line")
	c.Flags().StringVar(&f.since, "since", "", "events at or after this time: 2026-03-01, 2026-03-01T09:00:00Z, or 24h ago")
	c.Flags().StringVar(&f.until, "until", "", "events before this time")
	c.Flags().StringVar(&f.rule, "rule", "", "id of the rule")
	c.Flags().StringVar(&f.severity, "severity", "info", "the least severity: info, low, medium, high or critical")
	c.Flags().IntVar(&f.limit, "limit", 100, "most alerts to list")
	return c
}

var alertID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (s *shell) alerts(ctx context.Context, args []string, f alertFlags) error {
	q, err := f.query(time.Now())
	if err != nil {
		return err
	}
	if len(args) == 1 {
		if !alertID.MatchString(args[0]) {
			return usage("%q is not an alert's id: 32 hexadecimal digits", args[0])
		}
		q = store.AlertQuery{ID: args[0], Limit: 1}
	}
	db, _, err := s.openStore(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	alerts, err := db.Alerts(ctx, q)
	if err != nil {
		return fmt.Errorf("read alerts: %w", err)
	}
	if len(args) == 0 {
		return s.printAlerts(alerts, f.output)
	}
	if len(alerts) == 0 {
		return fmt.Errorf("no alert has the id %s", args[0])
	}
	if f.output == "json" {
		return printJSON(s.out, &alerts[0])
	}
	showAlert(s.out, &alerts[0])
	return nil
}

func (f *alertFlags) query(now time.Time) (q store.AlertQuery, err error) {
	if err := oneOf("output", f.output, "table", "json"); err != nil {
		return q, err
	}
	if err := oneOf("severity", f.severity, rule.SeverityWords()...); err != nil {
		return q, err
	}
	if f.limit < 1 {
		return q, usage("--limit is %d, it must be at least 1", f.limit)
	}
	q = store.AlertQuery{Rule: f.rule, Severity: f.severity, Limit: f.limit}
	if q.Since, err = parseTime("since", f.since, now); err != nil {
		return q, err
	}
	q.Until, err = parseTime("until", f.until, now)
	return q, err
}

// showAlert prints what a person on call reads.
func showAlert(out io.Writer, a *alert.Alert) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "%-12s %s\n", name, printable(value))
		}
	}
	fmt.Fprintf(out, "%s\n\n", printable(a.Title))
	line("id", a.ID)
	line("severity", a.Severity)
	line("rule", a.RuleID)
	line("entity", strings.TrimSpace(a.Entity.Kind+" "+a.Entity.ID))
	line("attack", strings.Join(a.Attack, " "))
	line("events", fmt.Sprintf("%d, from %s to %s", a.Count, a.FirstEventTime.UTC().Format(time.RFC3339), a.LastEventTime.UTC().Format(time.RFC3339)))
	text := func(head, body string) {
		if body == "" {
			return
		}
		fmt.Fprintf(out, "\n%s\n", printable(head))
		for l := range strings.Lines(body) {
			fmt.Fprintf(out, "  %s\n", printable(strings.TrimRight(l, "\r\n")))
		}
	}
	text("What to do", a.Runbook)
	text("When it is nothing", strings.Join(a.FalsePositives, "\n"))
	for _, p := range a.Pivots {
		text("Pivot: "+p.Name, p.SQL)
	}
	var events []string
	for _, e := range a.Events {
		fields, err := json.Marshal(e.Fields)
		if err != nil {
			continue // values that came out of JSON go into it
		}
		events = append(events, e.EventTime.UTC().Format(time.RFC3339)+" "+string(fields))
	}
	text("Events", strings.Join(events, "\n"))
}
