package pipeline

import (
	"errors"
	"fmt"
	"time"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/redact"
)

// Retention says how long events of each class are kept. Events older than that when they arrive are dead letters,
// because ClickHouse would drop their rows at insert without a word; so are events from further than a day ahead.
// Both are measured from the record's received time, never from the clock: a replayed range must parse the same.
type Retention map[event.Class]time.Duration

// farAhead is how far in the future an event time may lie.
const farAhead = 24 * time.Hour

func (k Retention) admit(e *event.Event, received time.Time) *format.Error {
	t := e.UnixNano(event.EventTime)
	at := func() string { return time.Unix(0, t).UTC().Format(time.RFC3339) }
	if keep := k[e.Class]; keep > 0 && t < received.Add(-keep).UnixNano() {
		return format.Errorf(record.ReasonExpired, "event time %s is more than %s before the record was received", at(), keep)
	}
	if t > received.Add(farAhead).UnixNano() {
		return format.Errorf(record.ReasonFuture, "event time %s is more than %s after the record was received", at(), farAhead)
	}
	return nil
}

// parser turns Kafka messages into events as both store and detect see them. One per goroutine.
type parser struct {
	decoder  *format.Decoder
	keep     Retention
	redactor *redact.Redactor // store's; what detect shows is redacted where it is matched
	tally    tally
}

// tally counts what one range held; metrics are updated once a range.
type tally struct {
	records, events, controls, bytes int
	dead                             map[record.Reason]int
}

func (t *tally) buried(why record.Reason) {
	if t.dead == nil {
		t.dead = make(map[record.Reason]int)
	}
	t.dead[why]++
}

// message parses one message: emit gets each event (valid during the call), or dead gets the one dead letter, or
// neither is called for a control record.
func (p *parser) message(m *bus.Message, emit func(*event.Event), dead func(*record.DeadLetter)) {
	p.tally.records++
	p.tally.bytes += len(m.Value)
	r, err := bus.ReadRecord(m)
	if r.Received.IsZero() {
		r.Received = m.Time // tables keep rows by it: a row without would be as old as the calendar
	}
	if err != nil {
		p.bury(&r, format.Errorf(record.ReasonSyntax, "headers of the message: %v", err), dead)
		return
	}
	var emitted int
	var refused *format.Error
	err = p.decoder.Decode(&r, func(e *event.Event) {
		if refused = p.keep.admit(e, r.Received); refused != nil {
			return
		}
		emitted++
		emit(e)
	})
	var bad *format.Error
	switch {
	case emitted > 0:
		p.tally.events += emitted
	case errors.As(err, &bad):
		p.bury(&r, bad, dead)
	case err != nil && !errors.Is(err, format.ErrControl):
		p.bury(&r, format.Errorf(record.ReasonSyntax, "%v", err), dead)
	case refused != nil:
		p.bury(&r, refused, dead)
	default:
		p.tally.controls++
	}
}

func (p *parser) bury(r *record.Record, why *format.Error, dead func(*record.DeadLetter)) {
	p.tally.buried(why.Reason)
	dead(&record.DeadLetter{Record: *r, Reason: why.Reason, Detail: why.Detail, Size: int64(len(r.Raw))})
}

// version tells apart what makes other events of the same records: the parsers, and the list of secrets.
func version(formats *format.Registry, secrets *redact.Rules) string {
	return fmt.Sprintf("%s.%08x", format.NewDecoder(formats).Version(), uint32(secrets.Hash()))
}
