package format_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/format"
)

func unzip(t testing.TB, in []byte) io.Reader {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(in))
	if err != nil {
		t.Fatalf("unzip %q: %v", in, err)
	}
	return r
}

// agreesWithStandard compares ScanJSON, Cursor and AppendUnquoted with encoding/json.
func agreesWithStandard(t testing.TB, in []byte) {
	t.Helper()
	trimmed := bytes.TrimRight(in, " \t\r\n")
	end, state := format.ScanJSON(append(bytes.Clone(trimmed), ' '))
	valid := state == format.JSONDone && end == len(trimmed)
	if want := json.Valid(in); valid != want && !tooDeep(in) {
		t.Fatalf("scan %q: valid is %v, want %v", in, valid, want)
	}
	for n := range trimmed {
		if _, s := format.ScanJSON(trimmed[:n]); valid && s == format.JSONInvalid {
			t.Fatalf("scan %q: its beginning %q is invalid", in, trimmed[:n])
		}
	}
	if len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		c := format.NewCursor(trimmed)
		if got := enterAll(&c) && c.Pos() == len(trimmed); got != valid && !tooDeep(in) {
			t.Fatalf("enter %q: valid is %v, want %v", in, got, valid)
		}
	}
	if !valid || trimmed[0] == '[' {
		return
	}
	var want map[string]json.RawMessage
	if json.Unmarshal(trimmed, &want) != nil || want == nil {
		return
	}
	got := map[string]json.RawMessage{}
	o := format.NewCursor(trimmed)
	for o.Next() {
		key := o.Key
		if !o.Take() {
			break
		}
		got[strings.ToValidUTF8(string(format.AppendUnquoted(nil, key)), "\uFFFD")] = bytes.Clone(o.Value)
	}
	if !o.Done() || o.Pos() != len(trimmed) {
		t.Fatalf("walk %q: stopped at %d", in, o.Pos())
	}
	if len(got) > len(want) {
		t.Fatalf("walk %q: got %q, want %q", in, got, want)
	}
	for k, v := range got {
		if w, ok := want[k]; ok && !bytes.Equal(v, w) {
			t.Fatalf("walk %q: member %q is %q, want %q", in, k, v, w)
		}
	}
}

// enterAll walks into every object and array.
func enterAll(c *format.Cursor) bool {
	for i := 0; c.Next(); i++ {
		if child, ok := c.Enter(); ok {
			enterAll(&child)
			c.Leave(&child)
		} else if i%2 == 0 {
			c.Take()
		}
	}
	return c.Done()
}

func tooDeep(in []byte) bool { return bytes.Count(in, []byte("["))+bytes.Count(in, []byte("{")) > 200 }

func TestScanJSONAgreesWithStandardLibrary(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		`{}`, `[]`, `0`, `-0`, `01`, `1.`, `1.5`, `1e`, `1e+`, `1E-7`, `-`, `.5`, `+1`, `tru`, `true`, `nulll`, `NaN`, `""`, `"\u12G4"`,
		`"\x"`, `"a`, "\"a\nb\"", `{"a":}`, `{"a" :1 , "b": [ ] }`, `{,}`, `{"a":1,}`, `[1,]`, `[1 2]`, `{"a":1]`, `[}`, `{1:2}`, ` 7 `,
		`{"a":{"b"},"c":1}`, `{"a":{"b"}}`, `[[1,],2]`, `{"a":[}}`, `[{"a":1]]`, `{"a":{"b"}`, `[[1,]`,
		strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		agreesWithStandard(t, []byte(in))
	}
	rapid.Check(t, func(rt *rapid.T) {
		agreesWithStandard(t, []byte(rapid.StringMatching(`[\[\]{}",:0-9a\\eE.\-+ untrfls]{0,30}`).Draw(rt, "in")))
	})
	deep := strings.Repeat("[", 300) + strings.Repeat("]", 300)
	if _, state := format.ScanJSON([]byte(deep)); state != format.JSONInvalid {
		t.Errorf("300 levels: got state %d, want invalid", state)
	}
}

func TestAppendUnquotedAgreesWithStandardLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		quoted, err := json.Marshal(rapid.String().Draw(rt, "text"))
		if err != nil {
			rt.Fatal(err)
		}
		var want string
		if err := json.Unmarshal(quoted, &want); err != nil {
			rt.Fatal(err)
		}
		if got := string(format.AppendUnquoted(nil, quoted[1:len(quoted)-1])); got != want {
			rt.Fatalf("unquote %s: got %q, want %q", quoted, got, want)
		}
	})
	for in, want := range map[string]string{
		`\ud83d\ude00`: "\U0001f600", `\ud83dx`: "\uFFFDx", `\ud83d\u0041`: "\uFFFDA", `\/\"\\`: `/"\`, `\ude00`: "\uFFFD",
	} {
		if got := string(format.AppendUnquoted(nil, []byte(in))); got != want {
			t.Errorf("unquote %s: got %q, want %q", in, got, want)
		}
	}
}
