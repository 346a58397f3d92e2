// Package flowline reads lines of values whose columns a layout names, as flow logs are delivered: a known set of
// columns, chosen and ordered by whoever configured the log.
//
// It serves the formats vpcflow and tgwflow and knows neither's columns. A line goes in, fields of the event come out.
// The layout is never guessed from the number of columns: another number than the layout's is an error. Start reading
// at Reader, then layout.go (names to fields). Columns that no field holds are in unmapped under their own name.
package flowline

import (
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
	"github.com/shrike-sec/shrike/pkg/record"
)

// maxLayouts bounds the compiled layouts of one reader: layouts come with the data, and a sender may invent one a line.
const maxLayouts = 64

// Reader fills events from lines. A parser owns one.
type Reader struct {
	known   Columns
	normal  string // the layout of a record that names none
	layouts map[string]*layout
	last    *layout
	tags    tags
}

// NewReader returns a reader for lines of those columns; normal is the layout of a record that names none.
func NewReader(known Columns, normal string) *Reader {
	return &Reader{known: known, normal: normal, layouts: map[string]*layout{}, last: known.compile(normal), tags: tags{}}
}

// Read fills the event from the record's line. The error is format.ErrControl for a line of column names or a
// *format.Error.
func (p *Reader) Read(e *event.Event, r *record.Record) error {
	// Values start with a version, an account, an id in lower case …; only the last can be a header as well.
	if len(r.Raw) > 0 && r.Raw[0] >= 'a' && r.Raw[0] <= 'z' {
		if _, ok := p.known.Header(r.Raw); ok {
			return format.ErrControl
		}
	}
	l := p.layout(r.Layout)
	if err := l.fill(e, accessline.TrimEnd(bstr.String(r.Raw)), p.tags); err != nil {
		return err
	}
	return l.setTime(e, r.Received)
}

// layout returns the compiled layout of that text; "" is the normal one.
func (p *Reader) layout(text string) *layout {
	if text == "" {
		text = p.normal
	}
	if p.last.text == text {
		return p.last
	}
	l := p.layouts[text]
	if l == nil {
		if len(p.layouts) >= maxLayouts {
			clear(p.layouts)
		}
		l = p.known.compile(text)
		p.layouts[l.text] = l
	}
	p.last = l
	return l
}

// setTime makes sure of an event time: the start of the window, else its end; a layout that names neither leaves
// only the time we received it.
func (l *layout) setTime(e *event.Event, received time.Time) error {
	if _, ok := e.Time(event.EventTime); ok {
		return nil
	}
	if end, ok := e.Time(event.EndTime); ok {
		e.SetUnixNano(event.EventTime, end.UnixNano())
		return nil
	}
	if l.hasTime || received.IsZero() {
		return format.Errorf(record.ReasonBadTime, "neither start nor end has a value")
	}
	e.SetUnixNano(event.EventTime, received.UnixNano())
	return nil
}
