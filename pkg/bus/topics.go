package bus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"
)

// maxMessage is the default of Topic.MaxMessage: values of 1 MiB and their headers, in batches.
const maxMessage = 2 << 20

// Topic is what EnsureTopics makes true.
type Topic struct {
	Name        string
	Partitions  int           // at creation; less than 1 is 1
	Fixed       bool          // another number of partitions is an error, because keys would change places
	Retention   time.Duration // 0 keeps messages for ever
	MaxMessage  int           // bytes of one batch; 0 is 2 MiB
	Replication int           // at creation; less than 1 is 1
}

func (t Topic) configs() map[string]string {
	retention, size := int64(-1), t.MaxMessage
	if t.Retention > 0 {
		retention = t.Retention.Milliseconds()
	}
	if size == 0 {
		size = maxMessage
	}
	return map[string]string{
		"retention.ms":      strconv.FormatInt(retention, 10),
		"cleanup.policy":    "delete",
		"max.message.bytes": strconv.Itoa(size),
	}
}

// EnsureTopics makes the topics that are missing and corrects the settings (not the partitions) of the others.
// It waits for Kafka until ctx ends. The error is ErrPartitions, ctx's, or what Kafka refuses.
func (c *Client) EnsureTopics(ctx context.Context, topics []Topic) error {
	return c.retry(ctx, "prepare topics", func() error { return c.ensureTopics(ctx, topics) })
}

func (c *Client) ensureTopics(ctx context.Context, topics []Topic) error {
	have, err := c.partitionCounts(ctx)
	if err != nil {
		return err
	}
	var missing, there []Topic
	for _, t := range topics {
		n := have[t.Name]
		switch {
		case n == 0:
			missing = append(missing, t)
		case t.Fixed && n != max(t.Partitions, 1):
			return backoff.Permanent(fmt.Errorf("topic %s: %w: it has %d, configured are %d", t.Name, ErrPartitions, n, t.Partitions))
		default:
			there = append(there, t)
		}
	}
	if err := c.createTopics(ctx, missing); err != nil {
		return err
	}
	return c.correctTopics(ctx, there)
}

// partitionCounts is by topic.
func (c *Client) partitionCounts(ctx context.Context) (map[string]int, error) {
	m, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int, len(m.Topics))
	for _, t := range m.Topics {
		counts[t.Name] = len(t.Partitions)
	}
	return counts, nil
}

func (c *Client) createTopics(ctx context.Context, topics []Topic) error {
	if len(topics) == 0 {
		return nil
	}
	req := &kafka.CreateTopicsRequest{}
	for _, t := range topics {
		tc := kafka.TopicConfig{
			Topic: t.Name, NumPartitions: max(t.Partitions, 1), ReplicationFactor: max(t.Replication, 1),
		}
		for k, v := range t.configs() {
			tc.ConfigEntries = append(tc.ConfigEntries, kafka.ConfigEntry{ConfigName: k, ConfigValue: v})
		}
		req.Topics = append(req.Topics, tc)
	}
	resp, err := c.kafka.CreateTopics(ctx, req)
	if err != nil {
		return err
	}
	for topic, err := range resp.Errors {
		switch {
		case errors.Is(err, kafka.TopicAlreadyExists):
			// Another process was faster, and the cached metadata did not know.
		case errors.Is(err, kafka.InvalidReplicationFactor), errors.Is(err, kafka.InvalidTopic),
			errors.Is(err, kafka.TopicAuthorizationFailed), errors.Is(err, kafka.ClusterAuthorizationFailed):
			return backoff.Permanent(fmt.Errorf("create topic %s: %w", topic, err))
		case err != nil:
			return fmt.Errorf("create topic %s: %w", topic, err)
		default:
			c.log.Info("created topic", zap.String("topic", topic))
		}
	}
	return nil
}

// correctTopics changes the settings that differ.
func (c *Client) correctTopics(ctx context.Context, topics []Topic) error {
	if len(topics) == 0 {
		return nil
	}
	describe := &kafka.DescribeConfigsRequest{}
	want := map[string]map[string]string{}
	for _, t := range topics {
		want[t.Name] = t.configs()
		describe.Resources = append(describe.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: t.Name,
		})
	}
	resp, err := c.kafka.DescribeConfigs(ctx, describe)
	if err != nil {
		return err
	}
	alter := &kafka.IncrementalAlterConfigsRequest{}
	for _, r := range resp.Resources {
		if r.Error != nil {
			return fmt.Errorf("read settings of topic %s: %w", r.ResourceName, r.Error)
		}
		change := kafka.IncrementalAlterConfigsRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: r.ResourceName,
		}
		for _, e := range r.ConfigEntries {
			if v, ours := want[r.ResourceName][e.ConfigName]; ours && v != e.ConfigValue {
				change.Configs = append(change.Configs, kafka.IncrementalAlterConfigsRequestConfig{Name: e.ConfigName, Value: v})
			}
		}
		if len(change.Configs) > 0 {
			alter.Resources = append(alter.Resources, change)
		}
	}
	return c.alterTopics(ctx, alter)
}

func (c *Client) alterTopics(ctx context.Context, req *kafka.IncrementalAlterConfigsRequest) error {
	if len(req.Resources) == 0 {
		return nil
	}
	resp, err := c.kafka.IncrementalAlterConfigs(ctx, req)
	if err != nil {
		return err
	}
	for _, r := range resp.Resources {
		if r.Error != nil {
			return fmt.Errorf("change settings of topic %s: %w", r.ResourceName, r.Error)
		}
		c.log.Info("changed topic's settings", zap.String("topic", r.ResourceName))
	}
	return nil
}

// Partitions is how many partitions the topic has. It waits for Kafka, and for the topic, until ctx ends.
func (c *Client) Partitions(ctx context.Context, topic string) (n int, err error) {
	err = c.retry(ctx, "find topic "+topic, func() error {
		n, err = c.partitions(ctx, topic)
		return err
	})
	return n, err
}

// partitions asks the transport's cache, which costs less than keeping one here.
func (c *Client) partitions(ctx context.Context, topic string) (int, error) {
	m, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return 0, err
	}
	for _, t := range m.Topics {
		if t.Name == topic && t.Error == nil && len(t.Partitions) > 0 {
			return len(t.Partitions), nil
		}
	}
	return 0, fmt.Errorf("topic %s: %w", topic, kafka.UnknownTopicOrPartition)
}

// Bounds is the offset of the partition's first message and the one its next message will get.
func (c *Client) Bounds(ctx context.Context, topic string, partition int) (first, end int64, err error) {
	err = c.retry(ctx, fmt.Sprintf("find bounds of %s/%d", topic, partition), func() error {
		p, err := c.listOffsets(ctx, topic, kafka.FirstOffsetOf(partition), kafka.LastOffsetOf(partition))
		first, end = p.FirstOffset, p.LastOffset
		return err
	})
	return first, end, err
}

// OffsetAt is the offset of the first message whose time is t or later, and the partition's end when there
// is none.
func (c *Client) OffsetAt(ctx context.Context, topic string, partition int, t time.Time) (offset int64, err error) {
	err = c.retry(ctx, fmt.Sprintf("find offset in %s/%d", topic, partition), func() error {
		// The end is asked first: a message that arrives in between may be found, never missed.
		end, err := c.listOffsets(ctx, topic, kafka.LastOffsetOf(partition))
		if err != nil {
			return err
		}
		at, err := c.listOffsets(ctx, topic, kafka.TimeOffsetOf(partition, t))
		if err != nil {
			return err
		}
		offset = end.LastOffset
		for o := range at.Offsets {
			if o >= 0 {
				offset = o
			}
		}
		return nil
	})
	return offset, err
}

func (c *Client) listOffsets(ctx context.Context, topic string, of ...kafka.OffsetRequest) (kafka.PartitionOffsets, error) {
	resp, err := c.kafka.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: of}})
	if err != nil {
		return kafka.PartitionOffsets{}, err
	}
	if len(resp.Topics[topic]) != 1 {
		return kafka.PartitionOffsets{}, kafka.UnknownTopicOrPartition
	}
	p := resp.Topics[topic][0]
	return p, p.Error
}
