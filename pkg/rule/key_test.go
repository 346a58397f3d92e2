package rule

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fastjson"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
)

// What a key shows of an object is JSON and says what the log said, whatever characters the log holds and whether or
// not somebody has read the values before. (fastjson's own writer quotes what has been read as Go does.)
func TestKeyShowsJSON(t *testing.T) {
	t.Parallel()
	text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.RuneFrom([]rune("\x00\a\v\x1b\x7f\"\\\u2028"))))
	rapid.Check(t, func(t *rapid.T) {
		inner := map[string]any{text.Draw(t, "key"): text.Draw(t, "value"), "n": 1.5, "b": true, "z": nil}
		list := []any{text.Draw(t, "first"), inner, []any{text.Draw(t, "last")}}
		doc, err := json.Marshal(map[string]any{"o": inner, "l": list})
		if err != nil {
			t.Fatal(err)
		}
		e := &event.Event{}
		e.Reset(event.API, nil)
		e.SetObject(event.Request, event.Object{Raw: string(doc), Value: fastjson.MustParse(string(doc))})
		if rapid.Bool().Draw(t, "read before") {
			read(e.Object(event.Request).Value)
		}
		request := event.Lookup("request")
		for _, c := range []struct {
			key  Key
			want any
		}{
			{Key{Name: "request.o", Field: request, Path: []string{"o"}}, inner},
			{Key{Name: "request.l", Field: request, Path: []string{"l"}}, list},
			{Key{Name: "request.l[]", Field: request, Path: []string{"l", "[]"}}, list},
		} {
			for how, shown := range map[string][]byte{"JSON": c.key.AppendJSON(nil, e), "text": c.key.AppendText(nil, e)} {
				if how == "text" && c.key.Name == "request.l[]" {
					continue // values joined by comma, not one document
				}
				var got any
				if err := json.Unmarshal(shown, &got); err != nil {
					t.Fatalf("%s as %s is %q: %v", c.key.Name, how, shown, err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Fatalf("%s as %s (-log +shown):\n%s", c.key.Name, how, diff)
				}
			}
		}
	})
}

// read touches every text, as conditions do.
func read(v *fastjson.Value) {
	switch v.Type() {
	case fastjson.TypeObject:
		v.GetObject().Visit(func(_ []byte, el *fastjson.Value) { read(el) })
	case fastjson.TypeArray:
		for _, el := range v.GetArray() {
			read(el)
		}
	case fastjson.TypeString:
		_ = v.GetStringBytes()
	}
}
