package http

import (
	"context"

	"github.com/shrike-sec/shrike/pkg/record"
)

// hangingSink takes nothing until its context ends.
type hangingSink struct{}

func (hangingSink) Records(ctx context.Context, _ []record.Record) error {
	<-ctx.Done()
	return ctx.Err()
}

func (hangingSink) DeadLetters(ctx context.Context, _ []record.DeadLetter) error {
	<-ctx.Done()
	return ctx.Err()
}
