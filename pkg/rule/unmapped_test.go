package rule

import (
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
)

// What no field holds can be named like a path wherever a key can stand, however its name is written; a class without it, an
// array and unmapped alone are refused. (Without unmappedField in Key.AppendText or Key.AppendJSON it fails.)
func TestUnmappedKeys(t *testing.T) {
	t.Parallel()
	e := &event.Event{}
	e.Reset(event.API, nil)
	e.AddUnmapped("a.b", `x"y`)
	e.AddUnmapped("n", "12")
	for name, want := range map[string][2]string{
		"unmapped.a.b": {`x"y`, `"x\"y"`}, `unmapped["a.b"]`: {`x"y`, `"x\"y"`}, "unmapped.n": {"12", `"12"`}, "unmapped.a": {}, "unmapped.c": {},
	} {
		k, err := ParseKey(name, event.API)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{k.Text(e), string(k.AppendJSON(nil, e))}; got != want || string(k.AppendText(nil, e)) != want[0] {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	for name, c := range map[string]event.Class{"unmapped": event.API, "unmapped.a[]": event.API, "unmapped.a": event.Alert} {
		if _, err := ParseKey(name, c); err == nil {
			t.Errorf("%s of class %s is a key", name, c)
		}
	}
}
