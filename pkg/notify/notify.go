// Package notify tells people: an alert on its way to one receiver.
//
// A Notifier, one package a kind below this one, makes one attempt. A Receiver wraps it with a name, a least severity,
// retries with growing pauses and the outcome's metrics. Alerts come in as the stage read them, with the bytes of
// their JSON; nothing here knows Kafka, and nothing is kept: what must not be lost stays in the topic until Deliver has
// returned. Start reading at Notifier, then receiver.go.
//
// Metrics: shrike_notifications_total{receiver,outcome}, shrike_notification_attempts_total{receiver}.
package notify

import (
	"context"
	"errors"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
)

// Notifier makes one attempt to tell of an alert. body is the alert's JSON, byte for byte as it lies in the topic; both
// belong to the caller. nil means that the receiver has taken it. An error is worth another attempt unless it is a
// *Permanent; a *Later says when. It is safe for concurrent use.
type Notifier interface {
	Notify(ctx context.Context, a *alert.Alert, body []byte) error
}

// Permanent is an error that another attempt would only repeat.
type Permanent struct{ Err error }

func (e *Permanent) Error() string { return e.Err.Error() }
func (e *Permanent) Unwrap() error { return e.Err }

// Later is an error after which the receiver asks to be left alone for a while.
type Later struct {
	Err   error
	After time.Duration
}

func (e *Later) Error() string { return e.Err.Error() }
func (e *Later) Unwrap() error { return e.Err }

// isPermanent reports whether another attempt is no use.
func isPermanent(err error) bool {
	var p *Permanent
	return errors.As(err, &p)
}
