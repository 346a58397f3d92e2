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

// The shard that time is furthest back in speaks for correlate: one that does not know its time yet, else the earliest, and a
// commit without a word of it never. Deleting the condition on known makes this fail.
func TestEventTimeOfTheSlowestShard(t *testing.T) {
	t.Parallel()
	says := func(text string) bus.Commit { return bus.Commit{Offset: 1, Metadata: text} }
	early, late := says(`{"watermark":1000000000,"slowest":{"topic":"records.api","partition":2,"behind":7200000000000,"silent":600000000000}}`), says(`{"watermark":2000000000}`)
	for name, c := range map[string]struct {
		commits map[int]bus.Commit
		reached int64
		heldBy  string
	}{
		"none":    {map[int]bus.Commit{0: {}}, 0, ""},
		"two":     {map[int]bus.Commit{0: late, 1: early, 2: {}}, 1, "records.api/2, 2h0m0s behind, silent for 10m0s"},
		"one":     {map[int]bus.Commit{0: {}, 1: late}, 2, ""},
		"unknown": {map[int]bus.Commit{0: early, 1: says(`{"watermark":-9223372036854775808,"slowest":{"topic":"records.http","partition":0,"behind":60000000000}}`)}, 0, "records.http/0, 1m0s behind"},
	} {
		reached, heldBy := eventTime(c.commits)
		if want := time.Unix(c.reached, 0); c.reached == 0 && !reached.IsZero() || c.reached != 0 && !reached.Equal(want) || heldBy != c.heldBy {
			t.Errorf("%s: %s, held by %q; want %s and %q", name, reached, heldBy, want, c.heldBy)
		}
	}
}
