package format_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/format"
)

func TestLinesOfCloudWatch(t *testing.T) {
	t.Parallel()
	const export, short, detailed, pretty = "2026-03-01T09:14:07.000Z ", "2026-03-01T09:14:07 ", "2026-03-01T09:14:07.123000+00:00 eni-0a-all ", "2026-03-01T09:14:07+00:00 s "
	own := func(s string) []string { return []string{strings.TrimSuffix(s, "\n")} }
	for name, tc := range map[string]struct {
		in, hint string
		want     []string
	}{
		"exported":                  {export + "red 1\n" + export + `{"e":1}` + "\n", "", []string{"red 1", `{"e":1}`}},
		"exported, a document":      {export + `{"Records":[{"e":1},{"e":2}]}` + "\n", "", []string{`{"e":1}`, `{"e":2}`}},
		"exported, of a container":  {export + cri("stdout", "F", "red 1") + export + docker("stdout", "red 2\n"), "", []string{"red 1", "red 2"}},
		"exported, a header":        {export + "#cols a b\n" + export + "1 2\n", "", []string{"1 2"}},
		"exported, somebody else's": {export + "1 2\n", "", own(export + "1 2")},
		"exported, a known format":  {export + "1 2\n", "colours", []string{"1 2"}},
		"exported, no message":      {export + " \n", "", own(export + " ")},
		"other times":               {"2026-03-01T09:14:07.00Z red 1\n2026-03-01T09:14:07.000+01:00 red 1\n", "", []string{"2026-03-01T09:14:07.00Z red 1", "2026-03-01T09:14:07.000+01:00 red 1"}},
		"short":                     {short + "red 1\n" + short + `{"e":1}` + "\n", "", []string{"red 1", `{"e":1}`}},
		"short, somebody else's":    {short + "info red 1\n", "", own(short + "info red 1")},
		"detailed":                  {detailed + "red 1\n" + detailed + `{"e":1}` + "\n", "", []string{"red 1", `{"e":1}`}},
		"detailed, no stream":       {"2026-03-01T09:14:07.123000+00:00 red\n", "", own("2026-03-01T09:14:07.123000+00:00 red")},
		"pretty":                    {pretty + "\n{\n    \"e\": 1\n}\n" + pretty + "red 1\n", "", []string{"{\n    \"e\": 1\n}", "red 1"}},
		"written before an export":  {"Permission Check Successful", "", []string{}},
		"a time of its own":         {"2026-03-01T09:14:07.000Z red own\n", "", own("2026-03-01T09:14:07.000Z red own")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := format.SplitOptions{Format: tc.hint}
			got, stats := split(t, strings.NewReader(tc.in), o)
			if diff := cmp.Diff(tc.want, raws(got)); diff != "" || stats.Bytes != int64(len(tc.in)) {
				t.Errorf("split %s: %d bytes of %d (-want +got):\n%s", tc.in, stats.Bytes, len(tc.in), diff)
			}
			sameInPieces(t, tc.in, o, got)
		})
	}
}
