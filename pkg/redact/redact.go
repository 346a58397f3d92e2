package redact

import (
	"bytes"
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Redactor applies Rules. It is not safe for concurrent use: each goroutine makes its own.
type Redactor struct {
	rules   *Rules
	secrets []*event.Field // fields that are secrets by their name
	texts   []*event.Field // fields that may hold one: texts, lists, objects
	cuts    []cut          // of the part being searched
	values  [][]byte       // secrets of this record, to find them where no name tells
	record  record.Record
	parsers map[string]*fastjson.Parser
}

// What is remembered of one record. Shorter values stand for themselves elsewhere: the password "admin" must not take
// every admin out of a record.
const (
	minValue  = 8
	maxValues = 64
)

// New makes a Redactor.
func New(rules *Rules) *Redactor {
	r := &Redactor{rules: rules, parsers: make(map[string]*fastjson.Parser)}
	for _, f := range event.Fields() {
		switch {
		case f.Meta:
		case f.Type == event.TypeText && rules.of([]byte(f.Name)) != none:
			r.secrets = append(r.secrets, f)
		case f.Type == event.TypeText, f.Type == event.TypeList, f.Type == event.TypeObject:
			r.texts = append(r.texts, f)
		}
	}
	return r
}

// Event cuts the secrets out of an event: fields, unmapped and its record's raw bytes; true when there were any, which
// e.Redacted then says too. The record is replaced by a copy; the bytes it had are not changed. What is new is valid as
// long as the event, at most until the next call.
func (r *Redactor) Event(e *event.Event) bool {
	if !r.suspicious(e) {
		return false
	}
	r.values = r.values[:0]
	if !r.event(e, false) {
		return false
	}
	r.event(e, true)
	e.Redacted = true
	return true
}

func (r *Redactor) suspicious(e *event.Event) bool {
	for _, f := range r.secrets {
		if e.Text(f.TextField()) != "" {
			return true
		}
	}
	return e.Record != nil && r.rules.suspicious(e.Record.Raw)
}

// event looks at every part. The first time it only learns the values, so that the second time cuts them wherever they
// stand.
func (r *Redactor) event(e *event.Event, write bool) (some bool) {
	for _, f := range r.secrets {
		if v := e.Text(f.TextField()); !blank([]byte(v)) {
			some = true
			r.remember([]byte(v))
			if write {
				r.raw(e, v)
				e.SetText(f.TextField(), Mark)
			}
		}
	}
	for _, f := range r.texts {
		if e.Has(f) {
			some = r.field(e, f, write) || some
		}
	}
	for i := range e.Unmapped {
		some = r.unmapped(&e.Unmapped[i], write) || some
	}
	if e.Record != nil {
		if raw, cut := r.bytes(e.Record.Raw); cut {
			some = true
			if write {
				r.replace(e, raw)
			}
		}
	}
	return some
}

func (r *Redactor) field(e *event.Event, f *event.Field, write bool) (some bool) {
	switch f.Type {
	case event.TypeText:
		v, cut := r.string(e.Text(f.TextField()))
		if cut && write {
			e.SetText(f.TextField(), v)
		}
		return cut
	case event.TypeObject:
		v, cut := r.string(e.Object(f.ObjectField()).Raw)
		if cut && write {
			e.SetObject(f.ObjectField(), r.object(f.Name, v))
		}
		return cut
	default:
		list := e.List(f.ListField())
		for i := range list {
			v, cut := r.line(list[i])
			if cut && write {
				list[i] = v
			}
			some = some || cut
		}
		return some
	}
}

// object parses the document again: rules and samples read it as a value.
func (r *Redactor) object(name, text string) event.Object {
	p := r.parsers[name]
	if p == nil {
		p = new(fastjson.Parser)
		r.parsers[name] = p
	}
	v, err := p.Parse(text)
	if err != nil {
		return event.Object{Raw: quotedMark} // it was not JSON before either
	}
	return event.Object{Raw: text, Value: v}
}

// line redacts an element of a list: it may be a header, of which all is secret behind the name.
func (r *Redactor) line(s string) (string, bool) {
	if name, v, ok := strings.Cut(s, ": "); ok && r.rules.of([]byte(name)) != none && !blank([]byte(v)) {
		r.remember([]byte(v))
		return name + ": " + Mark, true
	}
	return r.string(s)
}

func (r *Redactor) unmapped(p *event.Pair, write bool) bool {
	v, cut := "", false
	if r.path(p.Key) && !isDocument([]byte(p.Value)) && !blank([]byte(p.Value)) {
		r.remember([]byte(p.Value))
		v, cut = Mark, true
	} else {
		v, cut = r.string(p.Value)
	}
	if cut && write {
		p.Value = v
	}
	return cut
}

// path reports whether a name as unmapped has it, such as responseElements.credentials.other, is a secret's.
func (r *Redactor) path(key string) bool {
	if r.rules.of([]byte(key)) != none {
		return true
	}
	for part := range strings.SplitSeq(key, ".") {
		if r.rules.of([]byte(part)) == deep {
			return !isIdentifier([]byte(key))
		}
	}
	return false
}

// raw takes a secret out of the raw bytes that stands there without a name, as a column of its own. It may be written
// otherwise there: then the column is found by what it means, and if it cannot be found nothing is kept.
func (r *Redactor) raw(e *event.Event, v string) {
	if e.Record == nil || isDocument(e.Record.Raw) {
		return // the name stands beside it
	}
	raw := e.Record.Raw
	at := 0
	for column := range bytes.SplitSeq(raw, []byte{'\t'}) {
		text, err := url.PathUnescape(string(column))
		if string(column) == v || err == nil && text == v {
			r.replace(e, apply(nil, raw, []cut{{at, at + len(column), Mark}}))
			return
		}
		at += len(column) + 1
	}
	if bytes.Contains(raw, []byte(v)) {
		r.replace(e, bytes.ReplaceAll(raw, []byte(v), []byte(Mark)))
		return
	}
	r.replace(e, []byte(Mark))
}

func (r *Redactor) replace(e *event.Event, raw []byte) {
	r.record = *e.Record
	r.record.Raw = raw
	e.Record = &r.record
}

// DeadLetter cuts secrets out of a dead letter, as well as can be done in what could not be parsed; true when there were
// any. The bytes it had are not changed.
func (r *Redactor) DeadLetter(d *record.DeadLetter) bool {
	detail, object := []byte(d.Detail), []byte(d.Origin.Object)
	if !r.rules.suspicious(d.Raw) && !r.rules.suspicious(detail) && !r.rules.suspicious(object) {
		return false
	}
	r.values = r.values[:0]
	_, some := r.bytes(d.Raw)
	raw, again := r.bytes(d.Raw)
	if again {
		d.Raw = raw
	}
	var cutDetail, cutObject bool
	d.Detail, cutDetail = r.string(d.Detail)
	d.Origin.Object, cutObject = r.string(d.Origin.Object)
	return some || again || cutDetail || cutObject
}

// string redacts one text.
func (r *Redactor) string(s string) (string, bool) {
	b, cut := r.bytes([]byte(s))
	if !cut {
		return s, false
	}
	return string(b), true
}

// bytes returns b without its secrets, and whether there were any. b is not changed.
func (r *Redactor) bytes(b []byte) ([]byte, bool) {
	r.cuts = r.cuts[:0]
	r.text(b)
	if len(r.cuts) == 0 {
		return b, false
	}
	return apply(nil, b, tidy(r.cuts)), true
}

// text adds the cuts of a text that may be a document.
func (r *Redactor) text(b []byte) {
	if isDocument(b) && r.document(b) {
		return
	}
	r.rules.eachSecret(b, func(f found) {
		r.remember(b[f.from:f.to])
		r.add(cut{f.from, f.to, Mark})
	})
	for _, v := range r.values {
		for from := 0; ; {
			n := bytes.Index(b[from:], v)
			if n < 0 {
				break
			}
			n += from
			from = n + len(v)
			if !inWord(b, n-1) && !inWord(b, from) {
				r.add(cut{n, from, Mark})
			}
		}
	}
}

// inWord reports whether a letter or digit stands at i: a value is only met as a whole.
func inWord(b []byte, i int) bool {
	return i >= 0 && i < len(b) && isWord(b[i]) && b[i] != '-' && b[i] != '_' && b[i] != '.'
}

func (r *Redactor) add(c cut) { r.cuts = append(r.cuts, c) }

func (r *Redactor) remember(v []byte) {
	if len(v) < minValue || len(r.values) == maxValues || slices.ContainsFunc(r.values, func(x []byte) bool { return bytes.Equal(x, v) }) {
		return
	}
	r.values = append(r.values, bytes.Clone(v))
}

// tidy sorts cuts and joins those that overlap.
func tidy(cuts []cut) []cut {
	slices.SortStableFunc(cuts, func(a, b cut) int { return cmp.Compare(a.from, b.from) })
	out := cuts[:1]
	for _, c := range cuts[1:] {
		if last := &out[len(out)-1]; c.from < last.to {
			last.to = max(last.to, c.to)
		} else {
			out = append(out, c)
		}
	}
	return out
}

// apply appends b with the cuts, which must be tidy.
func apply(dst, b []byte, cuts []cut) []byte {
	at := 0
	for _, c := range cuts {
		dst = append(append(dst, b[at:c.from]...), c.with...)
		at = c.to
	}
	return append(dst, b[at:]...)
}
