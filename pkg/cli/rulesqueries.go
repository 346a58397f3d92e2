package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/correlate"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/store"
)

var parameter = regexp.MustCompile(`\{([^{}:]+):([^{}]+)\}`)

// refusedPivots asks ClickHouse to plan the pivots of all rules, as a hunter, and returns those that it refuses.
func refusedPivots(ctx context.Context, cfg *config.Config, set *rule.Set) (rule.Problems, error) {
	_, reach, err := databases(cfg)
	if err != nil {
		return nil, err
	}
	hunter, err := store.OpenHunter(ctx, reach)
	if err != nil {
		return nil, err
	}
	defer func() { _ = hunter.Close() }()
	var refused rule.Problems
	for _, r := range set.Rules() {
		for _, p := range r.Pivots {
			rows, err := hunter.Hunt(ctx, "EXPLAIN PLAN "+sampled(p.SQL), nil, store.Limits{Rows: 1})
			switch {
			case err == nil:
				err = errors.Join(rows.Err(), rows.Close())
			case errors.Is(err, store.ErrQuery):
				refused = append(refused, rule.Problem{
					File: r.File, Line: p.Line, Column: 3, Message: fmt.Sprintf("pivot %q: %s", p.Name, printable(err.Error())),
				})
				err = nil
			}
			if err != nil {
				return nil, fmt.Errorf("ask ClickHouse about pivot %q of %s: %w", p.Name, r.ID, err)
			}
		}
	}
	return refused, nil
}

// sampled is a pivot as an alert carries it, with some value of its type for each parameter.
func sampled(sql string) string {
	types := map[string]string{}
	for _, p := range parameter.FindAllStringSubmatch(sql, -1) {
		types[p[1]] = p[2]
	}
	return correlate.Fill(sql, func(name string) []string {
		switch typ := types[name]; {
		case strings.HasPrefix(typ, "DateTime"):
			return []string{"2026-03-01T09:00:00Z"}
		case strings.HasPrefix(typ, "IPv"):
			return []string{"203.0.113.9"}
		case typ == "Bool":
			return []string{"true"}
		}
		return []string{"1"}
	})
}
