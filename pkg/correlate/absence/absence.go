// Package absence is the kind absence: where a group that was seen falls silent.
//
// What is seen of a group is a set of spans of event time, no two of them closer than the rule's silence to one another: what
// is closer is one span, whatever the order in which it came. A silence begins at the end of a span; correlate takes it off
// (Decide) once time has passed the end by the silence. Events that came no later than that make the same silences in any
// order.
package absence

import (
	"cmp"
	"math"
	"slices"
)

// Span is a stretch of event time without a silence in it, and what is shown of its end.
type Span struct {
	First, Last int64
	Offset      int64 // signals offset that brought Last
	Mark        Mark
}

// Mark is an event near a span's end: the first, by time and id, of the bucket that the end lies in.
type Mark struct {
	Bucket   int64 // beginning of the bucket
	Time     int64
	ID       string
	Sample   string
	Severity int8
	Offset   int64 // signals offset that brought it
}

// Presence is what is known of one group. The zero value is empty.
type Presence struct{ spans []Span } // by time; almost always one

// See adds a span, in which no silence lies, and joins it with what is at most silence away.
func (p *Presence) See(s Span, silence int64) {
	i := 0
	for i < len(p.spans) && p.spans[i].Last+silence < s.First {
		i++
	}
	j := i
	for ; j < len(p.spans) && p.spans[j].First-silence <= s.Last; j++ {
		o := p.spans[j]
		s.First = min(s.First, o.First)
		if o.Last >= s.Last {
			s.Last, s.Offset = o.Last, o.Offset
		}
		if o.Mark.compare(&s.Mark) < 0 {
			s.Mark = o.Mark
		}
	}
	p.spans = slices.Replace(p.spans, i, j, s)
}

// compare puts the mark that is to be shown first. Of one event, that is the one that came first: a repetition adds nothing.
func (m *Mark) compare(o *Mark) int {
	return cmp.Or(cmp.Compare(o.Bucket, m.Bucket), cmp.Compare(m.Time, o.Time), cmp.Compare(m.ID, o.ID), cmp.Compare(m.Offset, o.Offset))
}

// End returns the end of the first span; ok is false when there is none.
func (p *Presence) End() (last int64, ok bool) {
	if len(p.spans) == 0 {
		return 0, false
	}
	return p.spans[0].Last, true
}

// Offset returns the smallest signals offset that the spans rest on. There must be one.
func (p *Presence) Offset() int64 {
	from := int64(math.MaxInt64)
	for i := range p.spans {
		from = min(from, p.spans[i].Offset, p.spans[i].Mark.Offset)
	}
	return from
}

// Decide takes the first span off: time has passed its end by the silence.
func (p *Presence) Decide() Span {
	s := p.spans[0]
	p.spans = slices.Delete(p.spans, 0, 1)
	return s
}

// Bytes is the memory that the spans take, their texts without the headers.
func (p *Presence) Bytes() int64 {
	size := int64(cap(p.spans)) * spanBytes
	for i := range p.spans {
		size += int64(len(p.spans[i].Mark.Sample) + len(p.spans[i].Mark.ID))
	}
	return size
}

const spanBytes = 96
