package formattest

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/flowline"
	"github.com/shrike-sec/shrike/pkg/record"
)

// FuzzPrint fuzzes a format of flow lines with the records of the golden cases as seeds: an event that is written as a
// line again, value by value in the record's own layout, is parsed to the same event. normal is the layout of a record
// that names none.
func FuzzPrint(f *testing.F, spec format.Spec, columns flowline.Columns, normal, dir string) {
	f.Helper()
	for _, r := range goldenRecords(f, spec, dir) {
		f.Add(string(r.Raw), r.Layout)
	}
	p := spec.New()
	f.Fuzz(func(t *testing.T, raw, layout string) {
		names := strings.Fields(layout)
		if layout == "" {
			names = strings.Fields(normal)
		}
		parse := func(line string) (out []byte, printed string) {
			r := record.Record{Raw: []byte(line), Layout: layout, Received: Received()}
			if err := p.Parse(&r, func(e *event.Event) {
				out = e.AppendJSON(nil)
				printed = printFlow(e, columns, names)
			}); err != nil {
				return nil, ""
			}
			return out, printed
		}
		first, printed := parse(raw)
		if first == nil {
			return
		}
		if second, _ := parse(printed); !bytes.Equal(first, second) {
			t.Errorf("record %q of layout %q, printed as %q:\nfirst  %s\nsecond %s", raw, layout, printed, first, second)
		}
	})
}

// printFlow writes an event as a line of those columns.
func printFlow(e *event.Event, columns flowline.Columns, names []string) string {
	unknown := e.Unmapped
	values := make([]string, 0, len(names))
	for _, name := range names {
		c, v := columns[strings.ReplaceAll(name, "-", "_")], ""
		switch c.Kind {
		case flowline.Text:
			v = e.Text(c.Text)
		case flowline.Tag:
			if v = strings.ReplaceAll(url.QueryEscape(e.Text(c.Text)), "+", "%20"); v == "-" {
				v = "%2D" // a tag that is a dash
			}
		case flowline.Action:
			v = e.Text(event.Action)
		case flowline.Integer:
			if n, ok := e.Int(c.Int); ok {
				v = strconv.FormatInt(n, 10)
			}
		case flowline.Address:
			if a := e.Addr(c.Addr); a.IsValid() {
				v = a.String()
			}
		case flowline.Seconds:
			if at, ok := e.Time(c.Time); ok {
				v = strconv.FormatInt(at.Unix(), 10)
			}
		case flowline.Unmapped:
			if len(unknown) > 0 && unknown[0].Key == name { // they are in the layout's order
				v, unknown = unknown[0].Value, unknown[1:]
			}
		}
		if v == "" {
			v = "-"
		}
		values = append(values, v)
	}
	return strings.Join(values, " ")
}
