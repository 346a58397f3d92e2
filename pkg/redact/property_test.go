package redact_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/redact"
)

// samples returns the records of every format's golden cases that become events.
func samples(t *testing.T, reg *format.Registry) []record.Record {
	t.Helper()
	inputs, err := filepath.Glob("../format/*/testdata/*/input")
	if err != nil || len(inputs) < 50 {
		t.Fatalf("found %d golden cases (%v)", len(inputs), err)
	}
	var records []record.Record
	d := format.NewDecoder(reg)
	for _, path := range inputs {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		layout, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "layout"))
		o := format.SplitOptions{Layout: strings.TrimSpace(string(layout)), Received: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
		if o.Layout != "" {
			o.Format = filepath.Base(filepath.Dir(filepath.Dir(filepath.Dir(path))))
		}
		_, err = format.Split(t.Context(), bytes.NewReader(data), reg, o, func(r record.Record) error {
			if d.Decode(&r, func(*event.Event) {}) == nil {
				records = append(records, r.Clone())
			}
			return nil
		}, func(record.DeadLetter) error { return nil })
		if err != nil {
			t.Fatalf("split %s: %v", path, err)
		}
	}
	return records
}

// spelling draws a listed name as somebody may write it.
func spelling(t *rapid.T, plain bool) string {
	keys := slices.DeleteFunc(redact.Keys(), func(k redact.Key) bool { return plain && (k.Words == "cookie" || k.Words == "authorization") }) // these take the whole line
	k := rapid.SampledFrom(keys).Draw(t, "key")
	words := strings.Fields(k.Words)
	joint := rapid.SampledFrom([]string{"", "-", "_"}).Draw(t, "joint")
	for i, w := range words {
		switch rapid.IntRange(0, 2).Draw(t, "case") {
		case 0:
			words[i] = strings.ToUpper(w)
		case 1:
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	name := strings.Join(words, joint)
	if !k.Exact && rapid.Bool().Draw(t, "prefixed") {
		name = rapid.SampledFrom([]string{"x-", "DB_", "masterUser", "X-Amz-"}).Draw(t, "prefix") + name
	}
	return name
}

// percentEncoded draws a name with some of its letters encoded, in a query, where nobody needs it.
func percentEncoded(t *rapid.T, name string) string {
	sign := rapid.SampledFrom([]string{"", "", "%", "%25", "%2525"}).Draw(t, "percent sign")
	if sign == "" {
		return name
	}
	var b strings.Builder
	for i := range len(name) {
		if rapid.Bool().Draw(t, "encoded") {
			fmt.Fprintf(&b, "%s%02x", sign, name[i])
		} else {
			b.WriteByte(name[i])
		}
	}
	return b.String()
}

// planted returns the record with v at a place that was drawn, "" when the record has no such place.
type planted func(v string) string

func plantJSON(t *rapid.T, raw []byte) (planted, string) {
	secret := rapid.StringMatching(`[A-Za-z0-9][ -~]{14,30}[A-Za-z0-9]`).Draw(t, "secret")
	how := rapid.IntRange(0, 4).Draw(t, "how")
	if how >= 2 && how != 4 {
		secret = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_.~/-]{14,30}[A-Za-z0-9]`).Draw(t, "URL-safe secret")
	}
	name := spelling(t, how >= 2)
	if how == 4 {
		secret = rapid.StringMatching(`[A-Za-z0-9_]{16,30}`).Draw(t, "secret that no parser takes apart")
	}
	if how == 3 {
		secret = strings.ReplaceAll(secret, "/", "-")
	}
	if how == 2 {
		name = percentEncoded(t, name)
	}
	place := rapid.IntRange(0, 1000).Draw(t, "place")
	return func(v string) string {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var doc any
		if d.Decode(&doc) != nil {
			return ""
		}
		objects, texts := containers(doc)
		var value any = v
		switch how {
		case 1:
			value = []any{map[string]any{"name": name, "value": v}}
		case 2:
			value = "https://h.example.com/?a=b&" + name + "=" + v + "&c=d"
		case 3:
			value = "postgres://app:" + v + "@db.example.com/x"
		case 4: // in a text that the record has already
			if len(texts) == 0 {
				return ""
			}
			at := texts[place%len(texts)]
			at.object[at.key] = at.object[at.key].(string) + ` body {"` + name + `":` + string(quoted(v)) + `}`
			return string(quoted(doc))
		}
		at := objects[place%len(objects)]
		if how == 0 {
			at[name] = value
		} else {
			at["note"] = value
		}
		return string(quoted(doc))
	}, secret
}

func quoted(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSpace(b.Bytes())
}

type member struct {
	object map[string]any
	key    string
}

func containers(v any) (objects []map[string]any, texts []member) {
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			objects = append(objects, v)
			for _, k := range slices.Sorted(maps.Keys(v)) {
				if _, ok := v[k].(string); ok {
					texts = append(texts, member{v, k})
				}
				walk(v[k])
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(v)
	return objects, texts
}

func plantText(t *rapid.T, raw []byte) (planted, string) {
	secret := rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_.~/-]{14,30}[A-Za-z0-9]`).Draw(t, "secret")
	name := spelling(t, true)
	forms := []struct{ before, head, tail string }{
		{" HTTP/1.1", "?" + name + "=", "&z=1"}, {" HTTP/1.0", "/?a=b&" + name + "=", ""}, {"Mozilla", "agent (" + name + ": ", " ) "},
		{"curl", "https://u:", "@h/ "},
	}
	form := rapid.SampledFrom(forms).Draw(t, "form")
	if strings.HasSuffix(form.head, "=") {
		form.head = strings.Replace(form.head, name, percentEncoded(t, name), 1)
	}
	if len(name) < len("passwd") || strings.HasSuffix(strings.ToLower(name), "sessid") || strings.EqualFold(name, "jsessionid") {
		form.head = strings.Replace(form.head, ": ", "=", 1) // short names before a colon are everyday words
	}
	if form.head == "https://u:" {
		secret = strings.ReplaceAll(secret, "/", "-") // with a slash it would be no password: the host would end there
	}
	return func(v string) string {
		i := bytes.Index(raw, []byte(form.before))
		if i < 0 {
			return ""
		}
		return string(raw[:i]) + form.head + v + form.tail + string(raw[i:])
	}, secret
}

// result is all that a row and an alert can be made of.
type result struct {
	Fields map[string]any
	Raw    string
	UID    event.UID
}

// decoded returns the record's events, after they went through r (nil: as they are).
func decoded(t *rapid.T, d *format.Decoder, rec record.Record, raw string, r *redact.Redactor) (out []result, cut bool) {
	rec.Raw = []byte(raw)
	_ = d.Decode(&rec, func(e *event.Event) {
		before := e.UID
		if r != nil && r.Event(e) {
			cut = true
			if !e.Redacted || e.UID != before {
				t.Fatalf("redacted %v, id %s, want true, %s", e.Redacted, e.UID, before)
			}
		}
		shown := e.AppendJSON(nil)
		if r != nil {
			if again := r.Event(e); again || !bytes.Equal(shown, e.AppendJSON(nil)) {
				t.Fatalf("redacted twice:\n%s\n%s", shown, e.AppendJSON(nil))
			}
		}
		var fields map[string]any
		if err := json.Unmarshal(shown, &fields); err != nil {
			t.Fatalf("event is no JSON: %v: %s", err, shown)
		}
		delete(fields, "event_uid")
		delete(fields, "redacted")
		out = append(out, result{fields, string(e.Record.Raw), before})
	})
	if string(rec.Raw) != raw {
		t.Fatalf("the record's own bytes were changed:\n%s\n%s", raw, rec.Raw)
	}
	return out, cut
}

// A secret under any listed name at any place is in nothing that is stored; all else is as if the record had come with
// the mark in its place. Without suspicious' look at encoded names it fails.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	reg := builtin.Formats()
	records := samples(t, reg)
	d := format.NewDecoder(reg)
	r := redact.New(redact.Default())
	tried := 0
	rapid.Check(t, func(t *rapid.T) {
		rec := records[rapid.IntRange(0, len(records)-1).Draw(t, "record")]
		plant := plantText
		isJSON := rec.Raw[0] == '{'
		if isJSON {
			plant = plantJSON
		}
		at, secret := plant(t, rec.Raw)
		raw := at(secret)
		if raw == "" {
			return
		}
		original, _ := decoded(t, d, rec, raw, nil)
		got, cut := decoded(t, d, rec, raw, r)
		want, _ := decoded(t, d, rec, at(redact.Mark), r) // the record may hold other secrets
		if len(original) == 0 || len(want) == 0 {
			return // what is drawn made the record another one
		}
		tried++
		if !cut {
			t.Fatalf("nothing was cut: %s", raw)
		}
		for i := range got {
			if got[i].UID != original[i].UID {
				t.Fatalf("id %s, want that of the original, %s", got[i].UID, original[i].UID)
			}
			if holds(got[i].Fields, secret) || strings.Contains(got[i].Raw, secret) || isJSON && holds(parsed(t, got[i].Raw), secret) {
				t.Fatalf("%q is still in\n%s\n%v", secret, got[i].Raw, got[i].Fields)
			}
			if diff := cmp.Diff(want[i].Fields, got[i].Fields); diff != "" {
				t.Fatalf("fields of %s (-with the mark +redacted):\n%s", raw, diff)
			}
			if isJSON {
				if diff := cmp.Diff(parsed(t, want[i].Raw), parsed(t, got[i].Raw)); diff != "" {
					t.Fatalf("raw (-with the mark +redacted):\n%s", diff)
				}
			} else if want[i].Raw != got[i].Raw {
				t.Fatalf("raw %s\nwant %s", got[i].Raw, want[i].Raw)
			}
		}
	})
	if tried < 20 {
		t.Fatalf("only %d secrets could be planted", tried)
	}
}

func parsed(t *rapid.T, raw string) any {
	var v any
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		t.Fatalf("raw is not JSON any more: %v: %s", err, raw)
	}
	return v
}

func holds(v any, s string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, s)
	case map[string]any:
		for k, x := range v {
			if strings.Contains(k, s) || holds(x, s) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return holds(x, s) })
	}
	return false
}

// Whatever the bytes: no panic, JSON stays JSON, and what was redacted has nothing more to redact.
// Without the blanks among what blank passes over it fails.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{apiRecord, webRecord, `{"password":["x",{"y":1}],"name":"token","value":"a\u0022b"}`, "Cookie: a=b\r\nX: y",
		"a?password%3Dx%26token=y", "-----BEGIN EC PRIVATE KEY-----\nx", "://u:p@h", `\"secret\":\"a\"`, `[{"credentials":{"a":[1,2]}}]`} {
		f.Add([]byte(s))
	}
	r := redact.New(redact.Default())
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := record.DeadLetter{Record: record.Record{Raw: bytes.Clone(raw)}}
		r.DeadLetter(&d)
		if json.Valid(raw) && !json.Valid(d.Raw) {
			t.Fatalf("%q became %q, which is no JSON", raw, d.Raw)
		}
		once := bytes.Clone(d.Raw)
		r.DeadLetter(&d)
		if !bytes.Equal(once, d.Raw) {
			t.Fatalf("%q became %q, and then %q", raw, once, d.Raw)
		}
	})
}
