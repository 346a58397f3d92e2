package format_test

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/format"
)

func TestTables(t *testing.T) {
	t.Parallel()
	const history = "User name,Event time,Event source,Event name,AWS region,User agent\n"
	quoted := func(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"Insights":             {"@timestamp,@message,@ptr\n2026-03-01 09:14:07.000,red 1,p\n2026-03-01 09:14:07.000," + quoted(`{"e":"a,\"b"}`) + ",p\n", []string{"red 1", `{"e":"a,\"b"}`}},
		"Insights, mark, CRLF": {"\xEF\xBB\xBF\"@message\",\"@timestamp\"\r\n\"red 1\",x\r\nred 2,\"y\"\r\n", []string{"red 1", "red 2"}},
		"Insights, no message": {"@timestamp,srcAddr\nx,10.0.0.1\n", []string{"unknown_format!x,10.0.0.1"}},
		"lines in a cell":      {"@message,@ptr\n\"{\n \"\"e\"\": 1\n}\",p\nred 1,p", []string{"{\n \"e\": 1\n}", "red 1"}},
		"cells are missing":    {"@ptr,@message\np\np,\np,\" \"\n\np,red 1\n", []string{"unknown_format!p", "unknown_format!p,", `unknown_format!p," "`, "red 1"}},
		"Lake":                 {"eventJson\n" + quoted(`{"e":1}`) + "\n", []string{`{"e":1}`}},
		"Lake, integration":    {"eventID,eventData,eventTime\n1," + quoted(`{"e":1}`) + ",x\n", []string{`{"e":1}`}},
		"Lake, columns":        {"eventID,eventName,eventTime\n1,n,x\n2,n,x\n", []string{"unknown_format!1,n,x", "unknown_format!2,n,x"}},
		"Athena":               {"\"eventversion\",\"useridentity\",\"eventtime\",\"eventname\"\n\"1.11\",\"{type=Root, x=\"\"y\"\"}\",\"t\",\"n\"\n", []string{"unknown_format!\"1.11\",\"{type=Root, x=\"\"y\"\"}\",\"t\",\"n\""}},
		"event history":        {history + "ann,2026-03-01T09:14:07Z,s,n,r,\"a,\nb\"\nbob,2026-03-01T09:14:07Z,s,n,r,a\n", []string{"unknown_format!ann,2026-03-01T09:14:07Z,s,n,r,\"a,\nb\"", "unknown_format!bob,2026-03-01T09:14:07Z,s,n,r,a"}},
		"columns of a log":     {"\"#cols\",\"a\"\n1,2\n", []string{"unknown_format!1,2"}},
		"header alone":         {history, []string{}},
		"not at the beginning": {"red 1\n@timestamp,@message\nx,red 2\n", []string{"red 1", "@timestamp,@message", "x,red 2"}},
		"of anything":          {"name,count\nn,1\n", []string{"name,count", "n,1"}},
		"names in a line":      {"1.2.3.4 [x] \"GET /,@timestamp,@message,@ptr\"\nred 1\n", []string{"1.2.3.4 [x] \"GET /,@timestamp,@message,@ptr\"", "red 1"}},
		"names in a record":    {"red x,@timestamp,@message\nred 1\n", []string{"red x,@timestamp,@message", "red 1"}},
		"names in quotes":      {"\"strcontains(@message, \"\"x\"\")\",@message\n1,red 1\n", []string{"red 1"}},
		"cut short":            {"@ptr,@message\np,\"red 1", []string{"truncated!p,\"red 1"}},
		"too long":             {"@ptr,@message\np,\"" + strings.Repeat("x\n", 300) + "\"\np,red 1\n", []string{"too_long!p,\"" + strings.Repeat("x\n", 300) + "\"", "red 1"}},
		"stray quotes":         {"@message,@ptr\nred \"1\",p\nred 2,p\n", []string{`red "1"`, "red 2"}},
		"in gzip":              {zip("@ptr,@message\np,red 1\n"), []string{"red 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := format.SplitOptions{MaxRecord: 200}
			got, stats := split(t, strings.NewReader(tc.in), o)
			if diff := cmp.Diff(tc.want, raws(got)); diff != "" || stats.Controls > 1 {
				t.Errorf("split %s: %d controls (-want +got):\n%s", tc.in, stats.Controls, diff)
			}
			if packed := stats.Controls == 1; packed != format.Packed([]byte(tc.in)) && name != "columns of a log" && name != "in gzip" && name != "names in a record" {
				t.Errorf("split %s: packed is %v", tc.in, !packed)
			}
			sameInPieces(t, tc.in, o, got)
		})
	}
}

// Whatever the cells of a table hold, each row becomes what its record is, or one dead letter with all of the row. Without the
// line in cells that skips the second of two quotes it fails.
func TestEveryCellComesOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) { cellsComeOut(t, rt) })
}

func FuzzTable(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		rapid.MakeFuzz(func(rt *rapid.T) { cellsComeOut(t, rt) })(t, in)
	})
}

func cellsComeOut(tb testing.TB, t *rapid.T) {
	others := rapid.SliceOfN(rapid.SampledFrom([]string{"@ptr", "a", "b c"}), 0, 3).Draw(t, "others")
	column := rapid.IntRange(0, len(others)).Draw(t, "column")
	header := slices.Insert(slices.Clone(others), column, "@message")
	var in strings.Builder
	w := csv.NewWriter(&in)
	w.UseCRLF = rapid.Bool().Draw(t, "crlf")
	if err := w.Write(header); err != nil {
		t.Fatal(err)
	}
	var want []string
	for range rapid.IntRange(0, 6).Draw(t, "rows") {
		row := rapid.SliceOfN(rapid.SampledFrom([]string{"x", "", `"`, ",", "a\nb", `""","`}), len(header), len(header)).Draw(t, "row")
		row[column] = rapid.SampledFrom([]string{"red 1", "{\"e\":\"x\"\n}", `red "1", 2`, `"`, "{\n\"e\":\",\"}", " ", `{"e":""}`, "red \\\"\x01é"}).Draw(t, "record")
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
		if want = append(want, row[column]); row[column] == " " {
			want[len(want)-1] = "dead"
		}
	}
	w.Flush()
	got, stats := split(tb, strings.NewReader(in.String()), format.SplitOptions{})
	var have []string
	for _, p := range got {
		if p.Dead != "" {
			p.Raw = "dead"
		}
		have = append(have, p.Raw)
	}
	if w.UseCRLF {
		for i := range want { // the writer writes what is in cells so, too
			want[i] = strings.ReplaceAll(want[i], "\n", "\r\n")
		}
	}
	if diff := cmp.Diff(want, have); diff != "" || stats.Bytes != int64(in.Len()) {
		t.Fatalf("split %q: (-want +got):\n%s", in.String(), diff)
	}
}
