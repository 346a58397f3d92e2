package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// How much one fetch asks for, and how long an empty one waits in the broker.
const (
	fetchBytes = 4 << 20
	fetchWait  = 500 * time.Millisecond
)

// Reader reads one partition from an offset on, without a group. It is not safe for concurrent use.
//
// kafka-go's Reader is not used: it passes a message at a time through a channel, does not check checksums,
// delivers control records, and goes on elsewhere without a word when its offset is gone.
type Reader struct {
	client    *Client
	topic     string
	partition int
	next      int64 // offset that the next fetch asks for
	end       int64 // the partition's end at the last fetch, -1 before
	buffered  []Message
}

// NewReader returns a reader whose first message is the first one at or after the offset.
func (c *Client) NewReader(topic string, partition int, from int64) *Reader {
	return &Reader{client: c, topic: topic, partition: partition, next: from, end: -1}
}

// Read waits for the next message. When its offset is not the one after the last, Kafka no longer has those in
// between. The error is ErrBeyondEnd or ctx's; everything else is retried.
func (r *Reader) Read(ctx context.Context) (Message, error) {
	for len(r.buffered) == 0 {
		var err error
		if r.buffered, err = r.fetch(ctx); err != nil {
			return Message{}, err
		}
	}
	m := r.buffered[0]
	r.buffered = r.buffered[1:]
	return m, nil
}

// ReadBatch is Read for all messages that are there: what has been fetched, or else the result of one fetch,
// which is empty when the partition had nothing new for half a second.
func (r *Reader) ReadBatch(ctx context.Context) ([]Message, error) {
	if len(r.buffered) > 0 {
		out := r.buffered
		r.buffered = nil
		return out, nil
	}
	return r.fetch(ctx)
}

// Next is the offset up to which everything has been fetched or found missing.
func (r *Reader) Next() int64 { return r.next }

// End is the partition's end at the last fetch, -1 before it.
func (r *Reader) End() int64 { return r.end }

// Close ends the reader. It holds no connection of its own.
func (r *Reader) Close() error {
	r.buffered = nil
	return nil
}

// fetch asks once for messages, and again only after errors.
func (r *Reader) fetch(ctx context.Context) (msgs []Message, err error) {
	what := fmt.Sprintf("read %s/%d", r.topic, r.partition)
	err = r.client.retry(ctx, what, func() error {
		msgs, err = r.fetchOnce(ctx)
		return err
	})
	return msgs, err
}

func (r *Reader) fetchOnce(ctx context.Context) ([]Message, error) {
	resp, err := r.client.kafka.Fetch(ctx, &kafka.FetchRequest{
		Topic: r.topic, Partition: r.partition, Offset: r.next,
		MinBytes: 1, MaxBytes: fetchBytes, MaxWait: fetchWait,
	})
	if err == nil {
		err = resp.Error
	}
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return nil, r.reposition(ctx)
	}
	if err != nil {
		return nil, err
	}
	r.end = resp.HighWatermark
	msgs, err := r.decode(resp.Records)
	if _, some := resp.Records.(*protocol.RecordStream); some && len(msgs) == 0 && err == nil {
		// The batch that holds the next offset has no record for it: a transaction's marker, or compacted
		// away. kafka-go does not tell where the batch ends.
		r.next++
	}
	return msgs, err
}

// reposition goes to the first message when the offset has expired. The gap shows in that message's offset.
func (r *Reader) reposition(ctx context.Context) error {
	p, err := r.client.listOffsets(ctx, r.topic, kafka.FirstOffsetOf(r.partition), kafka.LastOffsetOf(r.partition))
	switch {
	case err != nil:
		return err
	case r.next > p.LastOffset:
		return backoff.Permanent(fmt.Errorf("%w: at %d, asked for %d", ErrBeyondEnd, p.LastOffset, r.next))
	case r.next < p.FirstOffset:
		r.next = p.FirstOffset
	}
	return nil
}

// decode copies the records out of kafka-go's pages. A batch may begin before the offset asked for.
func (r *Reader) decode(records kafka.RecordReader) (msgs []Message, err error) {
	var a arena
	for {
		rec, err := records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return msgs, nil
		}
		if err != nil && len(msgs) > 0 {
			return msgs, nil // the next fetch begins at the broken one and says so
		}
		if err != nil {
			return nil, fmt.Errorf("decode batch: %w", err)
		}
		if rec.Offset < r.next {
			closeRecord(rec)
			continue
		}
		m := Message{Topic: r.topic, Partition: r.partition, Offset: rec.Offset, Time: rec.Time}
		m.Key, err = a.read(rec.Key)
		if err == nil {
			m.Value, err = a.read(rec.Value)
		}
		if err != nil {
			return nil, fmt.Errorf("decode record at offset %d: %w", rec.Offset, err)
		}
		if n := len(rec.Headers); n > 0 {
			m.Headers = make([]Header, n)
			for i, h := range rec.Headers {
				m.Headers[i] = Header{Key: h.Key, Value: h.Value}
			}
		}
		closeRecord(rec)
		msgs = append(msgs, m)
		r.next = rec.Offset + 1
	}
}

// read copies b into the arena.
func (a *arena) read(b kafka.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	out := a.take(b.Len())
	_, err := io.ReadFull(b, out)
	return out, err
}

// closeRecord gives kafka-go its pages back. Closing reads nothing and cannot fail.
func closeRecord(rec *kafka.Record) {
	if rec.Key != nil {
		_ = rec.Key.Close()
	}
	if rec.Value != nil {
		_ = rec.Value.Close()
	}
}
