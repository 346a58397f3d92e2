// Package vpcflow reads VPC flow logs of any layout: the 14 columns of version 2 by default, else the columns that
// the record's Layout names, with hyphens or underscores.
//
// A record is one line; one event of class flow comes out; a line of column names is a control record. The layout is
// never guessed from the number of columns: another number than the layout's is a dead letter. Start reading at
// Parse, then layout.go (names to fields). Columns that no field holds, such as those of transit gateways, are in
// unmapped under their own name.
package vpcflow

import (
	"bytes"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "vpcflow", Class: event.Flow, New: New, Version: 1, Sniff: sniff, Header: Header}
}

// maxLayouts bounds the compiled layouts of one parser: layouts come with the data, and a sender may invent one a line.
const maxLayouts = 64

type parser struct {
	event   event.Event
	layouts map[string]*layout
	last    *layout
	tags    tags
}

// New returns a parser.
func New() format.Parser {
	def := compile(DefaultLayout)
	return &parser{layouts: map[string]*layout{}, last: def, tags: tags{}}
}

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	// Values start with a version, an account, an id in lower case …; only the last can be a header as well.
	if len(r.Raw) > 0 && r.Raw[0] >= 'a' && r.Raw[0] <= 'z' {
		if _, ok := Header(r.Raw); ok {
			return format.ErrControl
		}
	}
	e, l := &p.event, p.layout(r.Layout)
	e.Reset(event.Flow, r)
	e.SetText(event.Provider, "aws")
	e.SetText(event.Outcome, event.Unknown)
	if err := l.fill(e, accessline.TrimEnd(string(r.Raw)), p.tags); err != nil {
		return err
	}
	if err := l.setTime(e, r.Received); err != nil {
		return err
	}
	emit(e)
	return nil
}

// layout returns the compiled layout of that text; "" is the default.
func (p *parser) layout(text string) *layout {
	if text == "" {
		text = DefaultLayout
	}
	if p.last.text == text {
		return p.last
	}
	l := p.layouts[text]
	if l == nil {
		if len(p.layouts) >= maxLayouts {
			clear(p.layouts)
		}
		l = compile(text)
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

// sniff knows the default layout; any other needs its header or a configured layout. A line that only starts like
// the default is claimed weakly, so that it becomes a dead letter of this format with the count as reason.
func sniff(raw []byte) int {
	if _, ok := Header(raw); ok {
		return 95
	}
	version, rest := cut(raw[:min(len(raw), 400)])
	account, rest := cut(rest)
	eni, rest := cut(rest)
	if len(version) > 2 || !isDigits(version) {
		return 0
	}
	if (len(account) != 12 || !isDigits(account)) && string(account) != "unknown" && string(account) != "-" {
		return 0
	}
	if !bytes.HasPrefix(eni, []byte("eni-")) && string(eni) != "-" {
		return 0
	}
	n := 3
	for {
		var column []byte
		if column, rest = cut(rest); len(column) == 0 {
			break
		}
		n++
	}
	if n == defaultColumns {
		return 90
	}
	return 30
}

// cut takes the next word off a line.
func cut(s []byte) (word, rest []byte) {
	i := 0
	for i < len(s) && s[i] <= ' ' {
		i++
	}
	s = s[i:]
	for i = 0; i < len(s) && s[i] > ' '; {
		i++
	}
	return s[:i], s[i:]
}

func isDigits(s []byte) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) > 0
}
