package pipeline

import (
	"time"

	"github.com/shrike-sec/shrike/pkg/bus"
)

// cutter collects messages in offset order and cuts them into ranges. What it holds is bounded by one range and
// one fetch.
type cutter struct {
	o     *RangeOptions
	from  int64         // of the range being collected
	msgs  []bus.Message // read and not yet cut
	count int           // of the first messages that belong to the range being collected
	bytes int           // theirs
	shut  bool          // no more messages fit into it
	due   bool          // MaxWait has passed since its first message
}

// take adds messages and reports whether the range got its first one.
func (c *cutter) take(msgs []bus.Message) (first bool) {
	first = c.count == 0 && len(msgs) > 0
	c.msgs = append(c.msgs, msgs...)
	c.collect()
	if first {
		c.due = false
	}
	return first
}

// collect counts messages into the range until it is full.
func (c *cutter) collect() {
	for !c.shut && c.count < len(c.msgs) {
		m := &c.msgs[c.count]
		size := len(m.Key) + len(m.Value)
		if c.count > 0 && c.bytes+size > c.o.MaxBytes {
			c.shut = true
			return
		}
		c.count++
		c.bytes += size
		c.shut = c.count >= c.o.MaxMessages || c.bytes >= c.o.MaxBytes
	}
}

func (c *cutter) full() bool  { return c.shut }
func (c *cutter) empty() bool { return c.count == 0 }

// ready says that the range may be cut.
func (c *cutter) ready() bool { return c.shut || (c.due && c.count > 0) }

// cut returns the range that is ready and begins the next one with what is left. Messages that have already
// waited for a range wait no longer.
func (c *cutter) cut(newRange func(from, to int64) *Range) *Range {
	msgs := c.msgs[:c.count:c.count]
	r := newRange(c.from, msgs[len(msgs)-1].Offset+1)
	r.Messages = make([]bus.Message, 0, len(msgs))
	at := r.From
	for _, m := range msgs {
		r.add(m, at)
		at = m.Offset + 1
	}
	rest := append([]bus.Message(nil), c.msgs[c.count:]...) // lets go of the range's
	*c = cutter{o: c.o, from: r.To, msgs: rest}
	c.collect()
	c.due = c.count > 0
	return r
}

// add appends the message; when it is not at the offset expected, those in between are missing.
func (r *Range) add(m bus.Message, expected int64) {
	if m.Offset > expected {
		r.Holes = append(r.Holes, [2]int64{expected, m.Offset})
	}
	r.Messages = append(r.Messages, m)
}

// idleTimer is a timer that can be off.
type idleTimer struct {
	every time.Duration
	timer *time.Timer
	c     <-chan time.Time // nil when off
}

func newIdleTimer(every time.Duration) *idleTimer {
	t := &idleTimer{every: every}
	if every > 0 {
		t.timer = time.NewTimer(every)
		t.c = t.timer.C
	}
	return t
}

func (t *idleTimer) reset() {
	if t.timer != nil {
		t.timer.Reset(t.every)
	}
}

func (t *idleTimer) stop() {
	if t.timer != nil {
		t.timer.Stop()
	}
}
