package cloudtrail_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/shrike-sec/shrike/pkg/format/cloudtrail"
	"github.com/shrike-sec/shrike/pkg/format/formattest"
	"github.com/shrike-sec/shrike/pkg/record"
)

// FuzzParse: whatever the bytes, the parser gives exactly one of events, control and error, its events print as one
// line of valid JSON, and the record before leaves no trace.
func FuzzParse(f *testing.F) {
	inputs, err := filepath.Glob(filepath.Join("testdata", "*", "input"))
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range inputs {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(b) {
			f.Add(line)
		}
	}
	reused := cloudtrail.Spec().New()
	f.Fuzz(func(t *testing.T, raw []byte) {
		want := formattest.Check(t, cloudtrail.Spec().New(), &record.Record{Raw: raw})
		got := formattest.Check(t, reused, &record.Record{Raw: raw})
		if !bytes.Equal(got, want) {
			t.Fatalf("parse %q after others:\ngot  %s\nwant %s", raw, got, want)
		}
		cloudtrail.Spec().Sniff(raw)
	})
}
