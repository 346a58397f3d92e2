package slack

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/notify"
	"github.com/shrike-sec/shrike/pkg/notify/notifytest"
)

func newNotifier(t *testing.T, url string, c *tls.Config) notify.Notifier {
	t.Helper()
	if c != nil {
		return nil
	}
	n, err := New(Options{URL: url, Now: func() time.Time { return time.Unix(1772356500, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestConformance(t *testing.T) { notifytest.Run(t, newNotifier) }

// payload is the part of Slack's message format that we use.
type payload struct {
	Text   string
	Blocks []struct {
		Type     string
		Text     *part
		Elements []part
	}
}

type part struct{ Type, Text string }

func (p *payload) parts() []part {
	all := []part{{"mrkdwn", p.Text}}
	for _, b := range p.Blocks {
		if b.Text != nil {
			all = append(all, *b.Text)
		}
		all = append(all, b.Elements...)
	}
	return all
}

func TestMessage(t *testing.T) {
	t.Parallel()
	s := notifytest.NewServer(t, notifytest.Status(http.StatusOK))
	a, body := notifytest.Alert()
	if err := newNotifier(t, s.URL, nil).Notify(t.Context(), a, body); err != nil {
		t.Fatal(err)
	}
	var p payload
	if err := json.Unmarshal(s.Requests()[0].Body, &p); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, part := range p.parts() {
		all.WriteString(part.Text + "\n")
	}
	for _, want := range []string{
		"*HIGH* · rule `aws-root-console-login` · 2 events", "*principal* `arn:aws:iam::111122223333:root`",
		"user_agent: `&lt;https://evil.example|click&gt;`", "src_ip: `198.51.100.7`", "mfa: `false`",
		"user_agent: `&lt;!here&gt; *bold* '", "*Runbook*\n1. Ask &lt;@owner&gt;.", "alert `07ab4d0cb148bfeb182f9cbcb886fc57` revision 3",
		"HIGH: Root signed in to 111122223333 from &lt;!channel&gt; &amp;",
	} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("message lacks %q:\n%s", want, all.String())
		}
	}
	if p.Blocks[0].Type != "header" || p.Blocks[0].Text.Type != "plain_text" {
		t.Errorf("first block %+v, want a plain header", p.Blocks[0])
	}
}

// Whatever an alert holds, the message has no markup of Slack's own kind, and each part is within Slack's limits.
func TestMessageIsHarmlessAndBounded(t *testing.T) {
	t.Parallel()
	texts := rapid.OneOf(rapid.String(), rapid.StringMatching("[<>&!@#|`*\n]{0,50}"), rapid.StringOfN(rapid.RuneFrom([]rune("<&é\u2028")), 0, 4000, -1))
	rapid.Check(t, func(t *rapid.T) {
		a := &alert.Alert{
			ID: "1", Title: texts.Draw(t, "title"), Severity: "low", RuleID: "r", Runbook: texts.Draw(t, "runbook"),
			Entity: alert.Entity{Kind: "host", ID: texts.Draw(t, "entity")}, Group: map[string]string{},
		}
		for range rapid.IntRange(0, 30).Draw(t, "keys") {
			a.Group[rapid.StringMatching(`[a-z_]{1,20}`).Draw(t, "key")] = texts.Draw(t, "value")
		}
		for range rapid.IntRange(0, 20).Draw(t, "samples") {
			value, err := json.Marshal(texts.Draw(t, "field"))
			if err != nil {
				t.Fatal(err)
			}
			a.Events = append(a.Events, alert.Sample{Fields: map[string]json.RawMessage{"user_agent": value}})
		}
		body, err := json.Marshal(message(a))
		if err != nil {
			t.Fatal(err)
		}
		var p payload
		if err := json.Unmarshal(body, &p); err != nil {
			t.Fatal(err)
		}
		if len(p.Blocks) > 50 {
			t.Fatalf("%d blocks", len(p.Blocks))
		}
		for _, part := range p.parts() {
			limit := 3000
			if part.Type == "plain_text" {
				limit = 150
			} else if strings.ContainsAny(part.Text, "<>") {
				t.Fatalf("control characters in %q", part.Text)
			}
			if n := utf8.RuneCountInString(part.Text); n > limit || n == 0 {
				t.Fatalf("a part of %d characters: %q", n, part.Text)
			}
		}
	})
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "hooks.example.com/x", "mailto:x@example.com"} {
		if _, err := New(Options{URL: url}); err == nil {
			t.Errorf("URL %q: no error", url)
		}
	}
}
