package rule

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/shrike-sec/shrike/pkg/event"
)

// A file that nests without end is a mistake, not the end of the process.
func TestDeepNesting(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"lists":    strings.Repeat("[", 200_000),
		"mappings": strings.Repeat("{a: ", 50_000),
		"blocks":   strings.Repeat("- ", 100_000),
		"anchors":  strings.Repeat("&a ", 100_000),
	} {
		if s, err := LoadFS(fstest.MapFS{"x.yml": {Data: []byte(text)}}, "."); err == nil {
			t.Errorf("%s: got %v, want problems", name, s)
		}
	}
	for _, source := range []string{strings.Repeat("(", 1<<18), strings.Repeat("not ", 1<<16) + "true", "true" + strings.Repeat(" and true", 1<<16)} {
		if _, mistakes := compile(source, event.API, testLists()); len(mistakes) == 0 {
			t.Errorf("a condition of %d bytes was accepted", len(source))
		}
	}
}
