package format_test

import (
	cmp2 "cmp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// docker writes a line or piece as Docker's json-file does.
func docker(stream, text string) string {
	return `{"log":` + quote(text) + `,"stream":"` + stream + `","time":"2026-03-01T09:14:07.123456789Z"}` + "\n"
}

// cri writes a line or piece as Kubernetes' runtimes do.
func cri(stream, tag, text string) string {
	return "2026-03-01T09:14:07.123456789Z " + stream + " " + tag + " " + text + "\n"
}

func TestContainers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 90)
	for name, tc := range map[string]struct {
		in   string
		want []string
	}{
		"Docker":                  {docker("stdout", "red 1\n") + docker("stderr", "{\"e\":1}\n"), []string{"red 1", `{"e":1}`}},
		"Docker, attributes":      {`{"log":"red 1\r\n","stream":"stdout","attrs":{"tag":"x"},"time":"2026-03-01T09:14:07Z"}`, []string{"red 1"}},
		"Docker, blank line":      {docker("stdout", "\n") + docker("stdout", "red 1\n"), []string{"red 1"}},
		"Docker, in pieces":       {docker("stdout", "red ") + docker("stdout", "1") + docker("stdout", " 2\n") + docker("stdout", "red 3\n"), []string{"red 1 2", "red 3"}},
		"Docker, end is missing":  {docker("stdout", "red 1\n") + docker("stdout", "red 2"), []string{"red 1", "red 2"}},
		"Docker, both streams":    {docker("stdout", "red ") + docker("stderr", "{\"e\"") + docker("stderr", "red 0\n") + docker("stdout", "1\n"), []string{`{"e"red 0`, "red 1"}},
		"Docker, between pieces":  {docker("stdout", "red ") + docker("stderr", "red 0\n") + docker("stdout", "1\n"), []string{"red 0", "red 1"}},
		"Docker, of two lines":    {docker("stdout", "red 1\nred 2\n"), []string{"red 1", "red 2"}},
		"Docker, too long":        {docker("stdout", long) + docker("stdout", long) + docker("stdout", long+"\n") + docker("stdout", "red 1\n"), []string{"too_long!" + strings.Repeat("x", 201), "red 1"}},
		"Docker, at the limit":    {docker("stdout", long) + docker("stdout", long) + docker("stdout", long[:20]+"\n"), []string{strings.Repeat("x", 200)}},
		"Docker, in a list":       {"[" + docker("stdout", "red 1") + "," + docker("stdout", "red 2\n") + "]", []string{"red 1", "red 2"}},
		"another stream":          {`{"log":"red 1\n","stream":"console","time":"x"}`, []string{`{"log":"red 1\n","stream":"console","time":"x"}`}},
		"somebody's own":          {`{"log":"red 1\n","stream":"stdout","user":"x"}`, []string{`{"log":"red 1\n","stream":"stdout","user":"x"}`}},
		"message of a source":     {`{"source":"x","message":"red 1"}`, []string{`{"source":"x","message":"red 1"}`}},
		"ECS":                     {`{"container_id":"c","container_name":"n","ecs_cluster":"e","ecs_task_arn":"a","ecs_task_definition":"d","log":"red 1","source":"stdout"}`, []string{"red 1"}},
		"shipped":                 {`{"date":1.5,"log":"red 1","stream":"stdout","logtag":"F","kubernetes":{"pod_name":"p"}}` + docker("stdout", "red 2\n"), []string{"red 1", "red 2"}},
		"Kubernetes":              {cri("stdout", "F", "red 1") + cri("stderr", "F", `{"e":1}`), []string{"red 1", `{"e":1}`}},
		"Kubernetes, zone":        {"2026-03-01T09:14:07.1+01:00 stdout F red 1\n", []string{"red 1"}},
		"Kubernetes, more tags":   {cri("stdout", "F:x", "red 1"), []string{"red 1"}},
		"Kubernetes, blank lines": {cri("stdout", "F", "") + cri("stdout", "F", " ") + cri("stdout", "F", "red 1"), []string{"red 1"}},
		"Kubernetes, in pieces":   {cri("stdout", "P", "red ") + cri("stderr", "F", "red 0") + cri("stdout", "P", "1") + cri("stdout", "F", ""), []string{"red 0", "red 1"}},
		"Kubernetes, too long":    {strings.Repeat(cri("stdout", "P", long), 3) + cri("stdout", "F", "red 1"), []string{"too_long!" + strings.Repeat("x", 201)}},
		"Docker in Kubernetes":    {cri("stdout", "P", docker("stdout", "red 1\n")[:20]) + cri("stdout", "F", docker("stdout", "red 1\n")[20:]), []string{"red 1"}},
		"no stream":               {"2026-03-01T09:14:07Z stdin F red 1\n", []string{"2026-03-01T09:14:07Z stdin F red 1"}},
		"no tag":                  {"2026-03-01T09:14:07Z stdout Full red 1\n", []string{"2026-03-01T09:14:07Z stdout Full red 1"}},
		"no time":                 {"2026-03-01 09:14:07Z stdout F red 1\n", []string{"2026-03-01 09:14:07Z stdout F red 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := format.SplitOptions{MaxRecord: 200}
			got, stats := split(t, strings.NewReader(tc.in), o)
			if diff := cmp.Diff(tc.want, raws(got)); diff != "" || stats.Bytes != int64(len(tc.in)) {
				t.Errorf("split %s: %d bytes of %d (-want +got):\n%s", tc.in, stats.Bytes, len(tc.in), diff)
			}
			sameInPieces(t, tc.in, o, got)
		})
	}
}

// contained draws the output of a container as it is kept, in pieces of two streams that stand between each other's, and the
// lines that were written, by stream. No line is as another.
func contained(t *rapid.T) (in string, want [2][]string) {
	keep := rapid.SampledFrom([]func(stream, text string, last bool) string{
		func(stream, text string, last bool) string {
			return docker(stream, text+map[bool]string{true: "\n"}[last])
		},
		func(stream, text string, last bool) string {
			return cri(stream, map[bool]string{true: "F", false: "P"}[last], text)
		},
	}).Draw(t, "keep")
	var open [2]string
	for i := range rapid.IntRange(1, 12).Draw(t, "n") {
		stream := rapid.IntRange(0, 1).Draw(t, "stream")
		piece := rapid.SampledFrom([]string{"", "red ", `{"e":1}`, "\x01é\\", strings.Repeat("long ", 12)}).Draw(t, "piece")
		last := rapid.Bool().Draw(t, "last")
		if last {
			piece += "." + string(rune('a'+i))
		}
		in += keep([2]string{"stdout", "stderr"}[stream], piece, last)
		if open[stream] += piece; last {
			want[stream] = append(want[stream], open[stream])
			open[stream] = ""
		}
	}
	for stream, text := range open {
		if text != "" {
			want[stream] = append(want[stream], text)
		}
	}
	return in, want
}

// A container's lines come out as it wrote them, however they were cut, and whatever stands between their pieces. Without the
// line in container that appends a piece it fails.
func FuzzCutLines(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte) {
		rapid.MakeFuzz(func(rt *rapid.T) { cutLinesComeOutWhole(t, rt) })(t, in)
	})
}

func TestCutLinesComeOutWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) { cutLinesComeOutWhole(t, rt) })
}

func cutLinesComeOutWhole(tb testing.TB, t *rapid.T) {
	in, lines := contained(t)
	got, _ := split(tb, strings.NewReader(in), format.SplitOptions{})
	want := joined(strings.Join(lines[0], ""), strings.Join(lines[1], ""))
	var all []string
	for _, p := range got {
		all = append(all, p.Raw)
	}
	if have := joined(all...); have != want {
		t.Fatalf("split %s: got %q, want the bytes of %q", in, raws(got), lines)
	}
	for _, stream := range lines {
		for _, l := range stream { // what begins like JSON may be several records
			if l = strings.TrimLeft(l, " "); l != "" && l[0] != '{' && !holds(got, l) {
				t.Fatalf("split %s: got %q, want %q", in, raws(got), l)
			}
		}
	}
}

// joined is all bytes but blanks of texts, sorted.
func joined(texts ...string) string {
	b := []byte(strings.ReplaceAll(strings.Join(texts, ""), " ", ""))
	slices.Sort(b)
	return string(b)
}

func holds(pieces []piece, raw string) bool {
	return slices.ContainsFunc(pieces, func(p piece) bool { return p.Raw == raw })
}

// An object that grew in the middle of a line gives what the whole gives; what stood between its pieces comes twice, with the
// same address. Without the line in leftOpen that goes back it fails.
func TestCutLinesOfAGrowingObject(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		in, _ := contained(rt)
		all, _ := split(t, strings.NewReader(in), format.SplitOptions{})
		cut := rapid.IntRange(0, len(in)).Draw(rt, "cut")
		head, stats := split(t, strings.NewReader(in[:cut]), format.SplitOptions{More: true})
		o := format.SplitOptions{Origin: record.Origin{Offset: stats.Bytes}, Outside: true}
		tail, _ := split(t, strings.NewReader(in[stats.Bytes:]), o)
		if diff := cmp.Diff(sorted(bare(all)), sorted(bare(append(head, tail...)))); diff != "" {
			rt.Fatalf("split %q, cut at %d and taken up at %d (-whole +both):\n%s", in, cut, stats.Bytes, diff)
		}
	})
}

// sorted orders pieces by their place, each once.
func sorted(pieces []piece) []piece {
	slices.SortFunc(pieces, func(a, b piece) int {
		return cmp2.Or(cmp2.Compare(a.Offset, b.Offset), strings.Compare(a.Raw, b.Raw))
	})
	return slices.Compact(pieces)
}
