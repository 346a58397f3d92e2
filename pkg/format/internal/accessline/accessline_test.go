package accessline

import (
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTimesAgreeWithTheStandardLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", rapid.IntRange(-23*60, 23*60).Draw(t, "zone")*60)
		want := time.Unix(rapid.Int64Range(0, maxUnix).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).In(zone)
		if y := want.Year(); y < 1970 || y > 2261 {
			return
		}
		if got, ok := CLFTime(want.Format("02/Jan/2006:15:04:05 -0700")); !ok || got != want.Truncate(time.Second).UnixNano() {
			t.Fatalf("CLFTime(%v) = %d, %v, want %d", want, got, ok, want.Truncate(time.Second).UnixNano())
		}
		for _, layout := range []string{"2006-01-02T15:04:05.000000000-0700", "2006-01-02T15:04:05.999999999Z07:00"} {
			if got, ok := ISOTime(want.Format(layout)); !ok || got != want.UnixNano() {
				t.Fatalf("ISOTime(%s) = %d, %v, want %d", want.Format(layout), got, ok, want.UnixNano())
			}
		}
	})
}

const maxUnix = 9214646399

// Any text that the reader takes, the standard library takes too, as the same time.
func TestNoTimeThatIsNone(t *testing.T) {
	t.Parallel()
	const layout = "02/Jan/2006:15:04:05 -0700"
	rapid.Check(t, func(t *rapid.T) {
		s := fmt.Sprintf("%02d/%s/%04d:%02d:%02d:%02d %s%02d%02d", rapid.IntRange(0, 40).Draw(t, "d"),
			rapid.SampledFrom([]string{"Jan", "Feb", "Apr", "jan", "Foo"}).Draw(t, "mon"), rapid.IntRange(1960, 2270).Draw(t, "y"),
			rapid.IntRange(0, 26).Draw(t, "h"), rapid.IntRange(0, 62).Draw(t, "m"), rapid.IntRange(0, 59).Draw(t, "s"),
			rapid.SampledFrom([]string{"+", "-", "x"}).Draw(t, "sign"), rapid.IntRange(0, 24).Draw(t, "zh"), rapid.IntRange(0, 60).Draw(t, "zm"))
		got, ok := CLFTime(s)
		if !ok {
			return
		}
		if want, err := time.Parse(layout, s); err != nil || want.UnixNano() != got {
			t.Fatalf("CLFTime(%q) = %d, time.Parse says %v, %v", s, got, want, err)
		}
	})
}

func TestNumbersAgreeWithTheStandardLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`-?[0-9.]{0,21}`).Draw(t, "s")
		got, ok := Int(s)
		want, err := strconv.ParseInt(s, 10, 64)
		// The reader stops at 19 characters: leading zeros beyond are nobody's, and so is the smallest of all integers.
		if ok != (err == nil) && len(s) < 19 || ok && got != want {
			t.Fatalf("Int(%q) = %d, %v, want %d, %v", s, got, ok, want, err)
		}
		f, ok := Float(s)
		wantF, err := strconv.ParseFloat(s, 64)
		if ok != (err == nil) || ok && f != wantF {
			t.Fatalf("Float(%q) = %v, %v, want %v, %v", s, f, ok, wantF, err)
		}
	})
}

func TestAddressesAgreeWithTheStandardLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[0-9]{0,4}(\.[0-9]{0,4}){2,4}`), rapid.StringMatching(`[0-9a-f:]{2,20}`)).Draw(t, "s")
		got, ok := Addr(s)
		want, err := netip.ParseAddr(s)
		if ok != (err == nil) || ok && got != want.Unmap() {
			t.Fatalf("Addr(%q) = %v, %v, want %v, %v", s, got, ok, want, err)
		}
	})
}

func TestMillis(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]float64{"0.052": 52, "0.0001": 0.1, "300.052": 300052, "0.000": 0, "1e-3": 1} {
		if got, ok := Millis(s); !ok || got != want {
			t.Errorf("Millis(%q) = %v, %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"-1", "-", "", "NaN", "Inf", "1.2.3"} {
		if got, ok := Millis(s); ok {
			t.Errorf("Millis(%q) = %v, want none", s, got)
		}
	}
}

func TestPercentDecode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in    string
		times int
		want  string
	}{
		{"my%2520file%2Bx", 2, "my file+x"}, {"100%", 2, "100%"}, {"%zz%4", 1, "%zz%4"}, {"%25%32%30", 1, "%20"}, {"", 1, ""},
	} {
		if got := PercentDecode(c.in, c.times); got != c.want {
			t.Errorf("PercentDecode(%q, %d) = %q, want %q", c.in, c.times, got, c.want)
		}
	}
}

// Each column behind the known ones has a name of its own.
func TestExtraNames(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		if got, want := ExtraName(n+1), fmt.Sprintf("extra_%d", n+1); got != want {
			t.Errorf("ExtraName(%d) = %q, want %q", n+1, got, want)
		}
	}
}

func TestHostPort(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a.example:80": "a.example 80 true", "[2001:db8::1]:443": "2001:db8::1 443 true", "2001:db8::1": "2001:db8::1 0 false",
		"a.example:": "a.example: 0 false", ":80": " 80 true", "": " 0 false", "a:99999": "a:99999 0 false",
	} {
		host, port, ok := HostPort(in)
		if got := fmt.Sprint(host, " ", port, " ", ok); got != want {
			t.Errorf("HostPort(%q) = %s, want %s", in, got, want)
		}
	}
}

// Escaping and unescaping give the same bytes back, whatever they are.
func TestUnescape(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		var nginx, apache []byte
		for _, c := range want {
			switch {
			case c == '"' || c == '\\':
				nginx = fmt.Appendf(nginx, `\x%02X`, c)
				apache = append(apache, '\\', c)
			case c < 0x20 || c > 0x7e:
				nginx = fmt.Appendf(nginx, `\x%02X`, c)
				apache = fmt.Appendf(apache, `\x%02x`, c)
			default:
				nginx, apache = append(nginx, c), append(apache, c)
			}
		}
		if got := UnescapeHex(string(nginx)); got != string(want) {
			t.Fatalf("UnescapeHex(%q) = %q, want %q", nginx, got, want)
		}
		if got := UnescapeC(string(apache)); got != string(want) {
			t.Fatalf("UnescapeC(%q) = %q, want %q", apache, got, want)
		}
	})
}
