package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/redact"
	"github.com/shrike-sec/shrike/pkg/store"
)

// StoreOptions is what the store stage needs. All are required but Redact.
type StoreOptions struct {
	Bus       *bus.Client
	Producer  *bus.Producer
	Store     *store.Store
	Formats   *format.Registry
	Retention Retention
	Redact    *redact.Rules // which secrets are not stored; nil is the built-in list
	Log       *zap.Logger
	Metrics   prometheus.Registerer
}

const (
	storeMessages = 50_000 // rows of one block: more costs memory, fewer cost parts
	storeBytes    = 48 << 20
	storeWait     = time.Second
)

// Store writes records, dead letters and alerts to ClickHouse until ctx ends, each exactly once.
//
// What cannot be parsed becomes a row of the table dead_letter within the record's own range, not a message: the
// record itself is in Kafka already, and one insert token then covers all that became of a range, which makes the
// audit exact. The topic dead_letter carries what never was a record.
func Store(ctx context.Context, o StoreOptions) error {
	o.Redact = cmp.Or(o.Redact, redact.Default())
	s := &storer{
		StoreOptions: o,
		metrics:      newParseMetrics(o.Metrics, "store"),
		parsers: newPartitioned(func() *parser {
			return &parser{decoder: format.NewDecoder(o.Formats), keep: o.Retention, redactor: redact.New(o.Redact)}
		}),
	}
	return Ranges(ctx, o.Bus, RangeOptions{
		Group: "store", Topics: append(RecordTopics(), bus.DeadLetter, bus.Alerts), Version: s.version,
		MaxMessages: storeMessages, MaxBytes: storeBytes, MaxWait: storeWait,
		Epoch: s.epoch, Do: s.do, Log: o.Log, Registerer: o.Metrics,
	})
}

type storer struct {
	StoreOptions
	metrics *parseMetrics
	parsers *partitioned[parser]
}

func (s *storer) version() string { return version(s.Formats, s.Redact) }

// epoch decides where to begin a partition that the group has no commit for. Kafka forgets the offsets of an idle
// group, so ClickHouse is asked how far it has come; a topic that ends before that, or of which nothing is stored, is
// a new one and gets a new epoch, so that it does not meet the tokens of the old.
func (s *storer) epoch(ctx context.Context, topic string, partition int, first, end int64) (uint64, int64, error) {
	epoch, to, ok, err := s.Store.Highest(ctx, topic, partition)
	if err != nil {
		return 0, 0, fmt.Errorf("ask ClickHouse how far %s/%d is stored: %w", topic, partition, err)
	}
	if !ok || end < to {
		return max(epoch+1, uint64(time.Now().UnixMilli())), first, nil
	}
	return epoch, to, nil
}

func (s *storer) do(ctx context.Context, r *Range) error {
	started := time.Now()
	p := s.parsers.of(r)
	p.tally = tally{}
	classes := make(map[event.Class]int)
	b := store.NewBatch(store.Range{Epoch: r.Epoch, Topic: r.Topic, Partition: r.Partition, From: r.From, To: r.To})
	for _, hole := range r.Holes {
		b.Hole(hole[0], hole[1])
	}
	for i := range r.Messages {
		if err := s.add(b, p, &r.Messages[i], r.Epoch, classes); err != nil {
			return err
		}
	}
	if err := s.Store.Insert(ctx, b, r.Replay); err != nil {
		return fmt.Errorf("store %s: %w", r, err)
	}
	if err := lost(ctx, s.Producer, "store", r); err != nil {
		return err
	}
	s.metrics.add(&p.tally, classes)
	s.metrics.seconds.Observe(time.Since(started).Seconds())
	return nil
}

func (s *storer) add(b *store.Batch, p *parser, m *bus.Message, epoch uint64, classes map[event.Class]int) error {
	switch m.Topic {
	case bus.Alerts:
		a, err := decodeAlert(m.Value)
		if err != nil {
			s.bury(b, p, m, err)
			return nil
		}
		b.Alert(&a, m.Offset)
	case bus.DeadLetter:
		d, err := bus.ReadDeadLetter(m)
		if err != nil {
			s.bury(b, p, m, err)
			return nil
		}
		if d.Received.IsZero() {
			d.Received = m.Time
		}
		p.redactor.DeadLetter(&d)
		b.DeadLetter(&d, m.Offset)
	default:
		controls := p.tally.controls
		p.message(m, func(e *event.Event) {
			classes[e.Class]++
			e.Position = record.Position{Epoch: epoch, Topic: m.Topic, Partition: m.Partition, Offset: m.Offset}
			p.redactor.Event(e)
			b.Event(e)
		}, func(d *record.DeadLetter) {
			p.redactor.DeadLetter(d)
			b.DeadLetter(d, m.Offset)
		})
		if p.tally.controls > controls {
			b.Control(m.Offset)
		}
	}
	return nil
}

// bury keeps a message of our own topics that cannot be read.
func (s *storer) bury(b *store.Batch, p *parser, m *bus.Message, why error) {
	d := record.DeadLetter{
		Record: record.Record{Raw: m.Value, Received: m.Time, Origin: record.Origin{Source: m.Topic, Offset: m.Offset}},
		Reason: record.ReasonSyntax, Detail: why.Error(), Size: int64(len(m.Value)),
	}
	p.redactor.DeadLetter(&d)
	b.DeadLetter(&d, m.Offset)
}
