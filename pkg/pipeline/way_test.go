package pipeline

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse/clickhousetest"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka"
	"github.com/shrike-sec/shrike/pkg/embedded/kafka/kafkatest"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/ruleset"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

// way is a Kafka with every topic, and what all stages need.
type way struct {
	t        *testing.T
	ctx      context.Context
	broker   *kafka.Broker
	bus      *bus.Client
	producer *bus.Producer
	formats  *format.Registry
	log      *zap.Logger
}

// newWay returns a fresh way; every topic has one partition but signals, which has as many as there are shards.
func newWay(t *testing.T, shards int) *way {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	w := &way{t: t, ctx: ctx, broker: kafkatest.Start(t), formats: builtin.Formats(), log: zaptest.NewLogger(t, zaptest.Level(zap.ErrorLevel))}
	w.bus = busClient(t, w.broker.Addr())
	w.producer = w.bus.NewProducer(bus.ProducerOptions{})
	for _, topic := range append(RecordTopics(), bus.DeadLetter, bus.Alerts) {
		ensure(t, ctx, w.bus, topic, 1)
	}
	ensure(t, ctx, w.bus, bus.Signals, shards)
	return w
}

// run starts a stage; the function returned stops it cleanly, and the test's end does so at the latest.
func (w *way) run(stage func(ctx context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	var ended sync.WaitGroup
	ended.Go(func() {
		if err := stage(ctx); err != nil {
			w.t.Errorf("stage: %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); ended.Wait() })
	w.t.Cleanup(stop)
	return stop
}

func (w *way) send(messages ...bus.Message) {
	w.t.Helper()
	if err := w.producer.Send(w.ctx, messages...); err != nil {
		w.t.Fatal(err)
	}
}

// calls sends CloudTrail records to partition 0 of records.api.
func (w *way) calls(calls ...call) {
	w.t.Helper()
	var messages []bus.Message
	for _, c := range calls {
		messages = append(messages, c.message())
	}
	w.send(messages...)
}

// read reads a partition from its beginning on until stop says that it has enough.
func (w *way) read(topic string, partition int, stop func(m *bus.Message) bool) {
	w.t.Helper()
	r := w.bus.NewReader(topic, partition, 0)
	for {
		m, err := r.Read(w.ctx)
		if err != nil {
			w.t.Fatalf("read %s/%d: %v", topic, partition, err)
		}
		if stop(&m) {
			return
		}
	}
}

// frames reads a shard's frames until stop says that there are enough.
func (w *way) frames(shard int, stop func(all []*match.Frame) bool) (all []*match.Frame) {
	w.t.Helper()
	var a match.Assembler
	w.read(bus.Signals, shard, func(m *bus.Message) bool {
		f, err := a.Add(m.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		if f != nil {
			all = append(all, f)
		}
		return stop(all)
	})
	return all
}

// alerts reads the topic alerts until stop says that there are enough.
func (w *way) alerts(stop func(all []alert.Alert) bool) (all []alert.Alert) {
	w.t.Helper()
	w.read(bus.Alerts, 0, func(m *bus.Message) bool {
		a, err := decodeAlert(m.Value)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, a)
		return stop(all)
	})
	return all
}

// alerted waits for an alert of the rule about the entity.
func (w *way) alerted(rule, entity string) []alert.Alert {
	w.t.Helper()
	return w.alerts(func(all []alert.Alert) bool {
		a := all[len(all)-1]
		return a.RuleID == rule && a.Entity.ID == entity
	})
}

// committed returns what a group has committed for partition 0, -1 for nothing.
func (w *way) committed(group, topic string) bus.Commit {
	w.t.Helper()
	commits, err := w.bus.GroupOffsets(w.ctx, group, topic)
	if err != nil {
		w.t.Fatal(err)
	}
	if c, ok := commits[0]; ok {
		return c
	}
	return bus.Commit{Offset: -1}
}

// commit waits until a group has committed the offset for partition 0, and returns its commit.
func (w *way) commit(group, topic string, offset int64) bus.Commit {
	w.t.Helper()
	for {
		if c := w.committed(group, topic); c.Offset == offset {
			return c
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-w.ctx.Done():
			w.t.Fatalf("group %s has not committed %d of %s", group, offset, topic)
		}
	}
}

// holds is a holder of rules that never change.
func (w *way) holds(set *rule.Set) *ruleset.Holder {
	h, err := ruleset.New(ruleset.Options{Load: func() (*rule.Set, error) { return set, nil }, Log: w.log})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func (w *way) detect(set *rule.Set, shards int) DetectOptions {
	return DetectOptions{
		Bus: w.bus, Producer: w.producer, Formats: w.formats, Rules: w.holds(set), Shards: shards, Retention: keepAll(),
		Log: w.log, Metrics: prometheus.NewRegistry(),
	}
}

func keepAll() Retention {
	return Retention{event.API: 400 * 24 * time.Hour, event.HTTP: 90 * 24 * time.Hour}
}

// call is one CloudTrail record.
type call struct {
	name, actor, id string
	at              time.Time // zero is now
}

func (c call) record() record.Record {
	now := time.Now().UTC()
	if c.at.IsZero() {
		c.at = now
	}
	raw := fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","arn":%[2]q,"accountId":"334455667788"},`+
		`"eventTime":%[4]q,"eventSource":"s3.amazonaws.com","eventName":%[1]q,"awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.7",`+
		`"userAgent":"aws-cli/2.22.35","requestParameters":null,"responseElements":null,"eventID":%[3]q,"eventType":"AwsApiCall","recipientAccountId":"334455667788"}`,
		c.name, c.actor, c.id, c.at.UTC().Format(time.RFC3339))
	return record.Record{Raw: []byte(raw), Received: now, Format: "cloudtrail", Origin: record.Origin{Source: "test", Object: "calls"}}
}

func (c call) message() bus.Message { return c.messageTo(bus.TopicOf(event.API)) }

func (c call) messageTo(topic string) bus.Message {
	r := c.record()
	m := bus.RecordMessage(topic, &r)
	m.Partition = 0
	return m
}

// rules loads rules of kind match, threshold and first_seen. Each has the actor for its group, and fires on calls of its
// own name: Once, Often (three times in ten minutes), New (a region that the actor never used, after a minute).
func rules(t testing.TB) *rule.Set { return rulesWith(t, nil) }

// rulesWith is rules and more, by id.
func rulesWith(t testing.TB, more map[string]string) *rule.Set {
	t.Helper()
	files := fstest.MapFS{}
	for id, text := range more {
		files[id+".yml"] = &fstest.MapFile{Data: []byte(text)}
	}
	for id, kind := range map[string]string{
		"once":  "dedup: 1h",
		"often": "threshold: { count: 3, within: 10m }\ndedup: 1h",
		"new":   "first_seen: { value: [region], learning: 1m }",
	} {
		files[id+".yml"] = &fstest.MapFile{Data: []byte(ruleText(id, kind))}
	}
	set, err := rule.LoadFS(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// ruleText is a rule that fires on calls of its own name.
func ruleText(id, kind string) string {
	return fmt.Sprintf(`id: %[1]s
title: "{actor} does something"
severity: high
class: api
outcome: any
when: |
  event_name == "%[2]s"
group_by: [actor]
%[3]s
attack: [T1580]
tags: [C01]
false_positives: [A test.]
runbook: Look.
tests:
  - { name: some, logs: [{ raw: "{}" }], alerts: [{ severity: high }] }
  - { name: none, logs: [{ raw: "{}" }], alerts: [] }
`, id, strings.ToUpper(id[:1])+id[1:], kind)
}
