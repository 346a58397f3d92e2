package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/embedded/kafka"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
)

// TestMain runs the broker child of TestSIGKILL when asked to, the tests otherwise.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SHRIKE_TEST_KAFKA_DIR"); dir != "" {
		serve(dir)
		return
	}
	os.Exit(m.Run())
}

// serve holds a broker until it is killed; its port is in the file "port" of the folder.
func serve(dir string) {
	b, err := kafka.Start(filepath.Join(dir, "kafka"), kafka.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	port := filepath.Join(dir, "port")
	if err := os.WriteFile(port+".tmp", []byte(b.Addr()), 0o600); err != nil {
		os.Exit(1)
	}
	if err := os.Rename(port+".tmp", port); err != nil {
		os.Exit(1)
	}
	select {}
}

func client(t *testing.T, addr string) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RecordDeliveryTimeout(3*time.Second), kgo.MaxVersions(kversion.V2_8_0())) // later ones name topics by id
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func request(t *testing.T, c *kgo.Client, r kmsg.Request) kmsg.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	resp, err := c.Request(ctx, r)
	if err != nil {
		t.Fatalf("%T: %v", r, err)
	}
	return resp
}

func createTopic(t *testing.T, c *kgo.Client, topic string, configs map[string]string) {
	t.Helper()
	r := kmsg.NewPtrCreateTopicsRequest()
	rt := kmsg.NewCreateTopicsRequestTopic()
	rt.Topic, rt.NumPartitions, rt.ReplicationFactor = topic, 1, 1
	for k, v := range configs {
		rc := kmsg.NewCreateTopicsRequestTopicConfig()
		rc.Name, rc.Value = k, new(v)
		rt.Configs = append(rt.Configs, rc)
	}
	r.Topics = append(r.Topics, rt)
	resp := request(t, c, r).(*kmsg.CreateTopicsResponse)
	if code := resp.Topics[0].ErrorCode; code != 0 {
		t.Fatalf("create topic %s: error code %d", topic, code)
	}
}

// produce appends one message and returns its offset.
func produce(c *kgo.Client, topic, value string) (int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r, err := c.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(value)}).First()
	if err != nil {
		return 0, err
	}
	return r.Offset, nil
}

func mustProduce(t *testing.T, c *kgo.Client, topic, value string) int64 {
	t.Helper()
	offset, err := produce(c, topic, value)
	if err != nil {
		t.Fatalf("produce: %v", err)
	}
	return offset
}

func commit(t *testing.T, c *kgo.Client, group, topic string, offset int64, metadata string) {
	t.Helper()
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Group, r.Generation = group, -1
	rt := kmsg.NewOffsetCommitRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewOffsetCommitRequestTopicPartition()
	rp.Offset, rp.Metadata = offset, new(metadata)
	rt.Partitions = append(rt.Partitions, rp)
	r.Topics = append(r.Topics, rt)
	resp := request(t, c, r).(*kmsg.OffsetCommitResponse)
	if code := resp.Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatalf("commit: error code %d", code)
	}
}

func committed(t *testing.T, c *kgo.Client, group, topic string) (int64, string) {
	t.Helper()
	r := kmsg.NewPtrOffsetFetchRequest()
	r.Group = group
	rt := kmsg.NewOffsetFetchRequestTopic()
	rt.Topic, rt.Partitions = topic, []int32{0}
	r.Topics = append(r.Topics, rt)
	resp := request(t, c, r).(*kmsg.OffsetFetchResponse)
	p := resp.Topics[0].Partitions[0]
	return p.Offset, *p.Metadata
}

// consume reads n messages from the offset on.
func consume(t *testing.T, addr, topic string, from int64, n int) []*kgo.Record {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(addr),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(from)}}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var got []*kgo.Record
	for len(got) < n {
		f := c.PollFetches(ctx)
		if err := f.Err(); err != nil {
			t.Fatalf("consume %s from %d: %v after %d of %d messages", topic, from, err, len(got), n)
		}
		got = append(got, f.Records()...)
	}
	return got
}

func TestRestartKeepsMessagesTopicsAndOffsets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := kafkatest.StartIn(t, dir, kafka.Options{})
	c := client(t, b.Addr())
	createTopic(t, c, "records.api", map[string]string{"retention.ms": "3600000"})
	for i := range 100 {
		mustProduce(t, c, "records.api", strconv.Itoa(i))
	}
	commit(t, c, "store", "records.api", 42, "1 pending 42-50 v1")
	c.Close()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	b = kafkatest.StartIn(t, dir, kafka.Options{})
	c = client(t, b.Addr())
	if offset, metadata := committed(t, c, "store", "records.api"); offset != 42 || metadata != "1 pending 42-50 v1" {
		t.Errorf("committed offset and metadata after restart: got %d %q, want 42 and the announcement", offset, metadata)
	}
	if got := mustProduce(t, c, "records.api", "100"); got != 100 {
		t.Errorf("offset of the first message after restart: got %d, want 100", got)
	}
	for i, r := range consume(t, b.Addr(), "records.api", 0, 101) {
		if string(r.Value) != strconv.Itoa(i) || r.Offset != int64(i) {
			t.Fatalf("message %d after restart: got %q at offset %d", i, r.Value, r.Offset)
		}
	}
}

func TestFolderIsLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kafkatest.StartIn(t, dir, kafka.Options{})
	if _, err := kafka.Start(dir, kafka.Options{Log: zap.NewNop()}); !errors.Is(err, kafka.ErrInUse) {
		t.Fatalf("second start on one folder: got %v, want ErrInUse", err)
	}
}

func TestFixedPortSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := kafkatest.StartIn(t, dir, kafka.Options{})
	addr := b.Addr()
	_, port, err := splitPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if got := kafkatest.StartIn(t, dir, kafka.Options{Port: port}).Addr(); got != addr {
		t.Errorf("address after restart on a fixed port: got %s, want %s", got, addr)
	}
}

func splitPort(addr string) (host string, port int, err error) {
	_, err = fmt.Sscanf(addr, "127.0.0.1:%d", &port)
	return "127.0.0.1", port, err
}

// TestEmptiedPartitionKeepsItsEnd is for partitions whose every message has expired: new ones must not be
// numbered from 0 again, or consumers that committed further would skip them.
func TestEmptiedPartitionKeepsItsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := kafkatest.StartIn(t, dir, kafka.Options{})
	c := client(t, b.Addr())
	createTopic(t, c, "flow", map[string]string{"retention.ms": "0"})
	for i := range 10 {
		mustProduce(t, c, "flow", strconv.Itoa(i))
	}
	for restart := range 3 {
		if err := b.ApplyRetention(); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if left := segments(t, dir); len(left) != 0 {
			t.Fatalf("segments after retention: got %v, want none", left)
		}
		b = kafkatest.StartIn(t, dir, kafka.Options{})
		c = client(t, b.Addr())
		want := int64(10 + restart)
		if got := mustProduce(t, c, "flow", "next"); got != want {
			t.Fatalf("offset after restart %d of an emptied partition: got %d, want %d", restart, got, want)
		}
		if got := consume(t, b.Addr(), "flow", 0, 1)[0]; got.Offset != want || string(got.Value) != "next" {
			t.Fatalf("first message after restart %d: got %q at %d, want \"next\" at %d", restart, got.Value, got.Offset, want)
		}
	}
}

func TestRetentionIsAppliedByItself(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := kafkatest.StartIn(t, dir, kafka.Options{RetentionEvery: 5 * time.Millisecond})
	c := client(t, b.Addr())
	createTopic(t, c, "kept", map[string]string{"retention.ms": "3600000"})
	createTopic(t, c, "flow", map[string]string{"retention.ms": "0"})
	mustProduce(t, c, "kept", "kept")
	mustProduce(t, c, "flow", "gone")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for len(segments(t, dir)) != 1 {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("segments long after they expired: got %v, want one", segments(t, dir))
		}
	}
	if got := consume(t, b.Addr(), "kept", 0, 1); string(got[0].Value) != "kept" {
		t.Errorf("message within its retention: got %q", got[0].Value)
	}
}

func segments(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "partitions", "*", "*.dat"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestSIGKILL kills the process that holds the broker, five times, while a client writes as fast as it can:
// every message that was acknowledged and every committed offset must be there afterwards.
func TestSIGKILL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acked := map[int64]string{}
	for round := range 5 {
		addr, kill := child(t, dir)
		c := client(t, addr)
		if round == 0 {
			createTopic(t, c, "records.api", nil)
		} else if offset, _ := committed(t, c, "store", "records.api"); offset != int64(round-1) {
			t.Fatalf("committed offset after kill %d: got %d, want %d", round, offset, round-1)
		}
		for i := range 300 {
			value := fmt.Sprintf("%d/%d", round, i)
			acked[mustProduce(t, c, "records.api", value)] = value
		}
		commit(t, c, "store", "records.api", int64(round), "m")
		// Writes that are under way when the kill comes may or may not be acknowledged.
		done := make(chan map[int64]string)
		started := make(chan struct{})
		go func() {
			late := map[int64]string{}
			for i := 0; ; i++ {
				value := fmt.Sprintf("%d/late/%d", round, i)
				offset, err := produce(c, "records.api", value)
				if err != nil {
					done <- late
					return
				}
				late[offset] = value
				if i == 50 {
					close(started)
				}
			}
		}()
		<-started
		kill()
		c.Close()
		maps.Copy(acked, <-done)
	}
	b := kafkatest.StartIn(t, filepath.Join(dir, "kafka"), kafka.Options{})
	got := map[int64]string{}
	last := int64(0)
	for offset := range acked {
		last = max(last, offset)
	}
	for _, r := range consume(t, b.Addr(), "records.api", 0, int(last)+1) {
		got[r.Offset] = string(r.Value)
	}
	for offset, want := range acked {
		if got[offset] != want {
			t.Fatalf("acknowledged message at offset %d after five kills: got %q, want %q", offset, got[offset], want)
		}
	}
	t.Logf("%d acknowledged messages survived five kills", len(acked))
}

// child starts this test binary as the broker's process and returns its address and what kills it.
func child(t *testing.T, dir string) (addr string, kill func()) {
	t.Helper()
	port := filepath.Join(dir, "port")
	if err := os.RemoveAll(port); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SHRIKE_TEST_KAFKA_DIR="+dir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill() // an error means that it is dead already
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		raw, err := os.ReadFile(port)
		if err == nil {
			return string(raw), kill
		}
		select {
		case <-ctx.Done():
			t.Fatal("the broker's process did not start")
		case <-tick.C:
		}
	}
}
