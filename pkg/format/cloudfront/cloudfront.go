// Package cloudfront reads CloudFront's access logs in all their shapes: the tab-separated files of standard logging with
// their #Version and #Fields lines, the same without (the default 33 columns, of which old files have the first ones),
// and what standard logging v2 and real-time logs deliver: any columns in any order with a delimiter of choice, JSON
// with any keys, or Parquet, whose rows come here as JSON.
//
// A record is one line or one JSON object; one event of class http comes out; lines that start with # are control
// records. The layout comes from the #Fields line or the source's configuration and is never guessed from the number of
// columns. Clients' texts are percent-encoded by the log: url_path, url_query, referer, user_agent, cookie,
// content_type, url_host and forwarded_for are decoded once, so that what a client encoded itself stays as it sent it;
// as logged they are in raw. Start reading at Parse, then layout.go (names to fields). Columns that no field holds are in
// unmapped under their own name, so is the status 000 of a client that left before there was one; extra_N are values
// behind the layout's last column.
package cloudfront

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "cloudfront", Class: event.HTTP, New: New, Version: 2, Sniff: sniff, Header: Header, Column: hasColumn, Key: isKey}
}

// maxLayouts bounds the compiled layouts of one parser: layouts come with the data, and a sender may invent one a line.
const maxLayouts = 64

type parser struct {
	event   event.Event
	arena   format.Arena
	scratch []byte  // for undoing escapes
	old     *layout // the default's, for lines that no header told of
	layouts map[string]*layout
	last    *layout
	times   times
}

// New returns a parser.
func New() format.Parser {
	old := compile(DefaultLayout)
	old.fewest = oldest
	return &parser{old: old, layouts: map[string]*layout{}, last: compile(DefaultLayout)}
}

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	raw := bytes.Trim(r.Raw, "\r\n")
	if len(raw) > 0 && raw[0] == '#' {
		return format.ErrControl
	}
	e := &p.event
	e.Reset(event.HTTP, r)
	e.SetText(event.Provider, "aws")
	e.SetText(event.Outcome, event.Unknown)
	p.times = times{}
	var err error
	if len(raw) > 0 && raw[0] == '{' {
		err = p.object(raw)
	} else {
		err = p.line(bstr.String(raw), r.Layout)
	}
	if err != nil {
		return err
	}
	if err := p.times.set(e, r.Received); err != nil {
		return err
	}
	emit(e)
	return nil
}

// line sets the fields from a line of the layout. A value that is not what its column holds means that the layout is
// not the line's.
func (p *parser) line(s, text string) error {
	l := p.layout(text)
	p.times.named = l.times
	delimiter := l.delimiter
	if delimiter == "" {
		delimiter = "\t"
		if strings.IndexByte(s, '\t') < 0 {
			delimiter = " "
		}
	}
	n := 0
	for more := true; more; n++ {
		var v string
		v, s, more = strings.Cut(s, delimiter)
		if v == "" || v == "-" {
			continue
		}
		if n >= len(l.columns) {
			p.event.AddUnmapped(accessline.ExtraName(n-len(l.columns)+1), v)
			continue
		}
		switch c := &l.columns[n]; {
		case p.set(c, v):
		case c.lax:
			p.event.AddUnmapped(c.name, v)
		default:
			return format.Errorf(record.ReasonSyntax, "column %d (%s): not %s: %q", n+1, c.name, c.kind, v)
		}
	}
	if n < l.fewest {
		return format.Errorf(record.ReasonFieldCount, "%d columns, the layout has %d", n, len(l.columns))
	}
	return nil
}

// object sets the fields from a JSON object, whose keys are the names of columns. A value that is not what its key says
// stays text: the keys cannot be off by one.
func (p *parser) object(raw []byte) error {
	known, text := 0, bstr.String(raw)
	c := format.NewCursor(raw)
	for c.Next() {
		key, escaped := c.Key, c.KeyEscaped
		if !c.Take() {
			break
		}
		col, ok := p.column(key, escaped)
		if ok {
			known++
		}
		v, plain := p.value(&c, text)
		p.times.named.add(col.kind)
		if v == "" || v == "-" {
			continue
		}
		if !ok || !plain || !p.set(&col, v) {
			p.event.AddUnmapped(p.name(key, escaped), v)
		}
	}
	switch {
	case !c.Done() || len(bytes.TrimSpace(raw[c.Pos():])) > 0:
		return format.Errorf(record.ReasonSyntax, "not valid JSON at byte %d", c.Pos())
	case known == 0:
		return format.Errorf(record.ReasonSyntax, "no key is the name of a column")
	}
	return nil
}

// value returns the cursor's value as text; plain is false for objects and arrays. text is the whole record.
func (p *parser) value(c *format.Cursor, text string) (v string, plain bool) {
	v = text[c.At : c.At+len(c.Value)]
	switch v[0] {
	case '"':
		if c.Escaped {
			p.scratch = format.AppendUnquoted(p.scratch[:0], c.Value[1:len(c.Value)-1])
			return p.arena.Text(p.scratch), true
		}
		return v[1 : len(v)-1], true
	case 'n':
		return "", true
	case '{', '[':
		return v, false
	}
	return v, true
}

// column looks up a key.
func (p *parser) column(key []byte, escaped bool) (column, bool) {
	if escaped {
		p.scratch = format.AppendUnquoted(p.scratch[:0], key)
	} else {
		p.scratch = append(p.scratch[:0], key...)
	}
	for i, c := range p.scratch {
		switch {
		case 'A' <= c && c <= 'Z':
			p.scratch[i] = c | 0x20
		case c == '_': // as Parquet's columns are spelt: x_edge_location, cs_user_agent
			p.scratch[i] = '-'
		}
	}
	c, ok := columnsByName()[string(p.scratch)]
	return c, ok
}

// name returns a key as text.
func (p *parser) name(key []byte, escaped bool) string {
	if escaped {
		p.scratch = format.AppendUnquoted(p.scratch[:0], key)
		key = p.scratch
	}
	return p.arena.Text(key)
}

// decode undoes the log's percent-encoding, once.
func (p *parser) decode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	p.scratch = accessline.AppendPercentDecoded(p.scratch[:0], s)
	return p.arena.Text(p.scratch)
}

// layout returns the compiled layout of that text; "" is the default or the beginning of it.
func (p *parser) layout(text string) *layout {
	if text == "" {
		return p.old
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
