package bus

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"
)

// ProducerOptions tune a Producer.
type ProducerOptions struct {
	MaxBatch int // bytes of one request to one partition; 0 is 1 MiB. A larger message goes alone.
}

// Producer sends messages. It holds nothing back and has nothing to close: what Send has returned for is in
// Kafka. It is safe for concurrent use.
//
// kafka-go's Writer is not used: it waits for a batch to fill or a timer to end, which a caller that already
// has a batch pays as latency. Neither can produce idempotently, so a retry may write a message twice.
type Producer struct {
	client   *Client
	maxBatch int
	turn     atomic.Uint32 // of the next batch of messages without a key
}

// NewProducer returns a producer on the client's connections.
func (c *Client) NewProducer(o ProducerOptions) *Producer {
	if o.MaxBatch <= 0 {
		o.MaxBatch = 1 << 20
	}
	return &Producer{client: c, maxBatch: o.MaxBatch}
}

type place struct {
	topic     string
	partition int
}

// batch is one request. Its messages are copies: an attempt that was given up may still be encoding them when
// Send has returned and the caller reuses its buffers.
type batch struct {
	place
	messages []Message
	bytes    int
	arena
}

// add copies the message's key and value. Headers are small, and nobody reuses them.
func (b *batch) add(m *Message, size int) {
	c := *m
	c.Key, c.Value = b.copy(m.Key), b.copy(m.Value)
	b.messages = append(b.messages, c)
	b.bytes += size
}

// Send returns nil when Kafka has all messages with acks=all. It retries with back-off until ctx ends; then
// some of the messages may be in Kafka. Messages of one call to one partition keep their order. ErrTooLarge
// means that a message is larger than its topic allows; the others may or may not have been sent.
func (p *Producer) Send(ctx context.Context, msgs ...Message) error {
	if len(msgs) == 0 {
		return nil
	}
	byPlace, err := p.batches(ctx, msgs)
	if err != nil {
		return err
	}
	if len(byPlace) == 1 {
		for _, batches := range byPlace {
			return p.sendInOrder(ctx, batches)
		}
	}
	g, ctx := errgroup.WithContext(ctx) // one goroutine a partition; Wait below
	for _, batches := range byPlace {
		g.Go(func() error { return p.sendInOrder(ctx, batches) })
	}
	return g.Wait()
}

// batches cuts the messages into requests, in order by partition.
func (p *Producer) batches(ctx context.Context, msgs []Message) (map[place][]*batch, error) {
	out := map[place][]*batch{}
	counts := map[string]int{}
	spread := map[string]int{} // topic → partition of messages without a key, until their batch is full
	for i := range msgs {
		m := &msgs[i]
		n, ok := counts[m.Topic]
		if !ok {
			var err error
			if n, err = p.client.Partitions(ctx, m.Topic); err != nil {
				return nil, err
			}
			counts[m.Topic], spread[m.Topic] = n, int(p.turn.Add(1))%n
		}
		at := place{m.Topic, m.Partition}
		switch {
		case m.Partition >= 0:
		case len(m.Key) > 0:
			at.partition = hash(m.Key, n)
		default:
			at.partition = spread[m.Topic]
		}
		size := sizeOf(m)
		batches := out[at]
		if len(batches) == 0 || batches[len(batches)-1].bytes+size > p.maxBatch {
			batches = append(batches, &batch{place: at})
			out[at] = batches
			if len(batches) > 1 && m.Partition < 0 && len(m.Key) == 0 {
				spread[m.Topic] = int(p.turn.Add(1)) % n
			}
		}
		batches[len(batches)-1].add(m, size)
	}
	return out, nil
}

// hash is Java's, so that other clients put a key in the same partition.
func hash(key []byte, partitions int) int {
	all := make([]int, partitions)
	for i := range all {
		all[i] = i
	}
	return kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: key}, all...)
}

// sizeOf is at least what the message takes in a batch.
func sizeOf(m *Message) int {
	const overhead = 32
	n := overhead + len(m.Key) + len(m.Value)
	for i := range m.Headers {
		n += len(m.Headers[i].Key) + len(m.Headers[i].Value) + 10
	}
	return n
}

func recordOf(m *Message) kafka.Record {
	r := kafka.Record{Time: m.Time}
	if m.Key != nil {
		r.Key = kafka.NewBytes(m.Key)
	}
	if m.Value != nil {
		r.Value = kafka.NewBytes(m.Value)
	}
	if len(m.Headers) > 0 {
		r.Headers = make([]kafka.Header, len(m.Headers))
		for i, h := range m.Headers {
			r.Headers[i] = kafka.Header{Key: h.Key, Value: h.Value}
		}
	}
	return r
}

func (p *Producer) sendInOrder(ctx context.Context, batches []*batch) error {
	for _, b := range batches {
		if err := p.send(ctx, b.place, b.messages); err != nil {
			return err
		}
	}
	return nil
}

// send produces the messages, in halves when the topic allows less than this producer's batches.
func (p *Producer) send(ctx context.Context, at place, msgs []Message) error {
	what := fmt.Sprintf("send to %s/%d", at.topic, at.partition)
	err := p.client.retry(ctx, what, func() error { return p.produce(ctx, at, msgs) })
	if !errors.Is(err, ErrTooLarge) || len(msgs) == 1 {
		return err
	}
	half := len(msgs) / 2
	if err := p.send(ctx, at, msgs[:half]); err != nil {
		return err
	}
	return p.send(ctx, at, msgs[half:])
}

// produce is one attempt.
func (p *Producer) produce(ctx context.Context, at place, msgs []Message) error {
	records := make([]kafka.Record, len(msgs))
	for i := range msgs {
		records[i] = recordOf(&msgs[i])
	}
	resp, err := p.client.kafka.Produce(ctx, &kafka.ProduceRequest{
		Topic: at.topic, Partition: at.partition, RequiredAcks: kafka.RequireAll,
		Records: kafka.NewRecordReader(records...),
	})
	if err == nil {
		err = resp.Error
	}
	if errors.Is(err, kafka.MessageSizeTooLarge) || errors.Is(err, kafka.RecordListTooLarge) {
		return backoff.Permanent(fmt.Errorf("%w: %w", ErrTooLarge, err))
	}
	return err
}
