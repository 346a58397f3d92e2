package builtin

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Whatever stands in the place of one value, the record is a dead letter or the event says it: nothing that does not fit
// its field is dropped. Each value of each golden case is replaced in turn by a text, a number that is none of theirs, an
// object and a list. Fails without, for instance, the line of package cloudtrail that takes a resource's ARN for odd when it
// is no text.
func TestNothingOddIsLost(t *testing.T) {
	t.Parallel()
	all := Formats()
	for _, spec := range all.Specs() {
		t.Run(spec.Name, func(t *testing.T) {
			t.Parallel()
			d := format.NewDecoder(format.NewRegistry([]format.Spec{spec}))
			tried := 0
			for _, r := range goldenEvents(t, all, spec.Name) {
				for variant, said := range variants(r.Raw) {
					tried++
					changed := record.Record{Raw: []byte(variant), Format: spec.Name, Layout: r.Layout}
					var out []byte
					if d.Decode(&changed, func(e *event.Event) { out = e.AppendJSON(out) }) == nil && !bytes.Contains(bytes.ToLower(out), []byte(said)) {
						t.Errorf("%s\nbecomes, without %q,\n%s", variant, said, out)
					}
				}
			}
			if tried < 100 {
				t.Errorf("%d variants tried", tried)
			}
		})
	}
}

// goldenEvents returns the records of a format's golden cases that become events.
func goldenEvents(t *testing.T, reg *format.Registry, name string) (records []record.Record) {
	t.Helper()
	inputs, err := filepath.Glob(filepath.Join("..", "format", name, "testdata", "*", "input"))
	if err != nil {
		t.Fatal(err)
	}
	d := format.NewDecoder(reg)
	for _, path := range inputs {
		input, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = format.Split(t.Context(), bytes.NewReader(input), reg, format.SplitOptions{}, func(r record.Record) error {
			if r.Format == name && d.Decode(&r, func(*event.Event) {}) == nil {
				records = append(records, r.Clone())
			}
			return nil
		}, func(record.DeadLetter) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	return records
}

// variants returns the record with each of its values replaced, and what the event must say then, in lower case.
func variants(raw []byte) map[string]string {
	const odd = "odd-zq7x"
	out := map[string]string{}
	var document any
	d := json.NewDecoder(bytes.NewReader(raw))
	if d.UseNumber(); raw[0] == '{' && d.Decode(&document) == nil {
		eachValue(document, func(set func(any)) {
			for _, v := range []any{odd, json.Number("-9"), map[string]any{"k": odd}, []any{odd}} {
				set(v)
				variant, err := json.Marshal(document)
				if err != nil {
					panic("BUG: what was decoded does not encode: " + err.Error())
				}
				out[string(variant)] = map[bool]string{true: "-9", false: odd}[v == json.Number("-9")]
			}
		})
		return out
	}
	between := map[bool]string{true: "\t", false: " "}[bytes.IndexByte(raw, '\t') >= 0]
	words := strings.Split(string(raw), between)
	for i, word := range words {
		for _, v := range []string{odd, `"` + odd + `"`, "-9"} {
			words[i] = v
			out[strings.Join(words, between)] = strings.Trim(v, `"`)
		}
		words[i] = word
	}
	return out
}

// eachValue visits every member and element with a function that sets it; it is put back afterwards.
func eachValue(v any, visit func(set func(any))) {
	switch v := v.(type) {
	case map[string]any:
		for k, member := range v {
			visit(func(x any) { v[k] = x })
			v[k] = member
			eachValue(member, visit)
		}
	case []any:
		for i, element := range v {
			visit(func(x any) { v[i] = x })
			v[i] = element
			eachValue(element, visit)
		}
	}
}
