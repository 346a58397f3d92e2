package file

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/source"
)

// patient offers the same batch again until the sink takes it or ctx ends: files do not run away.
type patient struct {
	next source.Sink
	log  *zap.Logger
}

func (p *patient) Records(ctx context.Context, rs []record.Record) error {
	return p.insist(ctx, func() error { return p.next.Records(ctx, rs) })
}

func (p *patient) DeadLetters(ctx context.Context, ds []record.DeadLetter) error {
	return p.insist(ctx, func() error { return p.next.DeadLetters(ctx, ds) })
}

func (p *patient) insist(ctx context.Context, send func() error) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = 100*time.Millisecond, 10*time.Second
	for {
		err := send()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.log.Warn("offer records again", zap.Error(err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pauses.NextBackOff()):
		}
	}
}
