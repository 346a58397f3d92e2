package formattest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
)

// Lossless checks with the golden cases of a format of JSON objects that nothing a record says is lost: each of its
// texts, numbers and booleans is in a field or in unmapped, whatever its case. except names members, by their last name, that
// an event says in another way: times, codes that become names, texts that say nothing new.
func Lossless(t *testing.T, spec format.Spec, dir string, except ...string) {
	t.Helper()
	checked := 0
	for _, r := range goldenRecords(t, spec, dir) {
		var said any
		d := json.NewDecoder(bytes.NewReader(r.Raw))
		d.UseNumber()
		if d.Decode(&said) != nil {
			continue
		}
		var out strings.Builder
		err := spec.New().Parse(&r, func(e *event.Event) {
			var got any
			if err := json.Unmarshal(e.AppendJSON(nil), &got); err != nil {
				t.Fatalf("record %q: %v", r.Raw, err)
			}
			leaves("", got, func(_, text string) { out.WriteString(strings.ToLower(text) + "\n") })
		})
		if err != nil {
			continue
		}
		kept := out.String()
		leaves("", said, func(name, text string) {
			if len(text) < 2 || slices.Contains(except, name) {
				return
			}
			checked++
			text = strings.ToLower(text)
			quoted := strings.Trim(string(event.AppendQuoted(nil, text)), `"`)
			if !strings.Contains(kept, text) && !strings.Contains(kept, quoted) {
				t.Errorf("record %q: %q of %s is lost; the event says\n%s", r.Raw, text, name, kept)
			}
		})
	}
	if checked == 0 {
		t.Fatalf("nothing in %s is JSON", dir)
	}
}

// leaves visits the texts and numbers of a JSON value with the name of the member that holds them.
func leaves(name string, v any, visit func(name, text string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			leaves(key, member, visit)
		}
	case []any:
		for _, item := range v {
			leaves(name, item, visit)
		}
	case string:
		var held map[string]any
		if d := json.NewDecoder(strings.NewReader(v)); strings.HasPrefix(strings.TrimSpace(v), "{") {
			if d.UseNumber(); d.Decode(&held) == nil { // some writers hold objects as text
				leaves(name, held, visit)
				return
			}
		}
		visit(name, v)
	case bool:
		visit(name, strconv.FormatBool(v))
	case json.Number:
		visit(name, v.String())
	case float64:
		text, err := json.Marshal(v)
		if err != nil {
			panic("BUG: a number of JSON does not marshal: " + err.Error())
		}
		visit(name, string(text))
	}
}
