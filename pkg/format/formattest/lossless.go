package formattest

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Lossless checks with the golden cases of a format of JSON objects that nothing a record says is lost: each of its
// texts, numbers and booleans is in a field or in unmapped, whatever its case. except names members, by their last name, that
// an event says in another way: times, codes that become names, texts that say nothing new.
func Lossless(t *testing.T, spec format.Spec, dir string, except ...string) {
	t.Helper()
	checked := 0
	for _, r := range goldenRecords(t, spec, dir) {
		var members any
		d := json.NewDecoder(bytes.NewReader(r.Raw))
		d.UseNumber()
		if d.Decode(&members) != nil {
			continue
		}
		kept, ok := said(t, spec, &r)
		if !ok {
			continue
		}
		leaves("", members, func(name, text string) {
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

// LosslessText checks the same with the golden cases of a format of lines, or of JSON that holds parts of such lines: each word
// and each whole number is in a field or in unmapped, whatever its case. except names words that an event says in another way.
func LosslessText(t *testing.T, spec format.Spec, dir string, except ...string) {
	t.Helper()
	escapes := regexp.MustCompile(`%(25)*[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}|::ffff:`) // decoded, most of them
	// Times, and what is behind the point of seconds that become milliseconds.
	changed := regexp.MustCompile(`^(0\d*|\d\dt\d\d|\d+z|[01][0-9]00|20\d\d|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|1[67]\d{8}(\d{3})?)$`)
	checked := 0
	for _, r := range goldenRecords(t, spec, dir) {
		kept, ok := said(t, spec, &r)
		if !ok {
			continue
		}
		line := strings.ToLower(escapes.ReplaceAllString(textOf(r.Raw), " "))
		for _, word := range strings.FieldsFunc(line, isBetween) {
			if len(word) < 3 || slices.Contains(except, word) || changed.MatchString(word) {
				continue
			}
			checked++
			if !strings.Contains(kept, word) {
				t.Errorf("record %q: %q is lost; the event says\n%s", r.Raw, word, kept)
			}
		}
	}
	if checked == 0 {
		t.Fatalf("nothing in %s is a line", dir)
	}
}

// textOf returns a line, or the values of a JSON object.
func textOf(raw []byte) string {
	var members map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&members) != nil {
		return string(raw)
	}
	var texts []string
	leaves("", members, func(_, text string) { texts = append(texts, text) })
	return strings.Join(texts, " ")
}

// isBetween reports whether a letter stands between words: addresses, fractions and paths are taken apart.
func isBetween(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_'
}

// said returns all texts, numbers and booleans of a record's event in lower case; ok is false where there is no event.
func said(t *testing.T, spec format.Spec, r *record.Record) (all string, ok bool) {
	t.Helper()
	var out strings.Builder
	err := spec.New().Parse(r, func(e *event.Event) {
		var got any
		d := json.NewDecoder(bytes.NewReader(e.AppendJSON(nil)))
		d.UseNumber()
		if err := d.Decode(&got); err != nil {
			t.Fatalf("record %q: %v", r.Raw, err)
		}
		leaves("", got, func(_, text string) { out.WriteString(strings.ToLower(text) + "\n") })
	})
	return out.String(), err == nil
}
