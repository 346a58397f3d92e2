package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthWithin is how long a health check waits: less than the usual interval of container engines.
const healthWithin = 5 * time.Second

func (s *shell) healthCommand() *cobra.Command {
	var target string
	var live, rules bool
	c := &cobra.Command{
		Use: "health", Short: "Ask a running Shrike whether it is ready", Args: cobra.NoArgs,
		Long: `Ask a running Shrike whether it is ready, at the configured metrics_address. Exit status: 0 it is, 1 it is not. This is
the health check of containers, which have no shell and no curl. Rules that were changed and do not load make no process
unready, since those of before stay in force and a restart would end that; --rules asks for just this.`,
		Example: `  shrike health
  shrike health --live
  shrike health --rules      # 1 while the files of rules do not load
  shrike health --url http://127.0.0.1:9090`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.config()
			if err != nil {
				return err
			}
			base := target
			if base == "" {
				base = metricsURL(cfg)
			}
			base = strings.TrimSuffix(base, "/")
			path := "/readyz"
			switch {
			case live && rules:
				return usage("--live and --rules are two questions")
			case rules:
				return s.healthOfRules(cmd.Context(), base)
			case live:
				path = "/healthz"
			}
			return s.health(cmd.Context(), base+path)
		},
	}
	c.Flags().StringVar(&target, "url", "", "base URL to ask instead of the configured address")
	c.Flags().BoolVar(&live, "live", false, "ask whether the process is alive, not whether it is ready")
	c.Flags().BoolVar(&rules, "rules", false, "ask whether the files of rules load, not whether it is ready")
	return c
}

func (s *shell) health(ctx context.Context, target string) error {
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return usage("--url: %w", err)
	}
	resp, err := localClient().Do(req)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	for line := range strings.Lines(string(body)) {
		fmt.Fprintln(s.out, printable(strings.TrimRight(line, "\n")))
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s says %s", target, resp.Status)
	}
	return nil
}
