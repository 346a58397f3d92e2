// Package bus carries messages through Kafka: topics, sending, reading, consumer groups, and how records,
// dead letters and the rest are laid out as messages. It is the only importer of kafka-go.
//
// Start reading at Client. Producer.Send returns when Kafka has the messages with acks=all. Reader reads one
// partition, without a group, and never skips silently: offsets that are not consecutive show in the messages.
// RunGroup shares the partitions of topics among the members of a consumer group; a Claim is one partition for
// one generation of the group and commits with metadata, fenced by generation and member. What a commit means
// is the caller's business (package pipeline): this package knows no stages.
//
// Brokers that are away are waited for, with back-off and a warning that names them, until the context ends.
package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
	"go.uber.org/zap"
)

var (
	// ErrFenced is returned by Claim.Commit when the claim's generation is over: somebody else owns the partition.
	ErrFenced = errors.New("partition belongs to another member")
	// ErrPartitions is returned by EnsureTopics when a topic of fixed partition count has another count.
	ErrPartitions = errors.New("wrong number of partitions")
	// ErrTooLarge is returned by Producer.Send for a message that the topic does not take.
	ErrTooLarge = errors.New("message too large for its topic")
	// ErrBeyondEnd is returned by Reader when the topic ends before the offset to read: it was made anew.
	ErrBeyondEnd = errors.New("topic ends before the offset to read")
)

// Config says where Kafka is and how to get in.
type Config struct {
	Brokers   []string    // host:port, at least one
	ClientID  string      // shown in the broker's logs; "" is "shrike"
	TLS       *tls.Config // nil is plain TCP
	User      string      // with Mechanism
	Password  string      // with Mechanism
	Mechanism string      // "" (no authentication), "plain", "scram-sha-256" or "scram-sha-512"
	// Session is how long a group waits for a member that died before its partitions go to others. 0 is six
	// seconds, the least that brokers allow by default.
	Session time.Duration
}

// Client talks to one Kafka cluster. It is safe for concurrent use.
type Client struct {
	brokers   []string
	transport *kafka.Transport
	kafka     *kafka.Client
	session   time.Duration
	dialer    *kafka.Dialer // the consumer group protocol does not use the transport
	log       *zap.Logger
}

const (
	dialTimeout = 3 * time.Second
	// requestTimeout bounds one attempt. It is long, because an attempt that is given up may still succeed
	// and then shows as a duplicate.
	requestTimeout = 30 * time.Second
	// metadataTTL bounds how long a new leader or a returned broker goes unnoticed.
	metadataTTL = 3 * time.Second
)

// New returns a client; it connects at its first use.
func New(cfg Config, log *zap.Logger) (*Client, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("no Kafka broker address")
	}
	mechanism, err := mechanism(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.ClientID == "" {
		cfg.ClientID = "shrike"
	}
	if cfg.Session <= 0 {
		cfg.Session = 6 * time.Second
	}
	if log == nil {
		log = zap.NewNop()
	}
	c := &Client{brokers: slices.Clone(cfg.Brokers), session: cfg.Session, log: log.Named("bus")}
	c.transport = &kafka.Transport{
		Dial:        (&net.Dialer{Timeout: dialTimeout}).DialContext,
		DialTimeout: dialTimeout,
		MetadataTTL: metadataTTL,
		ClientID:    cfg.ClientID,
		TLS:         cfg.TLS,
		SASL:        mechanism,
	}
	c.kafka = &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Timeout: requestTimeout, Transport: c.transport}
	c.dialer = &kafka.Dialer{ClientID: cfg.ClientID, Timeout: dialTimeout, TLS: cfg.TLS, SASLMechanism: mechanism}
	return c, nil
}

func mechanism(cfg Config) (sasl.Mechanism, error) {
	switch cfg.Mechanism {
	case "":
		return nil, nil
	case "plain":
		return plain.Mechanism{Username: cfg.User, Password: cfg.Password}, nil
	case "scram-sha-256":
		return scram.Mechanism(scram.SHA256, cfg.User, cfg.Password)
	case "scram-sha-512":
		return scram.Mechanism(scram.SHA512, cfg.User, cfg.Password)
	}
	return nil, fmt.Errorf("unknown SASL mechanism %q (one of plain, scram-sha-256, scram-sha-512)", cfg.Mechanism)
}

// Ping asks the cluster for its metadata, once. The error names the brokers.
func (c *Client) Ping(ctx context.Context) error {
	if _, err := c.kafka.Metadata(ctx, &kafka.MetadataRequest{}); err != nil {
		return fmt.Errorf("reach Kafka at %s: %w", c.addresses(), err)
	}
	return nil
}

// Close closes the connections. Readers, producers and groups must have ended before.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

func (c *Client) addresses() string { return strings.Join(c.brokers, ", ") }

const (
	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
	warnEvery  = 10 * time.Second
)

// retry calls do until it succeeds, says that the error is permanent (backoff.Permanent) or ctx ends. The first
// failure and then one every ten seconds is logged.
func (c *Client) retry(ctx context.Context, what string, do func() error) error {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = firstRetry, lastRetry
	var warned time.Time
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, do() },
		backoff.WithBackOff(b), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, in time.Duration) {
			if ctx.Err() == nil && time.Since(warned) >= warnEvery {
				warned = time.Now()
				c.log.Warn("waiting for Kafka", zap.String("to", what), zap.Strings("brokers", c.brokers),
					zap.Duration("retry_in", in), zap.Error(err))
			}
		}))
	if err == nil {
		return nil
	}
	if permanent, ok := errors.AsType[*backoff.PermanentError](err); ok {
		err = permanent.Unwrap()
	}
	if ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w (%w)", ctx.Err(), err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
