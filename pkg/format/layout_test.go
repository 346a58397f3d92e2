package format_test

import (
	"fmt"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
)

func TestLayout(t *testing.T) {
	t.Parallel()
	reg := format.NewRegistry([]format.Spec{
		{Name: "flow", Class: event.Flow, Column: func(name string) bool { return name == "src" || name == "src-port" }},
		{Name: "fixed", Class: event.HTTP},
	})
	for _, c := range []struct{ name, text, want string }{
		{"flow", "src  src-port", `src src-port [] <nil>`},
		{"flow", "${src} ${src-port}", `src src-port [] <nil>`},
		{"flow", " src new-one\tsrc-port ", `src new-one src-port [new-one] <nil>`},
		{"flow", "src dst", `src dst [dst] <nil>`},
		{"flow", "scr dst src", ` [] the layout names no columns of flow: scr dst; names are divided by blanks`},
		{"flow", "src,dst", ` [] the layout names no columns of flow: src,dst; names are divided by blanks`},
		{"flow", "a b c src d src-port", `a b c src d src-port [a b c d] <nil>`},
		{"fixed", "src", ` [] format fixed has no layouts: its columns are known`},
		{"folw", "src", ` [] no format is named "folw"`},
	} {
		layout, unknown, err := reg.Layout(c.name, c.text)
		if got := fmt.Sprint(layout, " ", unknown, " ", err); got != c.want {
			t.Errorf("Layout(%q, %q) = %s, want %s", c.name, c.text, got, c.want)
		}
	}
}
