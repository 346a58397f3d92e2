package format_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

func TestRowsOfQueries(t *testing.T) {
	t.Parallel()
	const statistics = `"statistics":{"recordsMatched":2.0,"recordsScanned":2.0,"bytesScanned":9.0}`
	pair := func(name, value string) string { return `{"field":"` + name + `","value":` + quote(value) + `}` }
	message := func(m string) string {
		return `[` + pair("@timestamp", "2026-03-01 09:14:07.000") + `, ` + pair("@message", m) + `,` + pair("@ptr", "p") + `]`
	}
	without := `[` + pair("@timestamp", "2026-03-01 09:14:07.000") + `,` + pair("@ptr", "p") + `]`
	both := []string{"red 1", `{"e":1}`}
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"Insights":                   {`{"queryLanguage":"CWLI","results":[` + message("red 1") + `,` + message(`{"e":1}`) + `],` + statistics + `,"status":"Complete"}`, both},
		"Insights, statistics first": {`{` + statistics + `,"results": [ [ ` + pair("@message", "red 1") + `]]}`, both[:1]},
		"Insights, encryption":       {`{"results":[` + message("red 1") + `],` + statistics + `,"encryptionKey":"k","status":"Complete"}x`, []string{"red 1", "x"}},
		"Insights, no message":       {`{"results":[` + without + `,` + message("red 1") + `],` + statistics + `}`, []string{"unknown_format!" + without, "red 1"}},
		"Insights, no results":       {`{"results":[],"status":"Complete"}`, []string{`{"results":[],"status":"Complete"}`}},
		"results of somebody":        {`{"results":[[{"x":"y"}]]}`, []string{`{"results":[[{"x":"y"}]]}`}},
		"console":                    {`[{"@timestamp":"x","@message":"red 1","@ptr":"p"},{"@timestamp":"x","@message":{"e":1}}]`, both},
		"console, other order":       {`[{"eventTime":"x","userIdentity.arn":"y","@message":"red 1","@ptr":"p"}]`, both[:1]},
		"console, lines":             {`{"@timestamp":"x","@message":"red 1"}` + "\n" + `{"@message":{"e":1},"@logStream":"s"}`, both},
		"console, no message":        {`[{"@timestamp":"x","a":"b","@ptr":"p"}]`, []string{`unknown_format!{"@timestamp":"x","a":"b","@ptr":"p"}`}},
		"console, empty message":     {`[{"@timestamp":"x","@message":" "}]`, []string{`unknown_format!{"@timestamp":"x","@message":" "}`}},
		"Logstash":                   {`{"@timestamp":"x","@version":"1","message":"red 1"}`, []string{`{"@timestamp":"x","@version":"1","message":"red 1"}`}},
		"Lake":                       {`{"QueryStatus":"FINISHED","QueryStatistics":{"ResultsCount":1},"QueryResultRows":[[{"eventJson":` + quote(`{"e":1}`) + `}],[{"eventID":"1"},{"eventData":"red 1"}]]}`, []string{`{"e":1}`, "red 1"}},
		"Lake, no record":            {`{"QueryStatus":"FINISHED","QueryResultRows":[[{"eventID":"1"},{"eventName":"n"}]],"NextToken":"t"}`, []string{`unknown_format![{"eventID":"1"},{"eventName":"n"}]`}},
		"Lake, of another row":       {`{"QueryResultRows":[[{"a":1}],[{"a":"b","c":"d"}]]}`, []string{`[{"a":1}]`, `[{"a":"b","c":"d"}]`}},
		"strings":                    {`["red 1", "{\"e\":1}"]` + "\n", both},
		"strings, pretty":            {"[\n    \"{\\\"e\\\":1}\",\n    \"red 1\\n\"\n]\nred 2\n", []string{`{"e":1}`, "red 1", "red 2"}},
		"strings, some no records":   {`["red 1","other",5]`, []string{"red 1", `"other"`, "5"}},
		"strings of others":          {`["other","red 1"]` + "\n", []string{`["other","red 1"]`}},
		"strings, cut short":         {`["red 1`, []string{`["red 1`}},
		"strings, end is missing":    {`["red 1","red`, []string{"red 1", `truncated!"red`}},
		"strings in a document":      {`{"Records":["red 1"]}`, []string{`"red 1"`}},
		"strings in a line":          {`["red 1"] x` + "\n", []string{"red 1", "x"}},
		"packed in rows":             {`{"results":[` + message(`{"message":"red 1"}`) + `]}`, both[:1]},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, stats := split(t, strings.NewReader(tc.in), format.SplitOptions{})
			if diff := cmp.Diff(tc.want, raws(got)); diff != "" || stats.Bytes != int64(len(tc.in)) {
				t.Errorf("split %s: %d bytes of %d (-want +got):\n%s", tc.in, stats.Bytes, len(tc.in), diff)
			}
			sameInPieces(t, tc.in, format.SplitOptions{}, got)
			for cut := range len(tc.in) { // while the object grows, too
				head, stats := split(t, strings.NewReader(tc.in[:cut]), format.SplitOptions{More: true})
				tail, _ := split(t, strings.NewReader(tc.in[stats.Bytes:]), format.SplitOptions{Origin: record.Origin{Offset: stats.Bytes}})
				if diff := cmp.Diff(raws(got), raws(append(head, tail...))); diff != "" {
					t.Fatalf("split %s, cut at %d and taken up at %d (-whole +both):\n%s", tc.in, cut, stats.Bytes, diff)
				}
			}
		})
	}
}

// Where a record stands in its object as it is, its origin says so.
func TestOriginsOfWhatStandsInRowsAndLines(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		`[{"@ptr":"p","@message": {"e":1}}]`, cri("stdout", "F", "red 1"), "2026-03-01T09:14:07.000Z red 1\n", "@ptr,@message\np,red 1\n",
	} {
		got, _ := split(t, strings.NewReader(in), format.SplitOptions{})
		if len(got) != 1 || !strings.HasPrefix(in[got[0].Offset:], got[0].Raw) || got[0].Offset == 0 {
			t.Errorf("split %s: got %+v", in, got)
		}
	}
}

// Every row becomes its record, or one dead letter: none is lost, none comes twice. Without the line in unwrapRow that buries
// a row it fails.
func TestEveryRowIsARecordOrADeadLetter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) { rowsComeOut(t, rt) })
}

func FuzzRows(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		rapid.MakeFuzz(func(rt *rapid.T) { rowsComeOut(t, rt) })(t, in)
	})
}

func rowsComeOut(tb testing.TB, t *rapid.T) {
	type column struct {
		Field string `json:"field"`
		Value string `json:"value"`
	}
	kind := rapid.IntRange(0, 2).Draw(t, "kind")
	rows, want := []any{}, []string{}
	for range rapid.IntRange(1, 6).Draw(t, "rows") {
		record := rapid.SampledFrom([]string{"", " ", "red \x01é\"\\", `{"e":"\"}]"}`, "a,\"b"}).Draw(t, "record")
		columns := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"@timestamp", "eventName", "a\"]"}), 0, 3, rapid.ID).Draw(t, "others")
		at := rapid.IntRange(0, len(columns)).Draw(t, "at")
		name := map[bool]string{true: "eventJson", false: "@message"}[kind == 2]
		columns = append(columns[:at:at], append([]string{name}, columns[at:]...)...)
		var list []any
		object := map[string]any{"@ptr": "p"}
		for _, c := range columns {
			value := "x"
			if c == name {
				value = record
			}
			object[c] = value
			if kind == 2 {
				list = append(list, map[string]string{c: value})
			} else {
				list = append(list, column{c, value})
			}
		}
		if kind == 1 {
			rows = append(rows, object)
		} else {
			rows = append(rows, list)
		}
		if strings.TrimSpace(record) == "" {
			record = "a row without"
		}
		want = append(want, record)
	}
	document := map[int]any{0: map[string]any{"results": rows, "statistics": map[string]int{"x": 1}}, 1: rows, 2: map[string]any{"QueryResultRows": rows}}[kind]
	in, err := json.MarshalIndent(document, "", rapid.SampledFrom([]string{"", "  "}).Draw(t, "indent"))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := split(tb, strings.NewReader(string(in)), format.SplitOptions{})
	have := []string{}
	for _, p := range got {
		if p.Dead != "" {
			p.Raw = "a row without"
		}
		have = append(have, p.Raw)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Fatalf("split %s (-want +got):\n%s", in, diff)
	}
}
