// Package webhook posts alerts to a URL: the alert's JSON as it is, signed.
//
// Header Idempotency-Key is <alert id>.<revision>: whoever has seen it may answer 200 and do nothing. Header
// Shrike-Signature is t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">; Verify checks it, for receivers written in Go
// and for tests. No other host gets the body: see notify.NewClient. Start reading at Notify.
package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/notify"
)

// Options say where and how to post.
type Options struct {
	URL    string
	Secret string           // key of the signature; "" sends none
	TLS    *tls.Config      // nil trusts the system's authorities
	Now    func() time.Time // nil means time.Now
}

// Notifier posts to one URL.
type Notifier struct {
	url    string
	secret []byte
	client *http.Client
	now    func() time.Time
}

var _ notify.Notifier = (*Notifier)(nil)

// New makes a Notifier. It connects to nothing.
func New(o Options) (*Notifier, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("parse webhook URL: it must be http://… or https://…") // the URL may be a secret
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Notifier{url: o.URL, secret: []byte(o.Secret), client: notify.NewClient(o.TLS), now: o.Now}, nil
}

// Notify posts the alert once.
func (n *Notifier) Notify(ctx context.Context, a *alert.Alert, body []byte) error {
	header := http.Header{
		"Content-Type":    {"application/json"},
		"Idempotency-Key": {fmt.Sprintf("%s.%d", a.ID, a.Revision)},
	}
	if len(n.secret) > 0 {
		header.Set(SignatureHeader, Sign(n.secret, body, n.now()))
	}
	return notify.Post(ctx, n.client, n.url, header, body, n.now)
}
