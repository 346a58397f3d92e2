package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/bus"
)

// Shrike's alerts about itself: it says when it is blind. They take the way of all alerts, from the topic alerts on.
const (
	RecordsLost = "shrike-records-lost" // Kafka no longer has records that nobody had read
	DiskFull    = "shrike-disk-full"    // ingest refuses records
	StateFull   = "shrike-state-full"   // a rule forgets groups
)

// Trouble is an alert about Shrike itself.
type Trouble struct {
	Rule    string // RecordsLost, DiskFull, StateFull
	About   string // what is in trouble: "records.api/3 (store)", a folder, a rule; one alert for each and hour
	Title   string
	Runbook string
	Count   uint64
	At      time.Time
}

// troublePeriod is how long trouble with the same thing stays one alert.
const troublePeriod = time.Hour

// Report sends the alert and returns when Kafka has it.
func Report(ctx context.Context, p *bus.Producer, t Trouble) error {
	return SendAlert(ctx, p, t.alert())
}

func (t *Trouble) alert() *alert.Alert {
	start := t.At.UTC().Truncate(troublePeriod)
	return &alert.Alert{
		Schema: 1, ID: alert.NewID("service", t.Rule, []string{t.About}, start.Unix()),
		Revision: t.At.UnixMilli(), Status: "open", RuleID: t.Rule, RuleVersion: "service",
		Title: t.Title, Severity: "high", Tags: []string{"service"}, Classes: []string{},
		Entity: alert.Entity{Kind: "service", ID: t.About}, Group: map[string]string{"service": t.About},
		Period:         alert.Period{Start: start, End: start.Add(troublePeriod)},
		FirstEventTime: t.At.UTC(), LastEventTime: t.At.UTC(), Count: t.Count, Events: []alert.Sample{}, Runbook: t.Runbook,
	}
}

// SendAlert sends an alert that no rule raised and returns when Kafka has it.
func SendAlert(ctx context.Context, p *bus.Producer, a *alert.Alert) error {
	m, err := alertMessage(a)
	if err != nil {
		return err
	}
	if err := p.Send(ctx, m); err != nil {
		return fmt.Errorf("send alert %s about %s: %w", a.RuleID, a.Entity.ID, err)
	}
	return nil
}

// lost reports the holes of a range that the stage was to read.
func lost(ctx context.Context, p *bus.Producer, stage string, r *Range) error {
	var n int64
	for _, h := range r.Holes {
		n += h[1] - h[0]
	}
	if n == 0 {
		return nil
	}
	about := fmt.Sprintf("%s/%d (%s)", r.Topic, r.Partition, stage)
	return Report(ctx, p, Trouble{
		Rule: RecordsLost, About: about, Count: uint64(n), At: time.Now(),
		Title: fmt.Sprintf("%d messages of %s/%d were gone from Kafka before %s read them (offsets from %d)", n, r.Topic, r.Partition, stage, r.Holes[0][0]),
		Runbook: "Kafka deleted messages that " + stage + " had not read: retention.topics is too short for the time that it " +
			"stood still, or the topic was truncated. Take the originals from the source again.",
	})
}
