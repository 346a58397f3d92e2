package cli

import (
	"time"

	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// parseTime reads a flag that says when: RFC 3339, a day, or how long before now; "" is no time.
func parseTime(flag, value string, now time.Time) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, value, time.UTC); err == nil {
			return t.UTC(), nil
		}
	}
	if d, ok := rule.ParseDuration(value); ok {
		return now.Add(-d).UTC(), nil
	}
	return time.Time{}, usage("--%s is %q: write 2026-03-01, 2026-03-01T09:00:00Z, or 24h for so long ago", flag, value)
}

// duration writes days as days: 14d, 1d12h.
func duration(d time.Duration) string {
	c := config.Duration(d)
	return c.String()
}
