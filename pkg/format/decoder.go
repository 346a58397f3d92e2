package format

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/zeebo/xxh3"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Decoder turns records of any registered format into events. It keeps one parser a format and is not safe for
// concurrent use: each goroutine makes its own.
type Decoder struct {
	reg     *Registry
	parsers []Parser // by the registry's index, made at first use

	// The record being decoded; members rather than a closure, which would be allocated for every record.
	rec     *record.Record
	format  string
	emit    func(*event.Event)
	idx     int
	outside bool // emit was called: what panics is not the parser
	forward func(*event.Event)
}

// NewDecoder makes a Decoder for the registry's formats.
func NewDecoder(reg *Registry) *Decoder {
	d := &Decoder{reg: reg, parsers: make([]Parser, len(reg.specs))}
	d.forward = d.complete
	return d
}

// Decode calls emit for each event of the record; events are valid until emit returns. It tries the record's own
// format and, when that fails or is unknown, the surest of the others once. It returns nil, ErrControl or an *Error;
// when both formats fail, the error of the record's own.
func (d *Decoder) Decode(r *record.Record, emit func(*event.Event)) error {
	first, named := d.reg.byName[r.Format]
	if !named {
		if first, _ = d.reg.sniff(r.Raw, -1, nil); first < 0 {
			return unknown(r)
		}
		return d.foreign(first, r, emit)
	}
	if err := d.parse(first, r, emit); err != nil {
		return d.another(first, err, r, emit)
	}
	return nil
}

// foreign parses a record as a format that it did not come as: its layout is not that one's.
func (d *Decoder) foreign(index int, r *record.Record, emit func(*event.Event)) error {
	layout := r.Layout
	r.Layout = ""
	err := d.parse(index, r, emit)
	r.Layout = layout
	return err
}

// another tries the surest format but the first, whose error stays the answer when that fails too.
func (d *Decoder) another(first int, err error, r *record.Record, emit func(*event.Event)) error {
	var bad *Error
	if !errors.As(err, &bad) || bad.Reason == record.ReasonNotice {
		return err
	}
	if second, _ := d.reg.sniff(r.Raw, first, nil); second >= 0 {
		if again := d.foreign(second, r, emit); again == nil || errors.Is(again, ErrControl) {
			return again
		}
	}
	return err
}

func unknown(r *record.Record) error {
	if r.Format != "" {
		return Errorf(record.ReasonUnknownFormat, "no format is named %q and none recognises the record", r.Format)
	}
	return Errorf(record.ReasonUnknownFormat, "no format recognises the record")
}

// parse makes an error of a parser's panic, and another parser: it is to cost one record. The stages would else meet the record
// again at each start.
func (d *Decoder) parse(index int, r *record.Record, emit func(*event.Event)) (err error) {
	if d.parsers[index] == nil {
		d.parsers[index] = d.reg.specs[index].New()
	}
	d.rec, d.format, d.emit, d.idx, d.outside = r, d.reg.specs[index].Name, emit, 0, false
	defer func() {
		if d.outside {
			return
		}
		if p := recover(); p != nil {
			d.parsers[index], d.rec, d.emit = nil, nil, nil
			err = Errorf(record.ReasonFault, "the parser of %s broke off: %v; please report it with the record", d.format, p)
		}
	}()
	err = d.parsers[index].Parse(r, d.forward)
	d.rec, d.emit = nil, nil
	return err
}

// complete fills in what is the same for all formats and hands the event on.
func (d *Decoder) complete(e *event.Event) {
	e.SetText(event.Source, d.rec.Origin.Source)
	e.SetText(event.Format, d.format)
	if !d.rec.Received.IsZero() {
		e.SetUnixNano(event.ReceivedTime, d.rec.Received.UnixNano())
	}
	e.Idx = d.idx
	e.UID = event.NewUID(d.format, e.Text(event.NativeID), d.rec.Origin, d.rec.Raw, d.idx)
	d.idx++
	d.outside = true
	d.emit(e)
	d.outside = false
}

// Version returns a short hash of the versions of all parsers. It changes whenever the same record may decode to
// other events, also when a format is added.
func (d *Decoder) Version() string {
	parts := make([]string, 0, len(d.reg.specs))
	for _, s := range d.reg.specs {
		parts = append(parts, s.Name+":"+strconv.Itoa(s.Version)+"\n")
	}
	slices.Sort(parts)
	h := xxh3.New()
	for _, p := range parts {
		_, _ = h.WriteString(p)
	}
	return fmt.Sprintf("%08x", uint32(h.Sum64()))
}
