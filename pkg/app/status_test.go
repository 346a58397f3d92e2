package app

import (
	"context"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
)

// A stage that has committed nothing yet has everything to do; by its commits alone it would have nothing.
func TestLagWithoutACommit(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	b, err := bus.New(bus.Config{Brokers: []string{kafkatest.Start(t).Addr()}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if err := b.EnsureTopics(ctx, []bus.Topic{{Name: bus.Signals, Partitions: 2, Fixed: true}}); err != nil {
		t.Fatal(err)
	}
	var messages []bus.Message
	for partition := range 2 {
		messages = append(messages, bus.Message{Topic: bus.Signals, Partition: partition, Value: []byte("x")})
	}
	if err := b.NewProducer(bus.ProducerOptions{}).Send(ctx, append(messages, messages[1])...); err != nil {
		t.Fatal(err)
	}
	if lag, _, err := progress(ctx, b, "correlate", bus.Signals); lag != 3 || err != nil {
		t.Errorf("lag %d (%v), want 3", lag, err)
	}
}
