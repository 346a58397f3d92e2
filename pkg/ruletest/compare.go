package ruletest

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// compare holds the alerts against the expected ones: each expected alert needs one of its own, and none may be left.
// It returns "" when they fit, else what was wanted and what came.
func (b *bench) compare(want []rule.TestAlert) string {
	got := make([]alert.Alert, len(b.order))
	for i, id := range b.order {
		got[i] = b.alerts[id]
	}
	if len(want) == len(got) && assign(want, got, make([]bool, len(got))) {
		return ""
	}
	var d strings.Builder
	fmt.Fprintf(&d, "want %s\n", english.Plural(len(want), "alert", ""))
	for _, w := range want {
		fmt.Fprintf(&d, "  - %s\n", describeWant(w))
	}
	fmt.Fprintf(&d, "got %s\n", english.Plural(len(got), "alert", ""))
	for _, a := range got {
		fmt.Fprintf(&d, "  + severity %s, count %d, group {%s}: %s\n", a.Severity, a.Count, pairs(a.Group), a.Title)
	}
	fmt.Fprintf(&d, "%s, of which %d matched", english.Plural(b.events, "event", ""), b.matches)
	if b.again > 0 {
		fmt.Fprintf(&d, "; %d of them were there before, with the same event_uid: such count once", b.again)
	}
	if b.matches == 0 && b.first != "" {
		fmt.Fprintf(&d, "; the first is\n  %s", b.first)
	}
	return d.String()
}

// assign finds an alert for every expectation, trying all ways: tests expect few.
func assign(want []rule.TestAlert, got []alert.Alert, used []bool) bool {
	if len(want) == 0 {
		return true
	}
	for i, a := range got {
		if used[i] || !fits(want[0], a) {
			continue
		}
		used[i] = true
		if assign(want[1:], got, used) {
			return true
		}
		used[i] = false
	}
	return false
}

func fits(w rule.TestAlert, a alert.Alert) bool {
	if w.Severity != "" && w.Severity != a.Severity || w.Count != 0 && w.Count != a.Count {
		return false
	}
	for k, v := range w.Group {
		if got, ok := a.Group[k]; !ok || got != v {
			return false
		}
	}
	return true
}

func describeWant(w rule.TestAlert) string {
	var parts []string
	if w.Severity != "" {
		parts = append(parts, "severity "+w.Severity)
	}
	if w.Count != 0 {
		parts = append(parts, fmt.Sprintf("count %d", w.Count))
	}
	if len(w.Group) > 0 {
		parts = append(parts, "group {"+pairs(w.Group)+"}")
	}
	if len(parts) == 0 {
		return "any"
	}
	return strings.Join(parts, ", ")
}

func pairs(group map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(group)) {
		parts = append(parts, k+": "+group[k])
	}
	return strings.Join(parts, ", ")
}

// cut shortens a line for a message.
func cut(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}
