package match

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/shrike-sec/shrike/pkg/record"
)

// maxAttempts is how many unfinished attempts of one origin partition are kept. More than one, because a sender that
// believes it is alive may still write while its successor does, and their parts then interleave.
const maxAttempts = 4

// maxParts bounds what a message may claim: 4096 parts of 900 kB are far more than a range holds.
const maxParts = 4096

// Assembler puts the parts of frames together. It is not safe for concurrent use. The zero value is ready.
type Assembler struct {
	open map[origin][]*attempt // oldest first
}

type origin struct {
	topic     string
	partition int
}

type attempt struct {
	name     string
	epoch    uint64
	from, to int64
	parts    []*Frame
	missing  int
}

// Add takes one message and returns the frame that it completes, nil when parts are still missing. A completed frame
// ends all other attempts of its origin up to the same range, and those of earlier epochs. The error says that msg is no frame.
func (a *Assembler) Add(msg []byte) (*Frame, error) {
	f := new(Frame)
	if err := json.Unmarshal(msg, f); err != nil {
		return nil, fmt.Errorf("decode frame: %w", err)
	}
	if f.Schema != Schema {
		return nil, fmt.Errorf("decode frame: schema %d is unknown", f.Schema)
	}
	if f.Parts < 1 || f.Parts > maxParts || f.Part < 0 || f.Part >= f.Parts {
		return nil, fmt.Errorf("decode frame: part %d of %d", f.Part, f.Parts)
	}
	o := originOf(f.Origin)
	if f.Parts > 1 {
		t := a.attempt(o, f)
		if t.parts[f.Part] == nil {
			t.parts[f.Part] = f
			t.missing--
		}
		if t.missing > 0 {
			return nil, nil
		}
		f = t.join()
	}
	a.forget(o, f)
	return f, nil
}

// Pending reports whether parts of an unfinished frame are held: whoever restarts behind them must read them again.
func (a *Assembler) Pending() bool { return len(a.open) > 0 }

// Drop gives up what is unfinished of an origin that is gone for good.
func (a *Assembler) Drop(topic string, partition int) { delete(a.open, origin{topic, partition}) }

// attempt finds the attempt that a part belongs to, or begins it and drops the oldest over the bound.
func (a *Assembler) attempt(o origin, f *Frame) *attempt {
	for _, t := range a.open[o] {
		if t.name == f.Attempt && t.epoch == f.Origin.Epoch && t.from == f.Origin.Offset && t.to == f.To && len(t.parts) == f.Parts {
			return t
		}
	}
	t := &attempt{name: f.Attempt, epoch: f.Origin.Epoch, from: f.Origin.Offset, to: f.To, parts: make([]*Frame, f.Parts), missing: f.Parts}
	if a.open == nil {
		a.open = map[origin][]*attempt{}
	}
	list := append(a.open[o], t)
	a.open[o] = list[max(0, len(list)-maxAttempts):]
	return t
}

func (a *Assembler) forget(o origin, f *Frame) {
	list := slices.DeleteFunc(a.open[o], func(t *attempt) bool {
		return t.epoch < f.Origin.Epoch || t.epoch == f.Origin.Epoch && t.to <= f.To
	})
	if len(list) == 0 {
		delete(a.open, o)
		return
	}
	a.open[o] = list
}

func (t *attempt) join() *Frame {
	f := *t.parts[0]
	f.Part, f.Parts = 0, 1
	for _, p := range t.parts[1:] {
		f.Signals = append(f.Signals, p.Signals...)
	}
	return &f
}

func originOf(p record.Position) origin {
	return origin{topic: p.Topic, partition: p.Partition}
}
