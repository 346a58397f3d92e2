package formattest

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// maxAllocs bounds what parsing one record may allocate once the parser is warm.
const maxAllocs = 2

// Conformance checks the contract of format.Parser with the records: results depend on nothing but the record, no
// memory of a record outlives its Parse, bytes are not changed, errors and events exclude each other, and a warm
// parser hardly allocates.
func Conformance(t *testing.T, spec format.Spec, records []record.Record) {
	t.Helper()
	if spec.Name == "" || spec.Class == event.None || spec.New == nil || spec.Sniff == nil || spec.Version == 0 {
		t.Fatalf("spec of format %q is incomplete", spec.Name)
	}
	if len(records) == 0 {
		t.Fatal("no records")
	}
	reused := spec.New()
	for i := range records {
		want := Check(t, spec.New(), &records[i])
		scratch := records[i].Clone()
		got := Check(t, reused, &scratch)
		// Whatever the parser keeps of this record is now garbage: the next record must not show it.
		for j := range scratch.Raw {
			scratch.Raw[j] = 0xAA
		}
		if !bytes.Equal(got, want) {
			t.Errorf("record %q after others:\ngot  %s\nwant %s", records[i].Raw, got, want)
		}
		cut(t, reused, records[i])
	}
	allocations(t, reused, records)
}

// Check parses one record, fails the test where the parser breaks its contract, and returns the events as JSON lines
// (nothing for a control record or an error).
func Check(t testing.TB, p format.Parser, r *record.Record) []byte {
	t.Helper()
	before := bytes.Clone(r.Raw)
	var out []byte
	var events int
	err := p.Parse(r, func(e *event.Event) {
		events++
		checkEvent(t, r, e)
		start := len(out)
		out = e.AppendJSON(out)
		if !json.Valid(out[start:]) || bytes.IndexByte(out[start:], '\n') >= 0 {
			t.Errorf("record %q: event is not one line of valid JSON: %s", r.Raw, out[start:])
		}
		out = append(out, '\n')
	})
	if !bytes.Equal(before, r.Raw) {
		t.Errorf("record %q: the parser changed its bytes", before)
	}
	var bad *format.Error
	switch {
	case err == nil && events == 0:
		t.Errorf("record %q: no event, no error, no control", r.Raw)
	case err != nil && events > 0:
		t.Errorf("record %q: error after an event: %v", r.Raw, err)
	case err != nil && !errors.Is(err, format.ErrControl) && !errors.As(err, &bad):
		t.Errorf("record %q: %v is neither ErrControl nor *Error", r.Raw, err)
	}
	return out
}

func checkEvent(t testing.TB, r *record.Record, e *event.Event) {
	t.Helper()
	if e.Class == event.None || e.Record != r {
		t.Errorf("record %q: event has class %q or the wrong record", r.Raw, e.Class)
	}
	if _, ok := e.Time(event.EventTime); !ok {
		t.Errorf("record %q: event without event_time", r.Raw)
	}
	if e.Text(event.Provider) == "" || e.Text(event.Outcome) == "" {
		t.Errorf("record %q: event without provider or outcome", r.Raw)
	}
	_, received := e.Time(event.ReceivedTime)
	if e.Text(event.Source) != "" || e.Text(event.Format) != "" || e.UID != (event.UID{}) || e.Idx != 0 || received {
		t.Errorf("record %q: the parser sets what is the decoder's", r.Raw)
	}
	for _, f := range event.Fields() {
		if !f.Meta && e.Has(f) && !f.In(e.Class) {
			t.Errorf("record %q: field %s is not one of class %s", r.Raw, f.Name, e.Class)
		}
	}
}

// cut parses beginnings of the record, as a broken source would deliver them.
func cut(t *testing.T, p format.Parser, r record.Record) {
	t.Helper()
	step := max(1, len(r.Raw)/40)
	for n := 0; n < len(r.Raw); n += step {
		short := r
		short.Raw = bytes.Clone(r.Raw[:n])
		Check(t, p, &short)
	}
}

func allocations(t *testing.T, p format.Parser, records []record.Record) {
	t.Helper()
	discard := func(*event.Event) {}
	for i := range records {
		if err := p.Parse(&records[i], discard); err != nil {
			continue
		}
		got := testing.AllocsPerRun(20, func() { _ = p.Parse(&records[i], discard) })
		if got > maxAllocs {
			t.Errorf("record %q: %.0f allocations, want at most %d", records[i].Raw, got, maxAllocs)
		}
	}
}
