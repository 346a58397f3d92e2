// Package source is how records come in: the contract between sources and what takes their records.
//
// A source reads the outside (files below file, HTTP requests below http), cuts it into records with package format
// and hands batches to a Sink. It acknowledges to the outside, by a saved position or a status 200, only after the
// Sink has returned nil, and the Sink returns nil only once the records are durable. A source knows nothing of Kafka.
// Start reading at Sink, then batch.go.
package source

import (
	"context"

	"github.com/shrike-sec/shrike/pkg/record"
)

// Sink takes batches of what sources read. nil means that the batch is durable and may be acknowledged; after an
// error none of it may be, and the source offers all of it again or tells its client to. A Sink blocks while its way
// is blocked: that is the back-pressure. It may be called from several goroutines and keeps no memory of a batch
// after it has returned.
type Sink interface {
	Records(ctx context.Context, rs []record.Record) error
	DeadLetters(ctx context.Context, ds []record.DeadLetter) error
}

// Source reads until it has read everything, if its kind of outside has an end, or until ctx ends; both return nil.
// Run is called once.
type Source interface {
	Name() string
	Run(ctx context.Context, sink Sink) error
}
