package rule

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestNeededParts(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string][]string{
		`abcdef`:                    {"abcdef"},
		`(?i)\.(ppk|p(12|fx))$`:     {".P12", ".PFX", ".PPK"},
		`^id_(rsa|ed25519)(\.pub)?`: {"id_ed25519", "id_rsa"},
		`x+(secret|token)y*`:        {"secret", "token"},
		`a(b|c)d`:                   {"abd", "acd"},
		`(secret)?x`:                nil,
		`(secret|..)`:               nil,
		`ab`:                        nil,
		`secret|keys?|accesskey`:    {"key", "secret"},
		`[kK]eyring`:                {"Keyring"},
		`(a|b)(c|d)(e|f)(g|h)(i|j)(k|l)(m|n)(o|p)xyz`: {"kmoxyz", "kmpxyz", "knoxyz", "knpxyz", "lmoxyz", "lmpxyz", "lnoxyz", "lnpxyz"},
	} {
		got := neededParts(pattern)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", pattern, d)
		}
	}
}

// What is looked for before an expression never keeps it from a text that fits. (Without the empty text of ? in textsOf it fails.)
func TestMatchingIsTheExpression(t *testing.T) {
	t.Parallel()
	texts := []string{"a", "B", "k", "\u212a", "s", "ſ", "é", "É", "/", ".", "\xff", "abc", "Key", "secret", ".PFX"}
	var expression func(t *rapid.T, depth int) string
	expression = func(t *rapid.T, depth int) string {
		if depth == 0 {
			return rapid.SampledFrom([]string{"a", "b", "k", "s", "é", "/", `\.`, "abc", "key", "secret", "pfx", "[ab]", ".", "^", "$", `\b`, "\ufffd"}).Draw(t, "atom")
		}
		a := expression(t, depth-1)
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			return "(" + a + ")" + rapid.SampledFrom([]string{"?", "*", "+", "{2}", "{0,3}", "{1,}", "??"}).Draw(t, "times")
		case 1:
			return "(" + a + "|" + expression(t, depth-1) + "|" + expression(t, 0) + ")"
		case 2:
			return "(?i:" + a + ")"
		default:
			return a + expression(t, depth-1)
		}
	}
	fits := 0
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.SampledFrom([]string{"", "(?i)"}).Draw(t, "flags") + expression(t, rapid.IntRange(0, 4).Draw(t, "depth"))
		re, err := regexp.Compile(pattern)
		if err != nil {
			t.Skip(err)
		}
		test := matching(pattern)
		for range 20 {
			text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(texts), 0, 8).Draw(t, "text"), "")
			want := re.MatchString(text)
			if want {
				fits++
			}
			if got := test(text); got != want {
				t.Fatalf("%q matches %q: got %v, want %v; it needs %q", text, pattern, got, want, neededParts(pattern))
			}
		}
	})
	if fits < 200 {
		t.Errorf("only %d texts fit", fits)
	}
}
