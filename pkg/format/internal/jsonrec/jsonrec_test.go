package jsonrec_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
	"github.com/shrike-sec/shrike/pkg/record"
)

func table() *jsonrec.Schema {
	return jsonrec.New(
		jsonrec.At("time", jsonrec.Millis(event.EventTime)),
		jsonrec.At("a", jsonrec.Text(event.NativeID)),
		jsonrec.At("b", jsonrec.Int(event.SrcASN, 0, 1000)),
		jsonrec.At("o.a", jsonrec.Text(event.Region)),
		jsonrec.At("o.b", jsonrec.Bool(event.MFA)),
		jsonrec.At("o.o.c", jsonrec.Addr(event.SrcIP, event.SrcHost)),
		jsonrec.At("l", jsonrec.List(event.Resources)),
		jsonrec.At("m[].a", jsonrec.List(event.Permissions)),
		jsonrec.At("m[].o.a", jsonrec.List(event.PermissionsDenied)),
		jsonrec.At("t", jsonrec.Tree(event.Request, 0)),
	)
}

// maker writes JSON in which every text and number is like no other.
type maker struct {
	t    *rapid.T
	b    strings.Builder
	said []string
}

func (m *maker) value(depth int) {
	kinds := []string{"text", "number", "null", "true", "empty", "object", "list"}
	if depth == 0 {
		kinds = kinds[:5]
	}
	switch rapid.SampledFrom(kinds).Draw(m.t, "kind") {
	case "text":
		token := fmt.Sprintf("say%dsay", len(m.said))
		m.said = append(m.said, token)
		m.b.WriteString(strconv.Quote(token))
	case "number":
		token := strconv.Itoa(7_000_000 + len(m.said))
		m.said = append(m.said, token)
		m.b.WriteString(token)
	case "null":
		m.b.WriteString(" null ")
	case "true":
		m.b.WriteString("true")
	case "empty":
		m.b.WriteString(rapid.SampledFrom([]string{`""`, "[ ]", "{}"}).Draw(m.t, "empty"))
	case "object":
		m.object(depth)
	default:
		m.b.WriteByte('[')
		for i := range rapid.IntRange(0, 3).Draw(m.t, "items") {
			if i > 0 {
				m.b.WriteByte(',')
			}
			m.value(depth - 1)
		}
		m.b.WriteByte(']')
	}
}

func (m *maker) object(depth int) {
	m.b.WriteByte('{')
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "l", "m", "o", "t", "new", "d.t", `q\"`}), 0, 6, rapid.ID).Draw(m.t, "names")
	for i, name := range names {
		if i > 0 {
			m.b.WriteString(" ,")
		}
		m.b.WriteString(`"` + name + `":`)
		m.value(depth - 1)
	}
	m.b.WriteByte('}')
}

// Whatever stands where in a valid object, the walk takes it, and every text and number is in a field or in unmapped.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	var w jsonrec.Walker
	schema := table()
	rapid.Check(t, func(t *rapid.T) {
		m := &maker{t: t}
		m.object(4)
		raw := []byte(strings.Replace(m.b.String(), "{", `{"time":1772355600000,`, 1))
		if m.b.String() == "{}" {
			raw = []byte(`{"time":1772355600000}`)
		}
		w.Reset(event.API, &record.Record{Raw: raw})
		if err := w.Walk(schema, raw); err != nil {
			t.Fatalf("walk %s: %v", raw, err)
		}
		if err := w.Finish("time"); err != nil {
			t.Fatalf("finish %s: %v", raw, err)
		}
		out := string(w.Event.AppendJSON(nil))
		for _, token := range m.said {
			if !strings.Contains(out, token) {
				t.Fatalf("%s of %s is lost: %s", token, raw, out)
			}
		}
	})
}

// A host is often said twice, once with its port.
func TestHostSaidTwice(t *testing.T) {
	t.Parallel()
	host := jsonrec.Host(event.URLHost, event.URLPort)
	schema := jsonrec.New(jsonrec.At("time", jsonrec.Millis(event.EventTime)), jsonrec.At("a", host), jsonrec.At("b", host))
	for raw, want := range map[string]string{
		`{"time":0,"a":"h.example","b":"h.example:81"}`:                  `h.example 81 []`,
		`{"time":0,"a":"h.example:81","b":"h.example"}`:                  `h.example 81 []`,
		`{"time":0,"a":"h.example:81","b":"h.example:81"}`:               `h.example 81 []`,
		`{"time":0,"a":"h.example:81","b":"h.example:82"}`:               `h.example 81 [{b h.example:82}]`,
		`{"time":0,"a":"h.example:81","b":"g.example:81"}`:               `h.example 81 [{b g.example:81}]`,
		`{"time":0,"a":"h.example","b":"g.example:81"}`:                  `h.example 0 [{b g.example:81}]`,
		`{"time":0,"a":"[2001:db8::1]","b":"[2001:db8::1]:81"}`:          `2001:db8::1 81 []`,
		`{"time":0,"a":"u:p@h.example:80:90","b":"u:p@h.example:80:90"}`: `u:p@h.example:80:90 0 []`,
	} {
		var w jsonrec.Walker
		w.Reset(event.HTTP, &record.Record{})
		if err := w.Walk(schema, []byte(raw)); err != nil {
			t.Fatal(err)
		}
		port, _ := w.Event.Int(event.URLPort)
		if got := fmt.Sprint(w.Event.Text(event.URLHost), " ", port, " ", w.Event.Unmapped); got != want {
			t.Errorf("%s: got %s, want %s", raw, got, want)
		}
	}
}

func TestHas(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		`{"a":1,"b":{}}`: true, `{"b":2,"c":[],"a":null}`: true, `{"a":1,"b":`: false, `{"a":1}`: false,
		`{"x":{"a":1,"b":2}}`: false, `["a","b"]`: false, "": false, `{"a":1,"a":2}`: false,
	} {
		if got := jsonrec.Has([]byte(raw), "a", "b"); got != want {
			t.Errorf("Has(%s) = %v, want %v", raw, got, want)
		}
	}
}
