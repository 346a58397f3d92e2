package formattest

import (
	"bytes"
	"errors"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// goldenRecords returns the records of all golden cases in dir.
func goldenRecords(t testing.TB, spec format.Spec, dir string) []record.Record {
	t.Helper()
	var records []record.Record
	for _, c := range load(t, dir) {
		got, _ := Split(t, spec, c.input, c.layout)
		records = append(records, got...)
	}
	return records
}

// Fuzz fuzzes the parser with the records of the golden cases as seeds: whatever the bytes, there is no panic, exactly
// one of events, ErrControl and *Error comes out, a fresh parser and one that has parsed other things agree, and
// nothing of the record's memory is kept. It fails, by the seeds alone, without the line in a format's Parse that resets
// its event.
func Fuzz(f *testing.F, spec format.Spec, dir string) {
	f.Helper()
	for _, r := range goldenRecords(f, spec, dir) {
		f.Add(r.Raw, r.Layout)
	}
	reused := spec.New()
	f.Fuzz(func(t *testing.T, raw []byte, layout string) {
		r := record.Record{Raw: raw, Layout: layout, Received: Received()}
		spec.Sniff(raw)
		want := Check(t, spec.New(), &r)
		scratch := r.Clone()
		got := Check(t, reused, &scratch)
		if !bytes.Equal(got, want) {
			t.Errorf("record %q after others:\ngot  %s\nwant %s", raw, got, want)
		}
	})
}

// BenchmarkParse parses the records of the golden cases that hold events, in turn, and reports lines a second.
func BenchmarkParse(b *testing.B, spec format.Spec, dir string) {
	b.Helper()
	p, emit := spec.New(), func(*event.Event) {}
	var good []record.Record
	var size int64
	for _, r := range goldenRecords(b, spec, dir) {
		if p.Parse(&r, emit) == nil {
			good = append(good, r)
			size += int64(len(r.Raw))
		}
	}
	b.ReportAllocs()
	b.SetBytes(size / int64(len(good)))
	i := 0
	for b.Loop() {
		if err := p.Parse(&good[i], emit); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(good) {
			i = 0
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// Lines splits data and returns how many records the format makes events or control records of, and the lines that it
// does not, with their reasons.
func Lines(t *testing.T, spec format.Spec, data []byte) (good int, bad []string) {
	t.Helper()
	records, letters := Split(t, spec, data, "")
	d := format.NewDecoder(format.NewRegistry([]format.Spec{spec}))
	for i := range records {
		err := d.Decode(&records[i], func(*event.Event) {})
		if err == nil || errors.Is(err, format.ErrControl) {
			good++
			continue
		}
		bad = append(bad, err.Error()+": "+string(records[i].Raw))
	}
	for i := range letters {
		bad = append(bad, string(letters[i].Reason)+": "+letters[i].Detail)
	}
	return good, bad
}
