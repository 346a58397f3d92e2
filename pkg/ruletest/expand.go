package ruletest

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/shrike-sec/shrike/pkg/rule"
)

// expand returns the logs of a test with every like resolved: what it takes over, its replacements made, and its own
// repeat, every, at, format and layout in place of the original's.
func expand(r *rule.Rule, t *rule.Test) ([]rule.TestLog, error) {
	var logs []rule.TestLog
	for i, l := range t.Logs {
		taken := []rule.TestLog{l}
		if l.Like != "" {
			of := slices.IndexFunc(r.Tests, func(o rule.Test) bool { return o.Name == l.Like })
			if of < 0 || &r.Tests[of] == t {
				return nil, fmt.Errorf("log %d: no other test is named %q", i+1, l.Like)
			}
			like, err := expand(r, &r.Tests[of]) // ends: a like names an earlier test
			if err != nil {
				return nil, err
			}
			taken = like
		}
		replaced := map[string]bool{}
		for _, from := range taken {
			raw := replace(from.Raw, l.Replace, replaced)
			logs = append(logs, override(from, l, raw))
		}
		for old := range l.Replace {
			if !replaced[old] {
				return nil, fmt.Errorf("log %d: replace: %q does not occur", i+1, old)
			}
		}
	}
	return logs, nil
}

func override(from, by rule.TestLog, raw string) rule.TestLog {
	from.Raw, from.Like, from.Replace = raw, "", nil
	if by.Repeat > 0 {
		from.Repeat = by.Repeat
	}
	if by.Every > 0 {
		from.Every = by.Every
	}
	if by.At != nil {
		from.At = by.At
	}
	if by.Format != "" {
		from.Format = by.Format
	}
	if by.Layout != "" {
		from.Layout = by.Layout
	}
	return from
}

// replace makes all replacements at once (none sees another's result, longer ones first) and notes which occurred.
func replace(raw string, pairs map[string]string, occurred map[string]bool) string {
	olds := make([]string, 0, len(pairs))
	for old := range pairs {
		olds = append(olds, old)
		occurred[old] = occurred[old] || strings.Contains(raw, old)
	}
	slices.SortFunc(olds, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	var args []string
	for _, old := range olds {
		args = append(args, old, pairs[old])
	}
	return strings.NewReplacer(args...).Replace(raw)
}

// numbered is the n-th repeat of a raw log.
func numbered(raw string, n int) io.Reader {
	return strings.NewReader(strings.ReplaceAll(raw, "{n}", strconv.Itoa(n)))
}
