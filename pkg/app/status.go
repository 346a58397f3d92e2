package app

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/config"
	"github.com/shrike-sec/shrike/pkg/pipeline"
	"github.com/shrike-sec/shrike/pkg/store"
	"github.com/shrike-sec/shrike/pkg/web"
)

// statusWithin bounds the questions of one status: Kafka and ClickHouse clients repeat them until their context ends.
const statusWithin = 10 * time.Second

// Status asks ClickHouse what has come of each source, and Kafka how far each stage and receiver is. It works from any
// process that can reach both.
func Status(ctx context.Context, b *bus.Client, db *store.Store, receivers []string) (*web.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusWithin)
	defer cancel()
	s := &web.Status{Sources: []web.SourceStatus{}, Stages: []web.StageStatus{}, Receivers: []web.ReceiverStatus{}}
	sources, err := db.SourceStatus(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the status of sources: %w", err)
	}
	for _, x := range sources {
		s.Sources = append(s.Sources, web.SourceStatus{Name: x.Source, LastEvent: x.LastEvent, Events: x.Events, DeadLetters: x.DeadLetters})
	}
	records := pipeline.RecordTopics()
	for _, stage := range []struct {
		group  string
		topics []string
	}{
		{"store", append(append([]string{}, records...), bus.DeadLetter, bus.Alerts)},
		{"detect", pipeline.DetectTopics()},
		{"correlate", []string{bus.Signals}},
	} {
		for _, topic := range stage.topics {
			lag, commits, err := progress(ctx, b, stage.group, topic)
			if err != nil {
				return nil, err
			}
			x := web.StageStatus{Stage: stage.group, Topic: topic, Lag: lag}
			if topic == bus.Signals {
				x.EventTime, x.HeldBy = eventTime(commits)
			}
			s.Stages = append(s.Stages, x)
		}
	}
	for _, name := range receivers {
		lag, commits, err := progress(ctx, b, pipeline.NotifyGroup(name), bus.Alerts)
		if err != nil {
			return nil, err
		}
		r := web.ReceiverStatus{Name: name, Lag: lag}
		for _, c := range commits {
			var state pipeline.NotifyState
			if json.Unmarshal([]byte(c.Metadata), &state) == nil && state.LastSuccess.After(r.LastSuccess) {
				r.LastSuccess = state.LastSuccess
			}
		}
		s.Receivers = append(s.Receivers, r)
	}
	return s, nil
}

// eventTime says how far event time is in the shard of correlate where it is furthest back, and what holds it there.
func eventTime(commits map[int]bus.Commit) (reached time.Time, heldBy string) {
	known := false
	for _, shard := range slices.Sorted(maps.Keys(commits)) {
		t, ok := pipeline.ReadTime(commits[shard])
		if !ok || known && !t.Reached.Before(reached) {
			continue
		}
		reached, heldBy, known = t.Reached, t.String(), true
	}
	return reached, heldBy
}

// rulesStatus says how the rules of this process are.
func (a *App) rulesStatus() *web.RulesStatus {
	x := a.rules.Status()
	s := &web.RulesStatus{Rules: x.Rules, Exceptions: x.Exceptions, Hash: x.Hash, Loaded: x.Loaded.UTC(), Failed: x.Failed.UTC()}
	if x.Err != nil {
		s.Problem = x.Err.Error()
	}
	return s
}

// progress returns how many messages of the topic the group has not done yet, and its commits. Of a partition in which it has
// committed nothing, that is all there is.
func progress(ctx context.Context, b *bus.Client, group, topic string) (lag int64, commits map[int]bus.Commit, err error) {
	commits, err = b.GroupOffsets(ctx, group, topic)
	if err != nil {
		return 0, nil, fmt.Errorf("read how far %s is: %w", group, err)
	}
	partitions, err := b.Partitions(ctx, topic)
	if err != nil {
		return 0, nil, fmt.Errorf("read the partitions of %s: %w", topic, err)
	}
	for partition := range partitions {
		first, end, err := b.Bounds(ctx, topic, partition)
		if err != nil {
			return 0, nil, fmt.Errorf("read the end of %s: %w", topic, err)
		}
		lag += end - max(first, commits[partition].Offset)
	}
	return lag, commits, nil
}

// ReceiverNames lists the configured receivers.
func ReceiverNames(cfg *config.Config) []string {
	var names []string
	for _, r := range cfg.Receivers {
		switch {
		case r.Webhook != nil:
			names = append(names, r.Webhook.Name)
		case r.Slack != nil:
			names = append(names, r.Slack.Name)
		}
	}
	return names
}
