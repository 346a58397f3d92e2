package rule

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
)

func elementsOf(t *testing.T, names ...string) (*Elements, error) {
	t.Helper()
	var keys []Key
	for _, name := range names {
		k, err := ParseKey(name, event.API)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
	}
	return NewElements(keys)
}

// The cases are the definition: what goes together, what is missing, and what makes no sense.
func TestElements(t *testing.T) {
	t.Parallel()
	raw := `{"top":"t","items":[
		{"id":"i1","image":"a","nics":[{"ip":"10.0.0.1","groups":["g1","g2"]},{"ip":"10.0.0.2"}]},
		{"id":"i2","size":8},{"image":"b","nics":[]},{"id":null,"nics":"none"}],"tags":[["x","y"],["z"]],"none":[]}`
	e := new(event.Event)
	e.Reset(event.API, nil)
	e.SetText(event.Actor, "eva")
	e.SetObject(event.Request, event.Object{Raw: raw, Value: fastjson.MustParse(raw)})
	for _, c := range []struct{ keys, want string }{
		{"request.items[].id", "i1|i2||"},
		{"request.items[].id request.items[].image", "i1,a|i2,|,b|,"},
		{"actor request.items[].id request.top", "eva,i1,t|eva,i2,t|eva,,t|eva,,t"},
		{"request.items[].nics[].ip request.items[].id", "10.0.0.1,i1|10.0.0.2,i1|,i2|,|,"},
		{"request.items[].id request.items[].nics[].groups[]", "i1,g1|i1,g2|i1,|i2,|,|,"},
		{"request.items[].size", "|8||"},
		{"request.tags[][]", "x|y|z"},
		{"request.tags[]", `["x","y"]|["z"]`},
		{"request.none[].x request.top", ",t"},
		{"request.absent[].x request.absent[].y.z[]", ","},
		{"response.items[].id", ""},
		{"request.items[0].nics[].ip", "10.0.0.1|10.0.0.2"},
	} {
		elements, err := elementsOf(t, strings.Fields(c.keys)...)
		if err != nil || elements == nil {
			t.Errorf("%s: %v, %v", c.keys, elements, err)
			continue
		}
		var got []string
		elements.Each(e, func(values []string) bool {
			got = append(got, strings.Join(values, ","))
			return true
		})
		if diff := cmp.Diff(c.want, strings.Join(got, "|")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.keys, diff)
		}
		n := 0
		elements.Each(e, func([]string) bool { n++; return false })
		if n != 1 {
			t.Errorf("%s: %d calls after found said no more, want 1", c.keys, n)
		}
	}
	for keys, ok := range map[string]bool{
		"request.a[].b request.a[].c.d[].e request.a[].c.d[].f[]": true,
		"request.a[].b response.a[].b":                            false,
		"request.a[].b request.b[].b":                             false,
		"request.a[].b request.a.b[].c":                           false,
		"request.a[].b[].c request.a[].d[].c":                     false,
		"request.a[].x request.a[].b[].c request.a[].d[].c":       false,
	} {
		for range 2 {
			if _, err := elementsOf(t, strings.Fields(keys)...); (err == nil) != ok {
				t.Errorf("%s: error %v, want ok %v", keys, err, ok)
			}
			f := strings.Fields(keys)
			slices.Reverse(f)
			keys = strings.Join(f, " ")
		}
	}
	if elements, err := elementsOf(t, "actor", "request.top"); elements != nil || err != nil {
		t.Errorf("without []: got %v, %v, want nothing", elements, err)
	}
}
