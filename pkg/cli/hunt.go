package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/shrike-sec/shrike/detections"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/store"
	"github.com/shrike-sec/shrike/pkg/web"
)

type huntFlags struct {
	output, timeout string
	limit           int
	list            bool
	params          []string
}

func (s *shell) huntCommand() *cobra.Command {
	var f huntFlags
	c := &cobra.Command{
		Use: `hunt "SELECT ..." | NAME | -`, Short: "Ask ClickHouse about everything that is stored", Args: cobra.MaximumNArgs(1),
		Long: `Ask ClickHouse about everything that is stored, by SQL or by the name of a query that is built in. It can only read, and
only Shrike's tables: api, flow, http, dns, alerts, dead_letter, first_seen, baselines. Columns are named as fields in rules.`,
		Example: `  shrike hunt --list
  shrike hunt root-activity
  shrike hunt "SELECT event_name, count() AS n FROM api WHERE src_ip = toIPv6('198.51.100.7') GROUP BY 1 ORDER BY n DESC"
  shrike hunt "SELECT * FROM api WHERE actor = {who:String} LIMIT 10" --param who=arn:aws:iam::111122223333:root --output json
  shrike hunt - --output csv < query.sql > result.csv`,
		RunE: func(cmd *cobra.Command, args []string) error { return s.hunt(cmd.Context(), args, f) },
	}
	c.Flags().StringVarP(&f.output, "output", "o", "table", "table, json for one row a line, or csv")
	c.Flags().BoolVar(&f.list, "list", false, "list the queries that are built in")
	c.Flags().StringArrayVarP(&f.params, "param", "p", nil, "value of a {name:Type} in the query: name=value; may be repeated")
	c.Flags().IntVar(&f.limit, "limit", 0, "most rows (0: the configured limits.hunt_rows)")
	c.Flags().StringVar(&f.timeout, "timeout", "", "longest run, e.g. 2m (none: the configured limits.hunt_time)")
	return c
}

func (s *shell) hunt(ctx context.Context, args []string, f huntFlags) error {
	if err := oneOf("output", f.output, "table", "json", "csv"); err != nil {
		return err
	}
	hunts, err := web.Hunts(detections.FS)
	if err != nil {
		return err
	}
	if f.list {
		t := newTable(s.out, "HUNT", "FINDS")
		for _, h := range hunts {
			t.AppendRow([]any{h.Name, h.Description})
		}
		t.Render()
		return nil
	}
	if len(args) == 0 {
		return usage("give a query or the name of one (shrike hunt --list)")
	}
	sql, err := s.query(args[0], hunts)
	if err != nil {
		return err
	}
	params, err := parseParams(f.params)
	if err != nil {
		return err
	}
	cfg, err := s.config()
	if err != nil {
		return err
	}
	limits, err := f.limits(cfg)
	if err != nil {
		return err
	}
	return s.runHunt(ctx, cfg, sql, params, limits, f.output)
}

// query returns the SQL that the argument stands for: a query has blanks in it, a name has none.
func (s *shell) query(arg string, hunts []web.Hunt) (string, error) {
	if arg == "-" {
		text, err := io.ReadAll(io.LimitReader(s.in, 1<<20))
		if err != nil {
			return "", &exit{exitInput, fmt.Errorf("read the query: %w", err)}
		}
		return string(text), nil
	}
	if strings.ContainsAny(arg, " \t\n") {
		return arg, nil
	}
	var names []string
	for _, h := range hunts {
		if h.Name == arg {
			return h.SQL, nil
		}
		names = append(names, h.Name)
	}
	return "", usage("no query is named %q, only %s", arg, strings.Join(names, ", "))
}

func parseParams(list []string) (map[string]string, error) {
	params := map[string]string{}
	for _, p := range list {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, usage("--param is %q: write name=value", p)
		}
		params[name] = value
	}
	return params, nil
}

func (f *huntFlags) limits(cfg *config.Config) (l store.Limits, err error) {
	l = store.Limits{Rows: cfg.Limits.HuntRows, Time: cfg.Limits.HuntTime.Std()}
	if f.limit < 0 {
		return l, usage("--limit is %d, it must not be negative", f.limit)
	}
	if f.limit > 0 {
		l.Rows = f.limit
	}
	if f.timeout != "" {
		if l.Time, err = time.ParseDuration(f.timeout); err != nil || l.Time < time.Second {
			return l, usage("--timeout is %q: write 30s or 2m, at least 1s", f.timeout)
		}
	}
	return l, nil
}

func (s *shell) runHunt(ctx context.Context, cfg *config.Config, sql string, params map[string]string, l store.Limits, output string) error {
	_, reach, err := databases(cfg)
	if err != nil {
		return err
	}
	hunter, err := store.OpenHunter(ctx, reach)
	if err != nil {
		return err
	}
	defer func() { _ = hunter.Close() }()
	rows, err := hunter.Hunt(ctx, sql, params, l)
	if errors.Is(err, store.ErrQuery) {
		return &exit{exitUsage, errors.New(printable(err.Error()))}
	}
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	p := newRowPrinter(s.out, output, rows.Columns)
	n := 0
	for rows.Next() {
		if err := p.row(rows.Values()); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		n++
	}
	if err := errors.Join(p.end(), rows.Err()); err != nil {
		return err
	}
	if rows.Truncated {
		fmt.Fprintf(s.err, "only the first %s: ask for more by --limit, up to limits.hunt_rows of the server's configuration\n", counted(n, "row"))
	} else {
		fmt.Fprintln(s.err, counted(n, "row"))
	}
	return nil
}
