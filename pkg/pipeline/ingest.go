package pipeline

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/zeebo/xxh3"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/source"
)

// Ingest is the sink of all sources: records into the topics of their classes. It returns when Kafka has them with
// acks=all, so that a source may acknowledge.
type Ingest struct {
	producer   *bus.Producer
	formats    *format.Registry
	partitions map[string]int // of each records topic
	metrics    ingestMetrics
}

var _ source.Sink = (*Ingest)(nil)

type ingestMetrics struct {
	records *prometheus.CounterVec // class
	dead    *prometheus.CounterVec // reason
	bytes   prometheus.Counter
}

// NewIngest makes the sink. partitions says how many partitions each records topic has.
func NewIngest(producer *bus.Producer, formats *format.Registry, partitions map[string]int, reg prometheus.Registerer) *Ingest {
	return &Ingest{
		producer: producer, formats: formats, partitions: partitions,
		metrics: ingestMetrics{
			records: counters(reg, "shrike_ingested_records_total", "Records that Kafka has from our sources.", "class",
				event.API.String(), event.Flow.String(), event.HTTP.String(), event.DNS.String()),
			dead:  counters(reg, "shrike_ingested_dead_letters_total", "What sources could not cut into records.", "reason", reasons()...),
			bytes: counter(reg, "shrike_ingested_bytes_total", "Bytes of the records that Kafka has from our sources."),
		},
	}
}

// Records implements source.Sink.
//
// A record's partition is the hash of its bytes: that spreads any source evenly, and a record that is delivered
// twice meets itself in one partition, where detect drops it.
func (i *Ingest) Records(ctx context.Context, rs []record.Record) error {
	messages := make([]bus.Message, len(rs))
	counts := make(map[event.Class]int)
	size := 0
	for n := range rs {
		class := i.class(&rs[n])
		counts[class]++
		size += len(rs[n].Raw)
		topic := bus.TopicOf(class)
		messages[n] = bus.RecordMessage(topic, &rs[n])
		messages[n].Partition = int(xxh3.Hash(rs[n].Raw) % uint64(i.partitions[topic]))
	}
	if err := i.producer.Send(ctx, messages...); err != nil {
		return fmt.Errorf("send %d records to Kafka: %w", len(rs), err)
	}
	for class, n := range counts {
		i.metrics.records.WithLabelValues(class.String()).Add(float64(n))
	}
	i.metrics.bytes.Add(float64(size))
	return nil
}

// class decides the topic. A record that no format recognises goes with the http logs, whose parsers it most likely
// misses by a hair; store makes it a dead letter with its reason wherever it lies.
func (i *Ingest) class(r *record.Record) event.Class {
	if spec, ok := i.formats.Spec(r.Format); ok {
		return spec.Class
	}
	return event.HTTP
}

// DeadLetters implements source.Sink.
func (i *Ingest) DeadLetters(ctx context.Context, ds []record.DeadLetter) error {
	messages := make([]bus.Message, len(ds))
	for n := range ds {
		messages[n] = bus.DeadLetterMessage(&ds[n])
		messages[n].Partition = 0 // the topic's only one
	}
	if err := i.producer.Send(ctx, messages...); err != nil {
		return fmt.Errorf("send %d dead letters to Kafka: %w", len(ds), err)
	}
	for n := range ds {
		i.metrics.dead.WithLabelValues(string(ds[n].Reason)).Inc()
	}
	return nil
}
