package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/segmentio/kafka-go"
	"go.uber.org/zap"
)

// Times of the group protocol. A member that is asked to give its partitions back has the rebalance time to end
// its runs.
const (
	heartbeats       = 6 // in a session
	rebalanceTimeout = 15 * time.Second
	rejoinAfter      = time.Second // after an error
	leaveTimeout     = 5 * time.Second
)

// Commit is what a group has committed for a partition. Offset is -1 when it has committed nothing.
type Commit struct {
	Offset   int64
	Metadata string
}

// Claim is one partition, held by this member for one generation of the group.
type Claim struct {
	Topic      string
	Partition  int
	Group      string
	Generation int
	Member     string

	client *Client
}

// RunGroup joins the consumer group and calls run, in its own goroutine, for each partition that this member
// is assigned. The context of run ends when the assignment does, on a rebalance or shutdown, and run must then
// return within seconds; RunGroup gives a partition away only when it has. A run that returns nil early keeps its
// partition idle; one that returns an error while its context lives is logged, and after a second the member
// joins anew. RunGroup returns nil when ctx has ended and all runs with it.
func (c *Client) RunGroup(ctx context.Context, group string, topics []string, run func(ctx context.Context, claim *Claim) error) error {
	log := c.log.With(zap.String("group", group))
	for _, topic := range topics { // kafka-go joins again and again, without a pause, while one is missing
		if _, err := c.Partitions(ctx, topic); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
	sticky := &stickyBalancer{}
	cg, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: group, Topics: topics, Brokers: c.brokers, Dialer: c.dialer,
		GroupBalancers:    []kafka.GroupBalancer{sticky},
		HeartbeatInterval: c.session / heartbeats, SessionTimeout: c.session, RebalanceTimeout: rebalanceTimeout,
		// A join is answered when the rebalance is over, and that may begin anew when a dead member's session ends. Whoever
		// gives up before leaves a member behind that nobody is, whose partitions are nobody's until its session ends.
		JoinGroupBackoff: rejoinAfter, Timeout: dialTimeout + c.session,
		WatchPartitionChanges: true,
	})
	if err != nil {
		return fmt.Errorf("join group %s: %w", group, err)
	}
	var runs sync.WaitGroup
	var warned time.Time
	for {
		gen, err := cg.Next(ctx)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			if time.Since(warned) >= warnEvery && !errors.Is(err, kafka.RebalanceInProgress) {
				warned = time.Now()
				log.Warn("waiting for Kafka", zap.String("to", "join group"), zap.Strings("brokers", c.brokers), zap.Error(err))
			}
			continue // kafka-go has its own back-off before it offers the next generation
		}
		sticky.own(gen.Assignments)
		log.Debug("joined group", zap.Int32("generation", gen.ID), zap.Any("partitions", gen.Assignments))
		for _, claim := range c.claims(group, gen) {
			runs.Add(1)
			// The generation waits for its functions, and leave below for the generation.
			gen.Start(func(genCtx context.Context) {
				defer runs.Done()
				c.runClaim(ctx, genCtx, claim, run)
			})
		}
	}
	c.leave(cg, log)
	runs.Wait()
	return nil
}

// claims are the partitions that a generation has for this member.
func (c *Client) claims(group string, gen *kafka.Generation) []*Claim {
	var claims []*Claim
	for topic, assigned := range gen.Assignments {
		for _, p := range assigned {
			claims = append(claims, &Claim{
				Topic: topic, Partition: p.ID, Group: group, Generation: int(gen.ID), Member: gen.MemberID, client: c,
			})
		}
	}
	return claims
}

// runClaim calls run under a context that has ctx's values and the generation's end. ctx's own end reaches run
// through the generation, after kafka-go has stopped joining again: otherwise the first run to return would
// start a rebalance just before this member leaves.
func (c *Client) runClaim(ctx, genCtx context.Context, claim *Claim, run func(context.Context, *Claim) error) {
	runCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(genCtx, cancel)
	defer stop()
	err := run(runCtx, claim)
	if err != nil && runCtx.Err() == nil {
		level := c.log.Error
		if errors.Is(err, ErrFenced) {
			level = c.log.Warn
		}
		level("claim ended", zap.String("group", claim.Group), zap.String("topic", claim.Topic),
			zap.Int("partition", claim.Partition), zap.Error(err))
		select {
		case <-genCtx.Done():
		case <-time.After(rejoinAfter):
		}
		return // which ends the generation
	}
	<-genCtx.Done()
}

// leave ends the generation, waits for its runs and leaves the group. In the middle of a rebalance kafka-go
// cannot be interrupted; then its goroutine ends by itself within rebalanceTimeout and has no runs to wait for.
func (c *Client) leave(cg *kafka.ConsumerGroup, log *zap.Logger) {
	left := make(chan struct{})
	go func() {
		defer close(left)
		if err := cg.Close(); err != nil {
			log.Warn("leave group", zap.Error(err))
		}
	}()
	select {
	case <-left:
	case <-time.After(leaveTimeout):
	}
}

// Client is the client whose RunGroup made the claim.
func (cl *Claim) Client() *Client { return cl.client }

// Committed is what the group has committed for the claim's partition. It waits for Kafka until ctx ends.
func (cl *Claim) Committed(ctx context.Context) (Commit, error) {
	commits, err := cl.client.groupOffsets(ctx, cl.Group, cl.Topic, []int{cl.Partition})
	if err != nil {
		return Commit{}, err
	}
	commit, ok := commits[cl.Partition]
	if !ok {
		commit.Offset = -1
	}
	return commit, nil
}

// Commit commits for the claim's partition: the offset of the next message to process, and what the caller
// wants to remember with it. It retries until ctx ends; ErrFenced means that the claim is over and the
// partition is or will be another member's.
func (cl *Claim) Commit(ctx context.Context, offset int64, metadata string) error {
	what := fmt.Sprintf("commit %s/%d of group %s", cl.Topic, cl.Partition, cl.Group)
	return cl.client.retry(ctx, what, func() error {
		resp, err := cl.client.kafka.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
			GroupID: cl.Group, GenerationID: cl.Generation, MemberID: cl.Member,
			Topics: map[string][]kafka.OffsetCommit{
				cl.Topic: {{Partition: cl.Partition, Offset: offset, Metadata: metadata}},
			},
		})
		if err != nil {
			return err
		}
		for _, p := range resp.Topics[cl.Topic] {
			if p.Error != nil {
				return commitError(p.Error)
			}
		}
		return nil
	})
}

func commitError(err error) error {
	switch {
	case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId),
		errors.Is(err, kafka.RebalanceInProgress), errors.Is(err, kafka.FencedInstanceID):
		return backoff.Permanent(fmt.Errorf("%w: %w", ErrFenced, err))
	case errors.Is(err, kafka.OffsetMetadataTooLarge), errors.Is(err, kafka.GroupAuthorizationFailed):
		return backoff.Permanent(err)
	}
	return err
}

// GroupOffsets is what the group has committed, by partition of the topic; partitions without a commit are
// left out. It waits for Kafka until ctx ends.
func (c *Client) GroupOffsets(ctx context.Context, group, topic string) (map[int]Commit, error) {
	n, err := c.Partitions(ctx, topic)
	if err != nil {
		return nil, err
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return c.groupOffsets(ctx, group, topic, all)
}

func (c *Client) groupOffsets(ctx context.Context, group, topic string, partitions []int) (commits map[int]Commit, err error) {
	what := fmt.Sprintf("read commits of group %s", group)
	err = c.retry(ctx, what, func() error {
		resp, err := c.kafka.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
			GroupID: group, Topics: map[string][]int{topic: partitions},
		})
		if err == nil {
			err = resp.Error
		}
		commits = map[int]Commit{}
		if errors.Is(err, kafka.GroupIdNotFound) { // what kfake says of a group that nobody has joined; Kafka has no commits of it
			return nil
		}
		if err != nil {
			return err
		}
		for _, p := range resp.Topics[topic] {
			if p.Error != nil {
				return p.Error
			}
			if p.CommittedOffset >= 0 {
				commits[p.Partition] = Commit{Offset: p.CommittedOffset, Metadata: p.Metadata}
			}
		}
		return nil
	})
	return commits, err
}
