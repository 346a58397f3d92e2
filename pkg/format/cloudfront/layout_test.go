package cloudfront

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

func TestHeader(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"#Fields: date time c-ip":                      "date time c-ip",
		"#Fields: " + DefaultLayout:                    DefaultLayout,
		"#Fields:date\ttime\tc-ip\r":                   "date time c-ip",
		"#Fields: date|time|c-ip":                      "delimiter=| date time c-ip",
		"#Fields: c-ip":                                "c-ip",
		"#Fields: DistributionId some-new-one cs(X-Y)": "",
		"#Fields: c-ip sc-status some-new-one cs(X-Y)": "c-ip sc-status some-new-one cs(X-Y)",
		"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip": "",
		"#Fields: one two": "", "#Fields:": "", "#Version: 1.0": "", "": "", "date time c-ip": "",
		"#Fields: date,time|c-ip": "",
	} {
		if got, ok := Header([]byte(line)); got != want || ok != (want != "") {
			t.Errorf("Header(%q) = %q, %v, want %q", line, got, ok, want)
		}
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	const line = "2026-04-05\t06:07:08\tARN56-P1\t2390\t203.0.113.44\tGET\th\t/\t200\t-\t-\t-"
	for raw, want := range map[string]int{
		line:                                    95,
		line + "\t-\tHit":                       95,
		line[:len(line)-2]:                      30,
		"2026-04-05\t06:07:08\t":                30,
		strings.Replace(line, "2390", "GET", 1): 30,
		strings.ReplaceAll(line, "\t", " "):     0,
		"#Fields: date time c-ip":               95,
		"#Version: 1.0":                         60,
		"#!/bin/sh":                             0,
		`{"date":"2026-04-05","time":"06:07:08","c-ip":"192.0.2.1"}`: 90,
		`{"timestamp":1,"httpRequest":{"c-ip":"192.0.2.1"}}`:         0,
		`{"timestamp":1,"message":"x"}`:                              0,
		`{"sc-status`:                                                0,
		"":                                                           0,
	} {
		if got := sniff([]byte(raw)); got != want {
			t.Errorf("sniff(%q) = %d, want %d", raw, got, want)
		}
	}
}

// samples are values that each column may hold; a column that is not here takes any text.
var samples = map[string][]string{
	"date": {"2026-04-05"}, "time": {"06:07:08", "23:59:59"}, "timestamp": {"1775369228", "1775369228.5", "-"},
	"timestamp(ms)": {"1775369228345", "-"}, "c-ip": {"203.0.113.44", "2001:db8::44", "unknown", "-"},
	"sc-status": {"200", "404", "000", "-"}, "sc-bytes": {"0", "2390"}, "cs-bytes": {"7", "-"}, "sc-content-len": {"1"},
	"c-port": {"65535"}, "asn": {"64500", "4294967295"}, "time-taken": {"0.052", "0"}, "time-to-first-byte": {"0.001"},
	"origin-fbl": {"1.5"}, "origin-lbl": {"2"},
}

// Any columns in any order say the same as a line under its header and as a JSON object, whatever divides the values.
func TestLineAndObjectAgree(t *testing.T) {
	t.Parallel()
	var names []string
	for name := range columnsByName() {
		names = append(names, name)
	}
	names = append(names, "x-edge-new", "cs(X-Trace)")
	rapid.Check(t, func(t *rapid.T) {
		delimiter := rapid.SampledFrom([]string{"\t", "|", ";;"}).Draw(t, "delimiter")
		order := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 2, 40, rapid.ID).Draw(t, "names")
		order = append(order, "date", "time")
		var object strings.Builder
		values := make([]string, len(order))
		seen := map[string]bool{}
		for i, name := range order {
			if seen[name] {
				name = "another-" + name
				order[i] = name
			}
			seen[name] = true
			if s := samples[name]; s != nil {
				values[i] = rapid.SampledFrom(s).Draw(t, name)
			} else {
				values[i] = rapid.StringMatching(`[A-Za-z0-9%/?=&., ":\\é-]{0,12}`).Draw(t, name)
			}
			key, _ := json.Marshal(name)
			value, _ := json.Marshal(values[i])
			object.WriteString(map[bool]string{true: "{", false: ","}[i == 0] + string(key) + ":" + string(value))
		}
		object.WriteString("}")
		header := "#Fields: " + strings.Join(order, map[bool]string{true: " ", false: delimiter}[delimiter == "\t"])
		layout, ok := Header([]byte(header))
		if !ok {
			t.Skip("too few known names")
		}
		line := strings.Join(values, delimiter)
		if line[0] == '#' || line[0] == '{' || delimiter == "\t" && strings.Trim(line, "\t") == "" {
			t.Skip("the first value looks like something else")
		}
		got := outcomeOf(t, record.Record{Raw: []byte(line), Layout: layout})
		want := outcomeOf(t, record.Record{Raw: []byte(object.String())})
		if got != want {
			t.Fatalf("layout %s\nline   %q\n%s\nobject %s\n%s", layout, line, got, object.String(), want)
		}
	})
}

func outcomeOf(t *rapid.T, r record.Record) string {
	var out []byte
	if err := New().Parse(&r, func(e *event.Event) { out = e.AppendJSON(out) }); err != nil {
		t.Fatalf("parse %q (layout %q): %v", r.Raw, r.Layout, err)
	}
	return string(out)
}

// A sender that names a new layout on every line does not make the parser grow.
func TestLayoutsAreBounded(t *testing.T) {
	t.Parallel()
	p := New().(*parser)
	for i := range 10 * maxLayouts {
		p.layout("date time c" + strings.Repeat("x", i))
	}
	if len(p.layouts) > maxLayouts {
		t.Errorf("%d layouts kept, want at most %d", len(p.layouts), maxLayouts)
	}
}
