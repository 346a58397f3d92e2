package rule

import (
	"math"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

// letters whose case is odd: three forms, other lengths in UTF-8, none at all, and bytes that are no letters.
var oddLetters = []string{"k", "K", "\u212a", "s", "S", "\u017f", "ß", "ẞ", "Σ", "σ", "ς", "ǅ", "ǆ", "İ", "i", "I", "ı", "a", "A", "*", "?", "\xe2", "\xff", "\u2126", "ω", "日"}

func genOdd(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(oddLetters), 0, 5).Draw(t, "letters"), "")
}

// splitLetters cuts a text into letters, bytes that are none by themselves.
func splitLetters(s string) (all []string) {
	for s != "" {
		_, size := utf8.DecodeRuneInString(s)
		all, s = append(all, s[:size]), s[size:]
	}
	return all
}

// plainEqual is equalFold said in the simplest way: letter by letter, one orbit of SimpleFold.
func plainEqual(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		x, sizeX := utf8.DecodeRuneInString(a[i])
		y, sizeY := utf8.DecodeRuneInString(b[i])
		invalid := x == utf8.RuneError && sizeX == 1 || y == utf8.RuneError && sizeY == 1
		if invalid && a[i] != b[i] || !invalid && !strings.EqualFold(string(x), string(y)) {
			return false
		}
	}
	return true
}

// What equalFold and its like say is what trying every place of the text says, letter by letter. (Deleting the loop over
// SimpleFold in foldedLetter makes it fail.)
func TestFoldingIsLetterByLetter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, literal := genOdd(t), genOdd(t)
		if literal != "" && rapid.Bool().Draw(t, "inside") {
			s += strings.Map(unicode.SimpleFold, literal) + genOdd(t)
		}
		f, all, want := newFolded(literal), splitLetters(s), splitLetters(literal)
		within := false
		for i := 0; i+len(want) <= len(all); i++ {
			within = within || plainEqual(all[i:i+len(want)], want)
		}
		n := len(want)
		for name, c := range map[string]struct{ got, want bool }{
			"equals": {f.equals(s), plainEqual(all, want)},
			"begins": {f.begins(s), len(all) >= n && plainEqual(all[:n], want)},
			"ends":   {f.ends(s), len(all) >= n && plainEqual(all[max(0, len(all)-n):], want)},
			"within": {f.within(s), within},
		} {
			if c.got != c.want {
				t.Fatalf("%q %s %q: got %v, want %v", s, name, literal, c.got, c.want)
			}
		}
		a, okA := appendFolded(nil, s, 100)
		b, okB := appendFolded(nil, literal, 100)
		if okA && okB && (string(a) == string(b)) != plainEqual(all, want) {
			t.Fatalf("%q and %q fold into %q and %q", s, literal, a, b)
		}
		if got, same := foldedGlobs(s, foldedLetters(literal)), plainEqual(all, want); same && !got {
			t.Fatalf("%q is not as its own pattern %q", s, literal)
		}
	})
}

func TestGlobFold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, pattern string
		want          bool
	}{
		{"arn:aws:iam::1:role/Admin", "ARN:*:ROLE/adm?n", true},
		{"", "", true}, {"", "*", true}, {"", "?", false}, {"a", "", false},
		{"\u212aelvin", "k*N", true}, {"日本", "?本", true}, {"日本", "?", false},
		{strings.Repeat("a", 300) + "b", strings.Repeat("*A", 100) + "*c", false},
	} {
		if got := foldedGlobs(c.text, foldedLetters(c.pattern)); got != c.want {
			t.Errorf("%q as %q: got %v", c.text, c.pattern, got)
		}
	}
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ lat1, lon1, lat2, lon2, want float64 }{
		{0, 0, 0, 0, 0},
		{52.52, 13.405, 48.8566, 2.3522, 877.5},      // Berlin, Paris
		{40.7128, -74.006, 35.6762, 139.6503, 10852}, // New York, Tokyo
		{0, 179.5, 0, -179.5, 111.2},                 // across the date line
		{0, 0, 0, 180, math.Pi * earthRadius},
		{90, 17, -90, 5, math.Pi * earthRadius},
	} {
		if got := distance(c.lat1, c.lon1, c.lat2, c.lon2); math.Abs(got-c.want) > 1 {
			t.Errorf("from %v,%v to %v,%v: got %v km, want %v", c.lat1, c.lon1, c.lat2, c.lon2, got, c.want)
		}
	}
}

// What the functions that do not regard case, raw, jsonText and geoDistance mean, by example; all as closures, and none
// allocates.
func TestFoldMeaning(t *testing.T) {
	e := sampleEvent()
	e.Record = &record.Record{Raw: []byte(`{"eventName":"PutBucketPolicy","x":"Pacu/1.0"}`)}
	e.SetText(event.ActorName, "Ⅷ-ADMIN")
	for source, want := range map[string]bool{
		`equalFold(event_name, "putbucketPOLICY")`:                                      true,
		`equalFold(event_name, "x", "putbucketpolicy")`:                                 true,
		`equalFold(event_name, "putbucketpolic", "putbucketpolicyx")`:                   false,
		`equalFold(error_code, "x")`:                                                    false,
		`equalFold(error_code, "")`:                                                     true,
		`equalFold(actor_name, "ⅷ-admin")`:                                              true,
		`equalFold(request.bucketName, "LOGS")`:                                         true,
		`equalFold(request.port, "22")`:                                                 true,
		`equalFold(request.ipPermissions.items[].ipRanges.items[].cidrIp, "0.0.0.0/0")`: true,
		`equalFold(outcome, "SUCCESS")`:                                                 true,
		`any(resources, equalFold(#, "ARN:AWS:S3:::LOGS"))`:                             true,
		`containsFold(user_agent, "trufflehog", "pacu")`:                                true,
		`containsFold(user_agent, "pacu")`:                                              false,
		`containsFold(raw, "pacu/")`:                                                    true,
		`raw contains "Pacu"`:                                                           true,
		`raw matches "x\":\"[A-Z]acu"`:                                                  true,
		`has(raw)`:                                                                      true,
		`lower(raw) contains "pacu"`:                                                    true,
		`startsWithFold(user_agent, "mozilla/")`:                                        true,
		`startsWithFold(user_agent, "ozilla/")`:                                         false,
		`endsWithFold(user_agent, "TRUFFLEHOG")`:                                        true,
		`endsWithFold(user_agent, "TRUFFLEHO")`:                                         false,
		`globFold(user_agent, "*truffle*")`:                                             true,
		`globFold(user_agent, "truffle*", "MOZILLA/?.0*")`:                              true,
		`jsonText(request.ipPermissions) contains "\"cidrIp\":\"0.0.0.0/0\""`:           true,
		`jsonText(request.ipPermissions.items[]) contains "\"fromPort\":443"`:           true,
		`containsFold(jsonText(request), "\"BUCKETNAME\":\"logs\"")`:                    true,
		`jsonText(request.port) == "22"`:                                                true,
		`jsonText(request.none) == ""`:                                                  true,
		`jsonText(response) contains "x"`:                                               false,
		`any(request.ipPermissions.items, jsonText(#) contains "0.0.0.0/0")`:            true,
		`geoDistance(52.52, 13.405, 48.8566, 2.3522) in [1, 2]`:                         false,
		`geoDistance(52.52, 13.405, 48.8566, 2.3522) > 870`:                             true,
		`geoDistance(52, 13, 48, bytes_in) > 0`:                                         false,
		`geoDistance(52, 13, 48, bytes_in) >= 0 or geoDistance(52, 13, 48, 2) < 1000`:   true,
		`has(geoDistance(1, 2, 3, int(request.port)))`:                                  true,
		`has(geoDistance(1, 2, 3, int(request.bucketName)))`:                            false,
	} {
		cond := mustCompile(t, source)
		machine, err := cond.machine.eval(e)
		if got := cond.holds(scope{event: e}); got != want || machine != want || err != nil || !cond.native {
			t.Errorf("%s as %s: got %v, the machine %v, want %v; native %v, error %v", source, cond.tree, got, machine, want, cond.native, err)
		}
		if n := testing.AllocsPerRun(50, func() { cond.holds(scope{event: e}) }); n != 0 {
			t.Errorf("%s allocates %v times", source, n)
		}
	}
}

// equalFold on a field is found by the index, whatever the case of either; longer values cost nothing to fold.
func TestIndexFoldsCase(t *testing.T) {
	e := sampleEvent()
	r := &Rule{ID: "r", Class: event.API, Outcome: "any", Mode: Live, cond: mustCompile(t, `equalFold(event_name, "PUTbucketPOLICY", "x")`)}
	set := NewSet([]*Rule{r})
	if ix := set.indexes[event.API]; len(ix.rest) > 0 || len(ix.fields) != 1 {
		t.Errorf("the rule is not indexed")
	}
	dst := make([]Hit, 0, 4)
	if n := testing.AllocsPerRun(50, func() { dst = set.Hits(e, dst[:0]) }); n != 0 || len(dst) != 1 {
		t.Errorf("%d hits, %v allocations; want 1 and none", len(dst), n)
	}
	e.SetText(event.EventName, strings.Repeat("Putbucketpolicy", 100))
	if n := testing.AllocsPerRun(50, func() { dst = set.Hits(e, dst[:0]) }); n != 0 || len(dst) != 0 {
		t.Errorf("%d hits, %v allocations; want none", len(dst), n)
	}
}
