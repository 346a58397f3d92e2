package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/shrike-sec/shrike/pkg/app"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/web"
)

// rulesInForce asks the Shrike of this configuration on this machine which rules are in force in it. unasked says why that is
// not known; broken what is wrong with the files of rules, as they are now.
func rulesInForce(ctx context.Context, cfg *config.Config) (status *web.RulesStatus, unasked, broken error) {
	status, unasked = askRules(ctx, metricsURL(cfg))
	if _, broken = app.Rules(cfg); broken != nil && status != nil {
		status.Problem = broken.Error()
	}
	return status, unasked, broken
}

// askRules asks a running Shrike how its rules are.
func askRules(ctx context.Context, base string) (*web.RulesStatus, error) {
	if base == "" {
		return nil, errors.New("no metrics_address is configured")
	}
	ctx, cancel := context.WithTimeout(ctx, healthWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/rules", nil)
	if err != nil {
		return nil, usage("--url: %w", err)
	}
	resp, err := localClient().Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for the rules: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask for the rules: %s says %s", base, resp.Status)
	}
	var status web.RulesStatus
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&status); err != nil {
		return nil, fmt.Errorf("ask for the rules: %w", err)
	}
	return &status, nil
}

// healthOfRules says how the rules of a running Shrike are; that their files do not load is an error.
func (s *shell) healthOfRules(ctx context.Context, base string) error {
	status, err := askRules(ctx, base)
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, printable(status.String()))
	if !status.Failed.IsZero() {
		return errors.New("the files of rules do not load: the log, or shrike status, says why")
	}
	return nil
}

// rulesTable shows which rules are in force, or why that is not known.
func (s *shell) rulesTable(status *web.RulesStatus, unasked error) {
	if unasked != nil {
		fmt.Fprintf(s.out, "rules in force: not known (%s)\n\n", printable(unasked.Error()))
		return
	}
	failed := "no"
	if !status.Failed.IsZero() {
		failed = "yes, tried " + status.Failed.UTC().Format(time.DateTime)
	}
	t := newTable(s.out, "RULES IN FORCE", "EXCEPTIONS", "HASH", "LOADED", "FILES BROKEN")
	t.AppendRow([]any{
		humanize.Comma(int64(status.Rules)), humanize.Comma(int64(status.Exceptions)), printable(status.Hash),
		status.Loaded.UTC().Format(time.DateTime), failed,
	})
	t.Render()
	fmt.Fprintln(s.out)
}
