package notify

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// Outcome is how a delivery ended.
type Outcome string

// The outcomes. Interrupted is not counted: the alert will be offered again.
const (
	Sent        Outcome = "sent"        // the receiver has taken it
	Rejected    Outcome = "rejected"    // the receiver will never take it
	GaveUp      Outcome = "gave_up"     // it did not within Options.GiveUp
	Interrupted Outcome = "interrupted" // ctx ended first
)

// Options describe a Receiver. Zero durations mean the defaults.
type Options struct {
	Name     string // as in metrics
	Severity string // the least that is sent; "" sends all

	Attempt  time.Duration // an attempt's time limit; default 10 s
	GiveUp   time.Duration // how long one alert is tried; default 24 h
	MinPause time.Duration // before the second attempt; default 500 ms, then growing by half, each ± 50 %
	MaxPause time.Duration // default 2 min; a receiver's own Retry-After may be longer, up to an hour

	Log        *zap.Logger
	Registerer prometheus.Registerer

	// Now and After are the clock; nil means time's.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

// maxRetryAfter bounds what a receiver may ask for.
const maxRetryAfter = time.Hour

func (o Options) withDefaults() Options {
	for d, def := range map[*time.Duration]time.Duration{
		&o.Attempt: 10 * time.Second, &o.GiveUp: 24 * time.Hour, &o.MinPause: 500 * time.Millisecond, &o.MaxPause: 2 * time.Minute,
	} {
		if *d <= 0 {
			*d = def
		}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	return o
}

// Receiver is one place where alerts go. It is safe for concurrent use.
type Receiver struct {
	notifier Notifier
	o        Options
	metrics  metrics
}

// NewReceiver makes a Receiver. Two of one name on one Registerer panic.
func NewReceiver(n Notifier, o Options) *Receiver {
	o = o.withDefaults()
	return &Receiver{notifier: n, o: o, metrics: newMetrics(o.Registerer, o.Name)}
}

// Name returns the receiver's name.
func (r *Receiver) Name() string { return r.o.Name }

// Wants reports whether the alert is severe enough for the receiver.
func (r *Receiver) Wants(a *alert.Alert) bool {
	return rule.SeverityRank(a.Severity) >= rule.SeverityRank(r.o.Severity)
}

// Deliver tries until the receiver takes the alert or rejects it for good, until it is no use any more, or until ctx
// ends. It blocks its caller only: each receiver has its own.
func (r *Receiver) Deliver(ctx context.Context, a *alert.Alert, body []byte) Outcome {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = r.o.MinPause, r.o.MaxPause
	start := r.o.Now()
	for {
		err := r.attempt(ctx, a, body)
		switch {
		case err == nil:
			return r.ended(Sent, a, nil)
		case ctx.Err() != nil:
			return Interrupted
		case isPermanent(err):
			return r.ended(Rejected, a, err)
		}
		pause := r.pause(pauses, err)
		if r.o.Now().Add(pause).Sub(start) > r.o.GiveUp {
			return r.ended(GaveUp, a, err)
		}
		r.o.Log.Debug("try the notification again", zap.String("alert", a.ID), zap.Duration("pause", pause), zap.Error(err))
		select {
		case <-ctx.Done():
			return Interrupted
		case <-r.o.After(pause):
		}
	}
}

func (r *Receiver) attempt(ctx context.Context, a *alert.Alert, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, r.o.Attempt)
	defer cancel()
	r.metrics.attempts.Inc()
	return r.notifier.Notify(ctx, a, body)
}

func (r *Receiver) pause(pauses *backoff.ExponentialBackOff, err error) time.Duration {
	pause := pauses.NextBackOff()
	if later, ok := errors.AsType[*Later](err); ok {
		pause = max(pause, min(later.After, maxRetryAfter))
	}
	return pause
}

func (r *Receiver) ended(o Outcome, a *alert.Alert, err error) Outcome {
	r.metrics.outcomes.WithLabelValues(string(o)).Inc()
	if o != Sent {
		r.o.Log.Error("give up on a notification", zap.String("outcome", string(o)), zap.String("alert", a.ID),
			zap.String("rule", a.RuleID), zap.Error(err))
	}
	return o
}
