package rule

import (
	"net/netip"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
)

// The text of an address is searched without being made, as is that of one that is missing. (Without the case of ipText in
// onText it allocates.)
func TestIPText(t *testing.T) {
	e := &event.Event{}
	e.Reset(event.API, nil)
	e.SetAddr(event.SrcIP, netip.MustParseAddr("2001:db8:0::7"))
	missing := &event.Event{}
	missing.Reset(event.API, nil)
	for source, want := range map[string]bool{
		`ipText(src_ip) == "2001:db8::7"`:                true,
		`ipText(src_ip) endsWith ":7"`:                   true,
		`containsFold(ipText(src_ip), "DB8::", ".1.")`:   true,
		`ipText(src_ip) matches "^2001:" and has(actor)`: false,
		`has(ipText(src_ip)) and ipText(src_ip) < "3"`:   true,
	} {
		cond := mustCompile(t, source)
		if !cond.native || cond.holds(scope{event: e}) != want || cond.holds(scope{event: missing}) {
			t.Errorf("%s: native %v, or does not hold as it should", source, cond.native)
		}
	}
	cond := mustCompile(t, `containsFold(ipText(src_ip), ".1.") or ipText(src_ip) endsWith ".1" or ipText(src_ip) == "x"`)
	if n := testing.AllocsPerRun(100, func() { cond.holds(scope{event: e}) }); n != 0 {
		t.Errorf("a search allocates %v times", n)
	}
}
