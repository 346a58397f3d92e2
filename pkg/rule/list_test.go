package rule

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/valyala/fastjson"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
)

// A list has an address when it names it, or a network around it. (Deleting the call of unmapped in newList makes it fail.)
func TestListHasAddr(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var values []string
		var nets []netip.Prefix
		addr := rapid.Custom(func(t *rapid.T) netip.Addr {
			low := byte(rapid.IntRange(0, 255).Draw(t, "low"))
			if rapid.Bool().Draw(t, "v6") {
				return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: low})
			}
			return netip.AddrFrom4([4]byte{192, 0, 2, low})
		})
		for range rapid.IntRange(0, 8).Draw(t, "values") {
			a := addr.Draw(t, "address")
			p := netip.PrefixFrom(a, a.BitLen()-rapid.IntRange(0, 4).Draw(t, "host bits"))
			nets = append(nets, p.Masked())
			switch {
			case p.IsSingleIP() && rapid.Bool().Draw(t, "bare"):
				values = append(values, a.String())
			case a.Is4() && rapid.Bool().Draw(t, "mapped"):
				values = append(values, netip.PrefixFrom(netip.AddrFrom16(a.As16()), p.Bits()+96).String())
			default:
				values = append(values, p.String())
			}
		}
		l := newList("l", values)
		for range 20 {
			a, want := addr.Draw(t, "asked"), false
			for _, n := range nets {
				want = want || n.Contains(a)
			}
			if l.hasAddr(a) != want || l.hasText(a.String()) != want {
				t.Fatalf("%v has %s: got %v, want %v", values, a, l.hasAddr(a), want)
			}
		}
		if l.hasAddr(netip.Addr{}) {
			t.Fatalf("%v has no address at all", values)
		}
	})
}

// inList over AWS's ranges: of the services named only, of fields and of texts that are addresses; another edition of the
// file makes another set.
func TestRangesOfAWS(t *testing.T) {
	t.Parallel()
	const published = `{"syncToken":"1772355600","createDate":"2026-03-01-09-00-00",
		"prefixes":[{"ip_prefix":"%s","region":"r","service":"EC2"},{"ip_prefix":"192.0.2.0/24","region":"r","service":"S3"}],
		"ipv6_prefixes":[{"ipv6_prefix":"2001:db8::/48","region":"r","service":"EC2"}]}`
	rule := string(must(os.ReadFile("testdata/good/aws-root-console-login.yml")))
	load := func(subject, network string) *Set {
		return must1(LoadFS(fstest.MapFS{
			"aws-root-console-login.yml": {Data: []byte(strings.Replace(rule, `actor_type == "Root"`, "inList("+subject+`, "aws-ranges")`, 1))},
			"lists/aws-ranges.yml":       {Data: []byte("id: aws-ranges\ntitle: t\naws_ranges: { file: ip-ranges.json, services: [EC2] }\n")},
			"lists/ip-ranges.json":       {Data: fmt.Appendf(nil, published, network)},
		}, "."))
	}
	for _, c := range []struct {
		subject, network string
		want             bool
	}{
		{"src_ip", "198.51.100.0/24", true},
		{"src_ip", "198.51.100.8/29", false},
		{"request.v6", "198.51.100.0/24", true},
		{"request.s3", "198.51.100.0/24", false},
		{"request.name", "198.51.100.0/24", false},
		{"request.absent", "198.51.100.0/24", false},
	} {
		e := sampleEvent()
		doc := `{"v6":"2001:db8::7","s3":"192.0.2.1","name":"198.51.100.7.example"}`
		e.SetText(event.EventName, "ConsoleLogin")
		e.SetObject(event.Request, event.Object{Raw: doc, Value: fastjson.MustParse(doc)})
		if got := len(load(c.subject, c.network).Match(e, nil)) == 1; got != c.want {
			t.Errorf("%s in %s: got %v", c.subject, c.network, got)
		}
	}
	a, b := load("src_ip", "198.51.100.0/24"), load("src_ip", "203.0.113.0/24")
	if a.Hash() == b.Hash() || a.Rules()[0].Hash != b.Rules()[0].Hash {
		t.Errorf("two editions of the file: sets %s and %s, rules %s and %s", a.Hash(), b.Hash(), a.Rules()[0].Hash, b.Rules()[0].Hash)
	}
}

func BenchmarkListOfTenThousandNetworks(b *testing.B) {
	nets := make([]netip.Prefix, 10_000)
	for i := range nets {
		nets[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + i>>10), byte(i >> 2), byte(i << 6), 0}), 26)
	}
	l := netList("l", nets)
	for i := 0; b.Loop(); i++ {
		l.hasAddr(netip.AddrFrom4([4]byte{byte(i), byte(i >> 8), byte(i >> 3), 7}))
	}
}
