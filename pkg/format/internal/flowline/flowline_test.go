package flowline

import (
	"strings"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
)

// A sender that names a new layout on every line does not make the reader grow.
func TestLayoutsAreBounded(t *testing.T) {
	t.Parallel()
	r := NewReader(Columns{"start": {Kind: Seconds, Time: event.EventTime}}, "start")
	for i := range 10 * maxLayouts {
		r.layout("start bytes c" + strings.Repeat("x", i))
	}
	if len(r.layouts) > maxLayouts {
		t.Errorf("%d layouts kept, want at most %d", len(r.layouts), maxLayouts)
	}
}
