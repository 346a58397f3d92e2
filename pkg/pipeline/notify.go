package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/notify"
)

// NotifyOptions is what the notify stage needs. All are required.
type NotifyOptions struct {
	Bus       *bus.Client
	Receivers []*notify.Receiver
	// Since is where a receiver that was never there before begins: alerts of before the process started are not news.
	Since time.Time
	Log   *zap.Logger
}

// NotifyGroup is the consumer group of a receiver. Each has its own, so that none waits for another.
func NotifyGroup(receiver string) string { return "notify-" + receiver }

// NotifyState is what a receiver's commits carry besides the offset, for `shrike status`.
type NotifyState struct {
	LastSuccess time.Time `json:"last_success"`
}

// Notify sends each alert to each receiver that wants it, once, until ctx ends.
func Notify(ctx context.Context, o NotifyOptions) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, r := range o.Receivers {
		g.Go(func() error {
			return o.Bus.RunGroup(ctx, NotifyGroup(r.Name()), []string{bus.Alerts}, func(ctx context.Context, claim *bus.Claim) error {
				m := &mailbox{claim: claim, receiver: r, since: o.Since, told: make(map[string]struct{}),
					log: o.Log.With(zap.String("receiver", r.Name()), zap.Int("partition", claim.Partition))}
				return m.run(ctx)
			})
		})
	}
	return g.Wait()
}

// mailbox is one partition of alerts for one receiver.
type mailbox struct {
	claim    *bus.Claim
	receiver *notify.Receiver
	since    time.Time
	log      *zap.Logger
	told     map[string]struct{} // ids the receiver has been told of; later revisions only update the alert's row
	state    NotifyState
}

// run rebuilds what the receiver has been told from the topic itself, then delivers what is new. A crash between a
// delivery and its commit delivers once more, under the same Idempotency-Key.
func (m *mailbox) run(ctx context.Context) error {
	first, committed, err := m.start(ctx)
	if err != nil {
		return err
	}
	reader := m.claim.Client().NewReader(bus.Alerts, m.claim.Partition, first)
	defer reader.Close()
	for {
		message, err := reader.Read(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("read alerts/%d: %w", m.claim.Partition, err)
		}
		a := m.news(&message)
		if message.Offset < committed {
			continue // told of before
		}
		if a != nil && !m.deliver(ctx, a, message.Value) {
			return nil // not delivered: the next owner begins with it
		}
		if err := m.commit(ctx, message.Offset+1); err != nil {
			return err
		}
	}
}

func (m *mailbox) start(ctx context.Context) (first, committed int64, err error) {
	last, err := m.claim.Committed(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read the committed offset of alerts/%d: %w", m.claim.Partition, err)
	}
	first, end, err := m.claim.Client().Bounds(ctx, bus.Alerts, m.claim.Partition)
	if err != nil {
		return 0, 0, fmt.Errorf("read the bounds of alerts/%d: %w", m.claim.Partition, err)
	}
	if last.Offset >= 0 && last.Offset <= end {
		if last.Metadata != "" {
			if err := json.Unmarshal([]byte(last.Metadata), &m.state); err != nil {
				m.log.Warn("forget when the receiver was last reached", zap.Error(err))
			}
		}
		return first, max(first, last.Offset), nil
	}
	committed, err = m.claim.Client().OffsetAt(ctx, bus.Alerts, m.claim.Partition, m.since)
	if err != nil {
		return 0, 0, fmt.Errorf("find where new alerts begin in alerts/%d: %w", m.claim.Partition, err)
	}
	return first, committed, m.commit(ctx, committed)
}

// news returns the message's alert when the receiver wants it and has not been told of it.
func (m *mailbox) news(message *bus.Message) *alert.Alert {
	a, err := decodeAlert(message.Value)
	if err != nil {
		m.log.Error("skip an alert that cannot be read", zap.Int64("offset", message.Offset), zap.Error(err))
		return nil
	}
	if _, ok := m.told[a.ID]; ok || !m.receiver.Wants(&a) {
		return nil
	}
	m.told[a.ID] = struct{}{}
	return &a
}

// deliver reports false when ctx ended before the receiver had answered for good.
func (m *mailbox) deliver(ctx context.Context, a *alert.Alert, body []byte) bool {
	outcome := m.receiver.Deliver(ctx, a, body)
	if outcome == notify.Sent {
		m.state.LastSuccess = time.Now().UTC()
	}
	return outcome != notify.Interrupted
}

func (m *mailbox) commit(ctx context.Context, offset int64) error {
	metadata, err := json.Marshal(m.state)
	if err != nil {
		return fmt.Errorf("encode the receiver's state: %w", err)
	}
	ctx, cancel := lingering(ctx) // what has been delivered is committed: nobody shall hear of it twice
	defer cancel()
	if err := m.claim.Commit(ctx, offset, string(metadata)); err != nil {
		return fmt.Errorf("commit alerts/%d at %d: %w", m.claim.Partition, offset, err)
	}
	return nil
}
