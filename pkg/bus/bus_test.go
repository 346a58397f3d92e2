package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
)

func newClient(t testing.TB, addr string) *bus.Client {
	t.Helper()
	c, err := bus.New(bus.Config{Brokers: []string{addr}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// setUp is a broker with the topic and a client.
func setUp(t testing.TB, topic string, partitions int) (context.Context, *bus.Client) {
	t.Helper()
	ctx := within(t, 60*time.Second)
	c := newClient(t, kafkatest.Start(t).Addr())
	if err := c.EnsureTopics(ctx, []bus.Topic{{Name: topic, Partitions: partitions}}); err != nil {
		t.Fatal(err)
	}
	return ctx, c
}

func read(t testing.TB, ctx context.Context, r *bus.Reader, n int) []bus.Message {
	t.Helper()
	var out []bus.Message
	for len(out) < n {
		m, err := r.Read(ctx)
		if err != nil {
			t.Fatalf("read message %d of %d: %v", len(out), n, err)
		}
		out = append(out, m)
	}
	return out
}

func values(msgs []bus.Message) []string {
	var out []string
	for _, m := range msgs {
		out = append(out, string(m.Value))
	}
	return out
}

func TestSendAndRead(t *testing.T) {
	t.Parallel()
	ctx, c := setUp(t, "records.api", 1)
	p := c.NewProducer(bus.ProducerOptions{MaxBatch: 10_000})
	var want []string
	var msgs []bus.Message
	for i := range 500 { // several batches
		v := fmt.Sprintf("%d %s", i, strings.Repeat("x", i))
		want = append(want, v)
		msgs = append(msgs, bus.Message{Topic: "records.api", Value: []byte(v), Key: []byte("k"),
			Headers: []bus.Header{{Key: "n", Value: fmt.Append(nil, i)}}})
	}
	if err := p.Send(ctx, msgs...); err != nil {
		t.Fatal(err)
	}
	r := c.NewReader("records.api", 0, 0)
	got := read(t, ctx, r, len(want))
	if diff := cmp.Diff(want, values(got)); diff != "" {
		t.Errorf("values read (-want +got):\n%s", diff)
	}
	for i, m := range got {
		if m.Offset != int64(i) || string(m.Key) != "k" || string(m.Headers[0].Value) != fmt.Sprint(i) || m.Time.IsZero() {
			t.Fatalf("message %d: got offset %d key %q headers %v time %v", i, m.Offset, m.Key, m.Headers, m.Time)
		}
	}
	if r.Next() != r.End() {
		t.Errorf("at the end: next is %d, want %d", r.Next(), r.End())
	}
	if got := values(read(t, ctx, c.NewReader("records.api", 0, 497), 3)); !slices.Equal(got, want[497:]) {
		t.Errorf("read from the middle of a batch: got %d values, want the last three", len(got))
	}
}

func TestSendSpreadsMessagesWithoutKeyAndKeepsKeysTogether(t *testing.T) {
	t.Parallel()
	ctx, c := setUp(t, "records.flow", 4)
	p := c.NewProducer(bus.ProducerOptions{})
	for i := range 40 {
		if err := p.Send(ctx,
			bus.Message{Topic: "records.flow", Partition: -1, Value: []byte("spread")},
			bus.Message{Topic: "records.flow", Partition: -1, Key: fmt.Append(nil, "key", i%3), Value: fmt.Append(nil, "key", i%3)},
		); err != nil {
			t.Fatal(err)
		}
	}
	home := map[string]int{}
	for partition := range 4 {
		_, end, err := c.Bounds(ctx, "records.flow", partition)
		if err != nil {
			t.Fatal(err)
		}
		spread := 0
		for _, m := range read(t, ctx, c.NewReader("records.flow", partition, 0), int(end)) {
			if m.Key == nil {
				spread++
				continue
			}
			if at, ok := home[string(m.Key)]; ok && at != partition {
				t.Errorf("key %s: in partitions %d and %d", m.Key, at, partition)
			}
			home[string(m.Key)] = partition
		}
		if spread != 10 {
			t.Errorf("messages without key in partition %d: got %d of 40, want 10", partition, spread)
		}
	}
}

func TestLargeMessages(t *testing.T) {
	t.Parallel()
	ctx, c := setUp(t, "records.api", 1)
	if err := c.EnsureTopics(ctx, []bus.Topic{{Name: "small", MaxMessage: 5000}}); err != nil {
		t.Fatal(err)
	}
	p := c.NewProducer(bus.ProducerOptions{})
	big := bytes.Repeat([]byte("x"), 1<<20)
	for range 6 { // more than one fetch
		if err := p.Send(ctx, bus.Message{Topic: "records.api", Value: big}); err != nil {
			t.Fatalf("send 1 MiB: %v", err)
		}
	}
	for _, m := range read(t, ctx, c.NewReader("records.api", 0, 0), 6) {
		if !bytes.Equal(m.Value, big) {
			t.Fatalf("1 MiB came back as %d bytes", len(m.Value))
		}
	}
	if err := p.Send(ctx, bus.Message{Topic: "small", Value: big}); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("send 1 MiB to a topic for 5000 bytes: got %v, want ErrTooLarge", err)
	}
	var msgs []bus.Message
	for i := range 20 { // together too large, each small enough
		msgs = append(msgs, bus.Message{Topic: "small", Value: fmt.Appendf(nil, "%04d%s", i, strings.Repeat("y", 1000))})
	}
	if err := p.Send(ctx, msgs...); err != nil {
		t.Fatalf("send 20 × 1 kB to a topic for 5000 bytes: %v", err)
	}
	for i, m := range read(t, ctx, c.NewReader("small", 0, 0), 20) {
		if string(m.Value[:4]) != fmt.Sprintf("%04d", i) {
			t.Errorf("message %d: got %s", i, m.Value[:4])
		}
	}
}

func TestEnsureTopics(t *testing.T) {
	t.Parallel()
	ctx, c := setUp(t, "records.api", 2)
	topics := []bus.Topic{{Name: "signals", Partitions: 4, Fixed: true, Retention: time.Hour}, {Name: "records.api", Partitions: 9}}
	for range 2 {
		if err := c.EnsureTopics(ctx, topics); err != nil {
			t.Fatal(err)
		}
	}
	for topic, want := range map[string]int{"signals": 4, "records.api": 2} {
		if got, err := c.Partitions(ctx, topic); err != nil || got != want {
			t.Errorf("partitions of %s: got %d, %v, want %d", topic, got, err, want)
		}
	}
	topics[0].Partitions = 5
	if err := c.EnsureTopics(ctx, topics); !errors.Is(err, bus.ErrPartitions) {
		t.Errorf("other number of partitions: got %v, want ErrPartitions", err)
	}
}

func TestEnsureTopicsCorrectsRetention(t *testing.T) {
	t.Parallel()
	ctx := within(t, 30*time.Second)
	b := kafkatest.Start(t)
	c := newClient(t, b.Addr())
	topic := bus.Topic{Name: "records.api", Retention: time.Hour}
	if err := c.EnsureTopics(ctx, []bus.Topic{topic}); err != nil {
		t.Fatal(err)
	}
	old := bus.Message{Topic: "records.api", Value: []byte("old"), Time: time.Now().Add(-30 * time.Minute)}
	if err := c.NewProducer(bus.ProducerOptions{}).Send(ctx, old, old); err != nil {
		t.Fatal(err)
	}
	bounds := func() [2]int64 {
		if err := b.ApplyRetention(); err != nil {
			t.Fatal(err)
		}
		first, end, err := c.Bounds(ctx, "records.api", 0)
		if err != nil {
			t.Fatal(err)
		}
		return [2]int64{first, end}
	}
	if got := bounds(); got != [2]int64{0, 2} {
		t.Fatalf("bounds within the retention: got %v, want 0 to 2", got)
	}
	topic.Retention = time.Minute
	if err := c.EnsureTopics(ctx, []bus.Topic{topic}); err != nil {
		t.Fatal(err)
	}
	if got := bounds(); got != [2]int64{2, 2} {
		t.Fatalf("bounds after the retention was shortened: got %v, want 2 to 2", got)
	}
}

func TestOffsetAt(t *testing.T) {
	t.Parallel()
	ctx, c := setUp(t, "signals", 1)
	start := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	p := c.NewProducer(bus.ProducerOptions{})
	for i := range 10 {
		if err := p.Send(ctx, bus.Message{Topic: "signals", Value: []byte("s"), Time: start.Add(time.Duration(i) * time.Minute)}); err != nil {
			t.Fatal(err)
		}
	}
	for after, want := range map[time.Duration]int64{-time.Hour: 0, 0: 0, time.Second: 1, 5 * time.Minute: 5, time.Hour: 10} {
		if got, err := c.OffsetAt(ctx, "signals", 0, start.Add(after)); err != nil || got != want {
			t.Errorf("offset at start%+v: got %d, %v, want %d", after, got, err, want)
		}
	}
}

func TestReaderShowsExpiredOffsetsAndRefusesThoseBeyondTheEnd(t *testing.T) {
	t.Parallel()
	ctx := within(t, 30*time.Second)
	b := kafkatest.Start(t)
	c := newClient(t, b.Addr())
	if err := c.EnsureTopics(ctx, []bus.Topic{{Name: "records.api", Retention: time.Minute}}); err != nil {
		t.Fatal(err)
	}
	p := c.NewProducer(bus.ProducerOptions{})
	send := func(v string, at time.Time) {
		if err := p.Send(ctx, bus.Message{Topic: "records.api", Value: []byte(v), Time: at}); err != nil {
			t.Fatal(err)
		}
	}
	send("0", time.Now().Add(-time.Hour))
	send("1", time.Now().Add(-time.Hour))
	send("2", time.Now())
	if err := b.ApplyRetention(); err != nil {
		t.Fatal(err)
	}
	if m := read(t, ctx, c.NewReader("records.api", 0, 0), 1)[0]; m.Offset != 2 || string(m.Value) != "2" {
		t.Errorf("first message after expiry: got %q at %d, want \"2\" at 2", m.Value, m.Offset)
	}
	if _, err := c.NewReader("records.api", 0, 4).Read(ctx); !errors.Is(err, bus.ErrBeyondEnd) {
		t.Errorf("read from beyond the end: got %v, want ErrBeyondEnd", err)
	}
	if m, err := c.NewReader("records.api", 0, 3).ReadBatch(ctx); err != nil || len(m) != 0 {
		t.Errorf("read at the end: got %d messages, %v, want none", len(m), err)
	}
}

// Transactions, which others may use, leave markers that have offsets but are no messages.
func TestReaderPassesTransactionMarkers(t *testing.T) {
	t.Parallel()
	ctx := within(t, 30*time.Second)
	addr := kafkatest.Start(t).Addr()
	c := newClient(t, addr)
	if err := c.EnsureTopics(ctx, []bus.Topic{{Name: "records.api"}}); err != nil {
		t.Fatal(err)
	}
	other, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.TransactionalID("other"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, v := range []string{"0", "2"} {
		if err := other.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := other.ProduceSync(ctx, &kgo.Record{Topic: "records.api", Value: []byte(v)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := other.EndTransaction(ctx, kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
	}
	for _, from := range []int64{0, 1} {
		r := c.NewReader("records.api", 0, from)
		m := read(t, ctx, r, 2-int(from))
		if last := m[len(m)-1]; last.Offset != 2 || string(last.Value) != "2" {
			t.Errorf("from %d: got %q at %d, want \"2\" at 2", from, last.Value, last.Offset)
		}
		for r.Next() < 4 {
			if m, err := r.ReadBatch(ctx); err != nil || len(m) > 0 {
				t.Fatalf("at the last marker: got %v, %v", m, err)
			}
		}
		if r.Next() != r.End() {
			t.Errorf("behind the last marker: next is %d, want %d", r.Next(), r.End())
		}
	}
}

// Kafka comes up late and goes away in between; Send and Read wait, and the log names the address.
func TestWaitsForKafka(t *testing.T) {
	t.Parallel()
	ctx := within(t, 60*time.Second)
	dir := t.TempDir()
	b, err := kafka.Start(dir, kafka.Options{})
	if err != nil {
		t.Fatal(err)
	}
	addr := b.Addr()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	core, logs := observer.New(zap.WarnLevel)
	c, err := bus.New(bus.Config{Brokers: []string{addr}}, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Ping(ctx); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("ping while Kafka is away: got %v, want an error that names %s", err, addr)
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if err := c.EnsureTopics(short, []bus.Topic{{Name: "records.api"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("topics while Kafka is away: got %v, want the context's error", err)
	}
	if got := logs.FilterField(zap.Strings("brokers", []string{addr})).Len(); got == 0 {
		t.Errorf("warnings that name %s: got none in %v", addr, logs.All())
	}

	var port int
	if _, err := fmt.Sscanf(addr, "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	b = kafkatest.StartIn(t, dir, kafka.Options{Port: port})
	if err := c.EnsureTopics(ctx, []bus.Topic{{Name: "records.api"}}); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	var sent sync.WaitGroup
	sent.Go(func() {
		if err := c.NewProducer(bus.ProducerOptions{}).Send(ctx, bus.Message{Topic: "records.api", Value: []byte("late")}); err != nil {
			t.Errorf("send while Kafka was away: %v", err)
		}
	})
	kafkatest.StartIn(t, dir, kafka.Options{Port: port})
	if got := read(t, ctx, c.NewReader("records.api", 0, 0), 1)[0]; string(got.Value) != "late" {
		t.Errorf("message: got %q", got.Value)
	}
	sent.Wait()
}
