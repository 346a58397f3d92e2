package slack

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/shrike-sec/shrike/pkg/alert"
)

// Slack's limits are 150 characters for a header, 2,000 for a field of a section, 3,000 for a section; ours are lower
// because escaping makes texts longer and people do not read walls.
const (
	maxTitle   = 140
	maxValue   = 200
	maxRunbook = 1500
	maxSection = 2900
	maxSamples = 3
	maxFields  = 8 // of a sample or group
)

func message(a *alert.Alert) *slack.WebhookMessage {
	title := strings.TrimSpace(flat(a.Title))
	if title == "" { // Slack refuses a message whose header is empty
		title = a.RuleID
	}
	title = cut(title, maxTitle)
	blocks := []slack.Block{
		slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, title, false, false)),
		section(fmt.Sprintf("*%s* · rule %s · %d events · %s", escape(strings.ToUpper(a.Severity)), code(a.RuleID), a.Count, span(a))),
	}
	if facts := facts(a); facts != "" {
		blocks = append(blocks, section(facts))
	}
	for i := range a.Events[:min(len(a.Events), maxSamples)] {
		blocks = append(blocks, section(sample(&a.Events[i])))
	}
	if a.Runbook != "" {
		blocks = append(blocks, section("*Runbook*\n"+escape(cut(a.Runbook, maxRunbook))))
	}
	blocks = append(blocks, slack.NewContextBlock("", text(fmt.Sprintf("alert %s revision %d", code(a.ID), a.Revision))))
	return &slack.WebhookMessage{
		Text:   fmt.Sprintf("%s: %s", escape(strings.ToUpper(a.Severity)), escape(title)), // what notifications show
		Blocks: &slack.Blocks{BlockSet: blocks},
	}
}

func span(a *alert.Alert) string {
	first, last := a.FirstEventTime.UTC(), a.LastEventTime.UTC()
	if first.Equal(last) {
		return first.Format(time.RFC3339)
	}
	return first.Format(time.RFC3339) + " – " + last.Format(time.RFC3339)
}

// facts lists entity and group.
func facts(a *alert.Alert) string {
	var b strings.Builder
	if a.Entity.ID != "" {
		fmt.Fprintf(&b, "*%s* %s\n", escape(a.Entity.Kind), code(a.Entity.ID))
	}
	for _, k := range first(slices.Sorted(maps.Keys(a.Group)), maxFields) {
		fmt.Fprintf(&b, "%s: %s\n", escape(k), code(a.Group[k]))
	}
	return strings.TrimSpace(b.String())
}

func sample(s *alert.Sample) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%s*\n", s.EventTime.UTC().Format(time.RFC3339Nano))
	for _, k := range first(slices.Sorted(maps.Keys(s.Fields)), maxFields) {
		fmt.Fprintf(&b, "%s: %s\n", escape(k), code(plain(s.Fields[k])))
	}
	return b.String()
}

// plain is a JSON value as people read it: strings without their quotes.
func plain(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}

func first(s []string, n int) []string { return s[:min(len(s), n)] }

func section(s string) slack.Block {
	return slack.NewSectionBlock(text(s), nil, nil)
}

// text is a part in Slack's own markup. What it is made of is bounded and escaped already; the cut here is for the sum.
func text(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, cutEscaped(s, maxSection), false, true)
}

// escape makes Slack's three control characters harmless, and with them mentions, links and dates.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

// code shows a value from a log as code on one line, where no markup works; only the mark that ends code must go.
func code(s string) string {
	s = cut(strings.ReplaceAll(flat(s), "`", "'"), maxValue)
	if s == "" {
		return "–"
	}
	return "`" + escape(s) + "`"
}

// flat puts a text on one line.
func flat(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}

// cut shortens to at most n characters, at a character's boundary.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return string(r[:n-1]) + "…"
}

// cutEscaped is cut for escaped text: it does not leave half an entity at the end.
func cutEscaped(s string, n int) string {
	short := cut(s, n)
	if i := strings.LastIndexByte(short, '&'); short != s && i >= 0 && !strings.Contains(short[i:], ";") {
		short = short[:i] + "…"
	}
	return short
}
