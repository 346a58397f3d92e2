// Package slack posts alerts to a Slack-format incoming webhook (Slack, Mattermost, Rocket.Chat …).
//
// The message is made of blocks: title, severity and rule, entity and group, the first events' shown fields, runbook.
// Logs hold what attackers wrote: every text from an alert is escaped, so that it can neither mention a channel nor
// make a link, and every part is cut to Slack's limits. Start reading at message in message.go.
package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/notify"
)

// Options say where to post.
type Options struct {
	URL string // the incoming webhook's URL; it is a secret
	Now func() time.Time
}

// Notifier posts to one incoming webhook.
type Notifier struct {
	url    string
	client *http.Client
	now    func() time.Time
}

var _ notify.Notifier = (*Notifier)(nil)

// New makes a Notifier. It connects to nothing.
func New(o Options) (*Notifier, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("parse Slack URL: it must be http://… or https://…")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Notifier{url: o.URL, client: notify.NewClient(nil), now: o.Now}, nil
}

// Notify posts the alert once.
func (n *Notifier) Notify(ctx context.Context, a *alert.Alert, _ []byte) error {
	body, err := json.Marshal(message(a))
	if err != nil {
		return &notify.Permanent{Err: fmt.Errorf("encode message: %w", err)}
	}
	return notify.Post(ctx, n.client, n.url, http.Header{"Content-Type": {"application/json"}}, body, n.now)
}
