package conformance_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/formattest"
	"github.com/shrike-sec/shrike/pkg/record"
)

// expectation is what a publisher says that one record means: our fields' names to its values, "" or nil for missing.
type expectation struct {
	file   string // below the folder of formats
	line   int
	format string // ours
	layout string
	raw    []byte            // nil: find the event in the sibling by the field in key
	key    string            // a field that names the record
	among  []map[string]any  // events to find it in
	want   map[string]any    // by our field
	_      map[string]string // keyed literals only
}

// score counts one format's compared values.
type score struct{ records, fields, wrong, argued int }

// Every value that a publisher expects, in what we have a field for, is the value of our event.
func TestExpectations(t *testing.T) {
	dir := formattest.SharedData(t, "formats")
	all := expectations(t, dir)
	if len(all) < 500 {
		t.Fatalf("read %d expectations: the loaders do not understand the files", len(all))
	}
	reg := builtin.Formats()
	scores := map[string]*score{}
	used := map[int]bool{}
	for _, x := range all {
		s := scores[x.format]
		if s == nil {
			s = &score{}
			scores[x.format] = s
		}
		s.records++
		got, why := x.event(t, reg)
		if got == nil {
			s.fields += len(x.want)
			if i := excused(x.format, x.file, "record"); i >= 0 {
				used[i] = true
				s.argued += len(x.want)
				continue
			}
			s.wrong += len(x.want)
			t.Errorf("%s:%d: %s: no event: %s", x.file, x.line, x.format, why)
			continue
		}
		for _, field := range slices.Sorted(maps.Keys(x.want)) {
			s.fields++
			if same(got[field], x.want[field]) {
				continue
			}
			if i := excused(x.format, x.file, field); i >= 0 {
				used[i] = true
				s.argued++
				continue
			}
			s.wrong++
			t.Errorf("%s:%d: %s: %s is %s, expected %s", x.file, x.line, x.format, field, shown(got[field]), shown(x.want[field]))
		}
	}
	for i, e := range exceptions {
		if !used[i] {
			t.Errorf("exception %s %s %s is not needed", e.format, e.file, e.fields)
		}
	}
	report(t, scores)
}

func report(t *testing.T, scores map[string]*score) {
	t.Logf("%-12s %8s %8s %8s %8s %9s", "format", "records", "values", "argued", "wrong", "accuracy")
	for _, name := range slices.Sorted(maps.Keys(scores)) {
		s := scores[name]
		counted := s.fields - s.argued
		t.Logf("%-12s %8d %8d %8d %8d %8.2f%%", name, s.records, s.fields, s.argued, s.wrong, 100*float64(counted-s.wrong)/float64(max(1, counted)))
	}
}

func shown(v any) string {
	text := fmt.Sprint(v)
	if v == nil {
		text = "missing"
	}
	return strconv.Quote(text[:min(len(text), 120)])
}

// event returns the one event of the expectation's record.
func (x *expectation) event(t *testing.T, reg *format.Registry) (map[string]any, string) {
	if x.raw == nil {
		for _, e := range x.among {
			if same(e[x.key], x.want[x.key]) {
				return e, ""
			}
		}
		return nil, "none has " + x.key + " " + shown(x.want[x.key])
	}
	events, problems := parse(t, reg, x.raw, x.format, x.layout)
	if len(events) == 0 {
		return nil, strings.Join(problems, "; ")
	}
	return events[0], ""
}

// parse returns the events of data, and what is wrong with the rest. hint, if not empty, is the format.
func parse(t *testing.T, reg *format.Registry, data []byte, hint, layout string) (events []map[string]any, problems []string) {
	t.Helper()
	d := format.NewDecoder(reg)
	o := format.SplitOptions{Received: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Format: hint, Layout: layout}
	_, err := format.Split(t.Context(), bytes.NewReader(data), reg, o, func(r record.Record) error {
		err := d.Decode(&r, func(e *event.Event) {
			var m map[string]any
			if err := json.Unmarshal(e.AppendJSON(nil), &m); err != nil {
				t.Errorf("event is no JSON: %v", err)
			}
			m["line"] = r.Origin.Line
			compose(m)
			events = append(events, m)
		})
		if err != nil && !errors.Is(err, format.ErrControl) {
			problems = append(problems, err.Error())
		}
		return nil
	}, func(l record.DeadLetter) error {
		problems = append(problems, string(l.Reason)+": "+l.Detail)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events, problems
}

// compose adds what publishers keep as one: the request's target and its line.
func compose(m map[string]any) {
	target, _ := m["url_path"].(string)
	if q, ok := m["url_query"]; ok {
		target += "?" + plain(q)
	}
	m["target"] = target
	if m["request_line"] == nil && m["method"] != nil {
		m["request_line"] = fmt.Sprintf("%v %s HTTP/%v", m["method"], target, m["http_version"])
	}
}

// same compares a value of ours with a publisher's: numbers as numbers, times as instants, "-" and null as missing.
func same(got, want any) bool {
	if list, ok := got.([]any); ok {
		texts := make([]string, len(list))
		for i, v := range list {
			texts[i] = fmt.Sprint(v)
		}
		got, want = strings.Join(texts, ","), strings.ReplaceAll(plain(want), ", ", ",")
	}
	if missing(got) || missing(want) {
		return missing(got) && missing(want)
	}
	g, w := plain(got), plain(want)
	if g == w {
		return true
	}
	if a, err := netip.ParseAddr(g); err == nil {
		b, err := netip.ParseAddr(w)
		return err == nil && a.Unmap() == b.Unmap()
	}
	if a, ok := instant(g); ok {
		b, ok := instant(w)
		return ok && a.Equal(b)
	}
	a, err1 := strconv.ParseFloat(g, 64)
	b, err2 := strconv.ParseFloat(w, 64)
	return err1 == nil && err2 == nil && math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))
}

func missing(v any) bool {
	s, ok := v.(string)
	return v == nil || ok && (s == "" || s == "-")
}

func plain(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case json.Number:
		return v.String()
	}
	return fmt.Sprint(v)
}

func instant(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.000Z0700", "02/Jan/2006:15:04:05 -0700", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && n > 1e9 {
		switch {
		case n > 1e17:
			return time.Unix(0, int64(n)), true
		case n > 1e11:
			return time.UnixMilli(int64(n)), true
		}
		return time.Unix(int64(n), 0), true
	}
	return time.Time{}, false
}

// read returns a file's bytes, unpacked.
func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.HasPrefix(data, []byte("\x1f\x8b")) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(z); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	return data
}

// Every raw file is parsed without a dead letter, but for those argued for.
func TestRawFiles(t *testing.T) {
	dir := formattest.SharedData(t, "formats")
	reg := builtin.Formats()
	type sum struct{ files, events, dead, argued int }
	sums := map[string]*sum{}
	used := map[int]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(read(t, filepath.Join(dir, "INDEX.tsv")))), "\n")[1:] {
		columns := strings.Split(line, "\t")
		name, role := strings.TrimPrefix(columns[0], "formats/"), columns[1]
		if role != "raw" {
			continue
		}
		s := sums[path.Dir(name)]
		if s == nil {
			s = &sum{}
			sums[path.Dir(name)] = s
		}
		s.files++
		events, problems := parse(t, reg, read(t, filepath.Join(dir, filepath.FromSlash(name))), "", "")
		s.events += len(events)
		s.dead += len(problems)
		if len(problems) == 0 && len(events) > 0 {
			continue
		}
		i := slices.IndexFunc(deadLetters, func(d argument) bool { ok, _ := path.Match(d.file, name); return ok })
		switch {
		case i >= 0:
			used[i] = true
			s.argued += len(problems)
		case len(problems) == 0:
			t.Errorf("%s: neither event nor dead letter", name)
		default:
			t.Errorf("%s: %d dead letters, first: %s", name, len(problems), problems[0])
		}
	}
	for i, d := range deadLetters {
		if !used[i] {
			t.Errorf("argument for %s is not needed", d.file)
		}
	}
	t.Logf("%-16s %6s %8s %13s %8s", "folder", "files", "events", "dead letters", "argued")
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		s := sums[name]
		t.Logf("%-16s %6d %8d %13d %8d", name, s.files, s.events, s.dead, s.argued)
	}
}

func excused(format, file, field string) int {
	return slices.IndexFunc(exceptions, func(e exception) bool {
		ok, _ := path.Match(e.file, file)
		return ok && cmp.Or(e.format, format) == format && slices.Contains(strings.Fields(e.fields), field)
	})
}
