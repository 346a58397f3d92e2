package http

import (
	"context"
	"io"
	nethttp "net/http"
	"time"

	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/source"
)

// timedReader gives a body a new deadline with each read: a slow client may take as long as it likes, a silent one
// may not hold a connection.
type timedReader struct {
	in      io.Reader
	conn    *nethttp.ResponseController
	timeout time.Duration
}

func (t *timedReader) Read(p []byte) (int, error) {
	_ = t.conn.SetReadDeadline(time.Now().Add(t.timeout)) // not every ResponseWriter has one
	n, err := t.in.Read(p)
	if err == io.EOF { // a reader's own EOF is never wrapped
		_ = t.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}

// timedSink bounds each batch and remembers whether the sink failed, to tell its errors from the body's.
type timedSink struct {
	next    source.Sink
	timeout time.Duration
	failed  bool
}

func (t *timedSink) Records(ctx context.Context, rs []record.Record) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	err := t.next.Records(ctx, rs)
	t.failed = t.failed || err != nil
	return err
}

func (t *timedSink) DeadLetters(ctx context.Context, ds []record.DeadLetter) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	err := t.next.DeadLetters(ctx, ds)
	t.failed = t.failed || err != nil
	return err
}
