package match

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// MaxSampleValue is how many bytes of JSON one value in a sample has; a longer one becomes a text that is cut.
const MaxSampleValue = 4096

// SampleLimit returns how many samples a signal of r carries. What looks at whole buckets keeps some of each group all the
// time, though few groups ever fire, and what its alerts are about is the amount. A silence has one event, the first of the
// bucket in which it began: the last of all would have to be rendered anew with each event.
func SampleLimit(r *rule.Rule) int {
	switch {
	case r.Absence != nil:
		return 1
	case r.Baseline != nil, r.Average != nil:
		return 4
	}
	return MaxSamples
}

// sampler keeps the smallest samples by (time, id). The zero value is empty.
type sampler struct {
	uids []event.UID
	list []Sample
}

// add takes e as a sample if it is among the limit smallest so far, and reports whether it is; only then is it rendered.
func (s *sampler) add(e *event.Event, t int64, from *rendering, capture []rule.Key, limit int) bool {
	at := len(s.list)
	for at > 0 && s.after(at-1, t, e.UID) {
		at--
	}
	if at == limit {
		return false
	}
	if len(s.list) == limit {
		s.list, s.uids = s.list[:limit-1], s.uids[:limit-1]
	}
	s.list = slices.Insert(s.list, at, from.sample(e, t, capture))
	s.uids = slices.Insert(s.uids, at, e.UID)
	return true
}

// after reports whether sample i comes after (t, uid).
func (s *sampler) after(i int, t int64, uid event.UID) bool {
	return cmp.Or(cmp.Compare(s.list[i].EventTime, t), bytes.Compare(s.uids[i][:], uid[:])) > 0
}

func (s *sampler) samples() []Sample { return s.list }

// What the samples of one event show: an event with a thousand groups is a thousand samples, and what it costs is chosen by whoever
// wrote it. Those behind maxShown bytes have only the beginnings of long values.
const (
	maxShown   = 256 << 10
	shortValue = 128
)

// rendering is the sample of the event and the rule, or step, that are being folded. Signals share what it made, and nobody
// changes it. The zero value has made nothing.
type rendering struct {
	whole, short Sample
	size, shown  int // bytes of the values of whole, and of all samples that have them
}

// sample renders the event, or gives what it rendered for another group.
func (r *rendering) sample(e *event.Event, t int64, capture []rule.Key) Sample {
	if r.whole.Fields == nil {
		r.whole = newSample(e, t, capture, MaxSampleValue)
		for _, v := range r.whole.Fields {
			r.size += len(v)
		}
	}
	if r.shown += r.size; r.shown <= maxShown {
		return r.whole
	}
	if r.short.Fields == nil {
		r.short = newSample(e, t, capture, shortValue)
	}
	return r.short
}

// newSample copies out of e what an alert of the rule may show, of each value limit bytes.
func newSample(e *event.Event, t int64, capture []rule.Key, limit int) Sample {
	s := Sample{
		EventUID:  e.UID.String(),
		NativeID:  strings.Clone(bounded(e.Text(event.NativeID))),
		Class:     e.Class.String(),
		EventTime: t,
		Fields:    make(map[string]json.RawMessage, len(capture)),
	}
	for _, k := range capture {
		if v := sampleValue(k, e, limit); len(v) > 0 {
			s.Fields[k.Name] = v
		}
	}
	return s
}

// sampleValue returns the key's value as JSON of bounded length, nil when the event has none. A log's object that holds
// bare control characters is not JSON as others read it: it becomes text here.
func sampleValue(k rule.Key, e *event.Event, limit int) json.RawMessage {
	v := k.AppendJSON(nil, e)
	if len(v) <= limit && (len(v) == 0 || json.Valid(v)) {
		return v
	}
	text := k.Text(e)
	if len(text) > limit/2 {
		text = strings.ToValidUTF8(text[:limit/2], "") + "…"
	}
	return quote(text)
}
