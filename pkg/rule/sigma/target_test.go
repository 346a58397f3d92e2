package sigma_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/apache"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule/sigma"
)

// TestRequestsMatchWhatSigmaSays holds what rules say of cs-uri against path?query as one text, and of cs-uri-query against
// the query, too. It fails when a part of across is deleted, of targets the one that asks the path only where there is no
// query, or the line of inQuery that leaves out what only the query's beginning can be.
func TestRequestsMatchWhatSigmaSays(t *testing.T) {
	t.Parallel()
	var (
		paths    = []string{"/", "/a", "/a/b", "/b", "/a.b"}
		queries  = []string{"", "a", "a=b", "b", "a?b", "/a"}
		values   = []string{"a", "b", "/a", "/a?", "a?b", `a\?b`, `/a\?a`, "/a?a=b", "*a?b*", "/*?b", "/*b", "*", "?", `\?a`, `b\?`, "a*b", `/a\?*b`, "/a\\?a=b", "*/a?"}
		patterns = []string{"^/a$", "a.b", `^/a\?a`, "^a", "b$"}
		pairs    atomic.Int64
		matched  atomic.Int64
	)
	rapid.Check(t, func(t *rapid.T) {
		a := asked{Field: rapid.SampledFrom([]string{"cs-uri-query", "cs-uri"}).Draw(t, "field"), Values: drawValues(t, values)}
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			a.Modifiers, a.Values = []string{"re"}, drawValues(t, patterns)
		case 1:
		default:
			a.Modifiers = []string{rapid.SampledFrom(searchers).Draw(t, "searcher")}
		}
		if rapid.Bool().Draw(t, "all") {
			a.Modifiers = append(a.Modifiers, "all")
		}
		text := yamlOf(a)
		r := sigma.Import([]sigma.File{{Name: "drawn.yml", Text: []byte(text)}}, sigma.Options{})
		never := len(r.Refusals) == 1 && r.Refusals[0].Message == "the condition never holds" // a path is never empty
		set, err := r.Set()
		if err != nil || len(r.Rules) != 1 && !never {
			t.Fatalf("%v %v: %s", err, r.Refusals, text)
		}
		parser := apache.Spec().New()
		for range 20 {
			path, query := rapid.SampledFrom(paths).Draw(t, "path"), rapid.SampledFrom(queries).Draw(t, "query")
			asOne := path
			if query != "" {
				asOne += "?" + query
			}
			texts := []string{asOne}
			if a.Field == "cs-uri-query" {
				texts = append(texts, query)
			}
			want := a.holdsFor(func(any) []string { return texts })
			line := fmt.Sprintf(`198.51.100.7 - - [01/Mar/2026:09:00:00 +0000] "GET %s HTTP/1.1" 200 12 "-" "x"`, asOne)
			err := parser.Parse(&record.Record{Raw: []byte(line)}, func(e *event.Event) {
				got := len(set.Hits(e, nil)) > 0
				if got != want {
					t.Fatalf("got %t, want %t for %s\n%s\n%v", got, want, asOne, text, r.Rules)
				}
				if pairs.Add(1); got {
					matched.Add(1)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if n, m := pairs.Load(), matched.Load(); m < n/5 || m > n*4/5 {
		t.Errorf("%d of %d pairs match: a test of rules needs both", m, n)
	}
}

// TestURLsMatchWhatSigmaSays does it for c-uri, which is the whole URL besides; values that begin with / are of the path. It
// fails when a case of whole is deleted, or what floats asks of a regular expression, or withHost of a text.
func TestURLsMatchWhatSigmaSays(t *testing.T) {
	t.Parallel()
	values := []string{"a", "b", "/a", "a.b/a", "s://a.b", "http", "https://a.b/a", "a.b/a?a", `b/a\?a`, "*.b/*", "https*a=b", "http?://*/b", "://", "b?a", "a.b"}
	rapid.Check(t, func(t *rapid.T) {
		a := asked{Field: "c-uri", Values: drawValues(t, values)}
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			a.Modifiers, a.Values = []string{"re"}, drawValues(t, []string{"^https://a", "b/a", "a$", `b/a\?a`, "^/a", `\A/b$`})
		case 1:
		default:
			a.Modifiers = []string{rapid.SampledFrom(searchers).Draw(t, "searcher")}
		}
		r := sigma.Import([]sigma.File{{Name: "drawn.yml", Text: []byte(yamlOf(a))}}, sigma.Options{})
		set, err := r.Set()
		if err != nil || len(r.Rules) != 1 {
			t.Fatalf("%v %v: %s", err, r.Refusals, yamlOf(a))
		}
		for range 20 {
			e := &event.Event{}
			e.Reset(event.HTTP, nil)
			scheme, host := rapid.SampledFrom([]string{"http", "https"}).Draw(t, "scheme"), rapid.SampledFrom([]string{"a.b", "b", "c"}).Draw(t, "host")
			path, query := rapid.SampledFrom([]string{"/", "/a", "/a/b", "/b"}).Draw(t, "path"), rapid.SampledFrom([]string{"", "a", "a=b", "c"}).Draw(t, "query")
			e.SetText(event.URLScheme, scheme)
			e.SetText(event.URLHost, host)
			e.SetText(event.URLPath, path)
			e.SetText(event.URLQuery, query)
			asOne := path
			if query != "" {
				asOne += "?" + query
			}
			texts := func(v any) []string {
				if strings.HasPrefix(v.(string), "/") {
					return []string{asOne}
				}
				return []string{asOne, scheme + "://" + host + asOne}
			}
			if got, want := len(set.Hits(e, nil)) > 0, a.holdsFor(texts); got != want {
				t.Fatalf("got %t, want %t for %s://%s%s\n%s\n%s", got, want, scheme, host, asOne, yamlOf(a), r.Rules[0].Text)
			}
		}
	})
}

// yamlOf is a rule over requests of one entry.
func yamlOf(a asked) string {
	key := a.Field
	for _, m := range a.Modifiers {
		key += "|" + m
	}
	b, _ := json.Marshal(map[string]any{
		"title": "Drawn", "logsource": map[string]string{"category": "webserver"},
		"detection": map[string]any{"s": map[string]any{key: a.Values}, "condition": "s"},
	})
	return string(b)
}

// holdsFor is holds where the texts of the field are known.
func (a asked) holdsFor(texts func(value any) []string) bool {
	some, every := false, true
	for _, v := range a.Values {
		ok := false
		for _, t := range texts(v) {
			ok = ok || t != "" && a.text(t, v)
		}
		some, every = some || ok, every && ok
	}
	if a.has("all") {
		return every
	}
	return some
}
