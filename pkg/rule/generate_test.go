package rule

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"github.com/valyala/fastjson"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
)

// What conditions are generated from, and events: small pools, so that they meet.
var (
	words = []string{"", "a", "Root", "root", "GetObject", "ConsoleLogin", "ǅabÄ", "10.1.2.3", "443", "-7", "007", "2.5", "true", "x.y"}
	ints  = []int64{-1, 0, 1, 22, 200, 404, 3333, 1 << 40}
	times = []int64{-1, 0, 22, 1 << 40, 1_772_356_447_000_000_000, 1_609_459_199_999_999_999} // of 2020's last week, in December
	reals = []float64{0, 0.5, 22, 100.5}
	addrs = []string{"10.0.0.1", "10.1.2.3", "192.0.2.7", "::1", "2001:db8::9", "100.64.3.3"}
	docs  = []string{
		`{}`, `null`, `{"a":"Root","b":{"c":"x.y"},"n":443,"t":true,"z":null,"e":""}`,
		`{"items":[{"p":22,"q":"a"},{"p":"3333","q":"Root","r":["a","x.y"]},{"p":2.5},7,"a",null,[1]]}`,
		`{"items":{"a":1},"a":["a","Root",5],"b":"10.1.2.3","n":-7,"x:y":"root"}`,
		`{"a":"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\"}}","n":22,"e":3389,"items":[{"p":20,"q":80},{"p":-1,"q":-1},{"p":"443"}]}`,
		`{"a":{"Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::443:root","*"]},"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}},{"Effect":"Deny","Principal":"*"}]},"n":0,"e":65535}`,
		`{"a":"%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22NotPrincipal%22%3A%7B%7D%2C%22NotAction%22%3A%22a%22%7D%5D%7D","n":"22","e":"23"}`,
		`{"a":{"Statement":{"Effect":"Allow","Sid":"\u0001","Principal":{"AWS":"443"},"Condition":{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/0"]}}}},"n":2.5,"items":[]}`,
		`{"items":[],"a":"\u0041\"","n":"443","b":{"c":{"d":1}}}`,
	}
	paths   = []string{``, `.a`, `.b.c`, `.n`, `["x:y"]`, `.items`, `.z`, `.e`, `?.b?.c`}
	spreads = []string{`.items[].p`, `.items[].q`, `.a[]`, `.items[]`, `.items[].r[]`}
)

func oneOf(t *rapid.T, options ...string) string { return rapid.SampledFrom(options).Draw(t, "pick") }

func chance(t *rapid.T, one int) bool { return rapid.IntRange(1, one).Draw(t, "chance") == one }

func quoted(t *rapid.T) string { return fmt.Sprintf("%q", rapid.SampledFrom(words).Draw(t, "word")) }

// vocabulary is the fields of a class by what they hold.
type vocabulary struct {
	class                                                    event.Class
	texts, ints, floats, flags, addrs, times, lists, objects []string
}

func newVocabulary(c event.Class) *vocabulary {
	v := &vocabulary{class: c}
	for _, f := range event.Fields() {
		if f.Meta || !f.In(c) || len(f.Values) > 0 {
			continue
		}
		into := map[event.Type]*[]string{
			event.TypeText: &v.texts, event.TypeInt: &v.ints, event.TypeFloat: &v.floats, event.TypeBool: &v.flags,
			event.TypeAddr: &v.addrs, event.TypeTime: &v.times, event.TypeList: &v.lists, event.TypeObject: &v.objects,
		}[f.Type]
		*into = append(*into, f.Name)
	}
	return v
}

// narrowed is the vocabulary with few fields of a type, so that conditions name one twice.
func (v *vocabulary) narrowed() *vocabulary {
	n := *v
	n.texts = n.texts[:min(len(n.texts), 12)]
	return &n
}

// generator makes conditions over a class. pred says what # is: "text", "json", or "" outside of any, all and so on.
type generator struct {
	t    *rapid.T
	v    *vocabulary
	pred string
}

func (g generator) of(options ...string) string { return oneOf(g.t, options...) }

// path is a place in an object, with [] where spread; "" in classes that have no objects.
func (g generator) path(spread bool) string {
	if len(g.v.objects) == 0 {
		return ""
	}
	if spread {
		return g.of(g.v.objects...) + g.of(spreads...)
	}
	return g.of(g.v.objects...) + g.of(paths...)
}

func (g generator) text() string {
	base := g.of(g.v.texts...)
	path := g.path(false)
	switch {
	case g.pred == "text" && !chance(g.t, 3):
		base = "#"
	case g.pred == "json" && !chance(g.t, 3):
		base = g.of("#", "#.p", ".q", "#.r")
	case g.pred == "" && path != "" && chance(g.t, 8):
		base = g.path(true)
	case path != "" && chance(g.t, 2):
		base = path
	case chance(g.t, 9):
		base = "ipText(" + g.of(g.v.addrs...) + ")"
	case chance(g.t, 12):
		base = "raw"
	case chance(g.t, 6):
		base = "unmapped" + g.of(".a", ".x.y", `["x.y"]`, "?.x?.y")
	}
	switch rapid.IntRange(0, 17).Draw(g.t, "wrap") {
	case 0, 1:
		return "lower(" + base + ")"
	case 2:
		return "trim(" + base + ")"
	case 3:
		return "upper(" + base + ")"
	case 4:
		return "replace(" + base + ", " + g.of(`"o"`, `"a"`, `""`) + `, "R")`
	case 5:
		return "(" + base + " + " + quoted(g.t) + ")"
	case 6:
		if path != "" {
			return "jsonText(" + path + ")"
		}
	}
	return base
}

// right is the generator for the right side of a comparison: that has at most one path with [].
func (g generator) right() generator {
	if g.pred == "" {
		g.pred = "no spread"
	}
	return g
}

func (g generator) number() string {
	switch rapid.IntRange(0, 16).Draw(g.t, "number") {
	case 15, 16:
		return "float(" + g.text() + ")"
	case 0, 1:
		return fmt.Sprintf("(%s %s %d)", g.of(g.v.ints...), g.of("+", "-", "*", "/", "%"), rapid.IntRange(1, 3).Draw(g.t, "by"))
	case 2:
		return "int(" + g.text() + ")"
	case 3:
		return "len(" + g.collection() + ")"
	case 4:
		return "count(" + g.of(g.v.lists...) + ", # contains " + quoted(g.t) + ")"
	case 5, 14:
		return g.of("-", "+") + g.of(g.v.ints...)
	case 6:
		return fmt.Sprintf("%.1f", rapid.SampledFrom(reals).Draw(g.t, "float"))
	case 7, 8:
		return genClock(g)
	case 9, 10:
		return fmt.Sprint(rapid.SampledFrom(ints).Draw(g.t, "int"))
	case 11:
		if len(g.v.floats) > 0 {
			return g.of(g.v.floats...)
		}
	}
	return g.of(g.v.ints...)
}

// collection is something that len takes.
func (g generator) collection() string {
	if len(g.v.objects) > 0 && chance(g.t, 3) {
		return g.of(g.v.objects...) + g.of(".items", ".a")
	}
	return g.of(g.of(g.v.lists...), g.of(g.v.texts...), "split("+g.of(g.v.texts...)+`, "o")`)
}

// atoms are the ways to say something that is true or false.
func atoms() []func(g generator) string {
	return []func(g generator) string{
		func(g generator) string {
			return g.text() + g.of(" == ", " != ", " < ", " >= ", " > ", " <= ") + quoted(g.t)
		},
		func(g generator) string {
			return g.text() + g.of(" in ", " in ", " not in ") + "[" + quoted(g.t) + ", " + quoted(g.t) + "]"
		},
		func(g generator) string {
			return g.text() + g.of(" contains ", " startsWith ", " endsWith ", " not contains ") + quoted(g.t)
		},
		func(g generator) string {
			return g.text() + ` matches "` + g.of("^R", "oo", "[0-9]+$", "(?i)root", "", "(?i)(root|consolelogin|x..*y)x?", "Get(Object)+", "^(?:ǅabÄ|Root)") + `"`
		},
		func(g generator) string {
			return g.number() + g.of(" == ", " != ", " < ", " <= ", " > ", " >= ") + g.right().number()
		},
		func(g generator) string {
			return g.number() + g.of(" in ", " not in ") + g.of("[22, 443]", "1..300", "[0, 2.5]")
		},
		genFlag, genAddr, genHas, genTime, genMember,
		func(g generator) string { return g.text() + g.of(" == ", " <= ") + g.right().text() },
		func(g generator) string {
			return "glob(" + g.text() + ", " + fmt.Sprintf("%q", g.of("*", "R*t", "?oot", "*o*o*", "x.?", "ǅ*?", "", "**a")) + ")"
		},
		genPorts, genPolicy, genPolicy, genPolicy, genFold, genFold, genDistance, genQuantifier, genQuantifier,
		genMoment, genMoment,
		func(g generator) string {
			return "inList(" + g.of(g.text(), g.of(g.v.ints...), g.of(g.v.addrs...), g.of(g.v.addrs...)) + `, "nets")`
		},
		func(g generator) string {
			return "outcome" + g.of(` == "success"`, ` != "failure"`, ` in ["success", "unknown"]`) + g.of("", " and true", " or false")
		},
	}
}

func genAtom(g generator) string {
	s := rapid.SampledFrom(atoms()).Draw(g.t, "atom")(g)
	if s == "" { // the class has nothing to say it with
		return g.text() + " == " + quoted(g.t)
	}
	return s
}

func genClock(g generator) string {
	return clocks[rapid.IntRange(0, len(clocks)-1).Draw(g.t, "clock")].name + "(" + g.of(g.v.times...) + g.of("", "", `, "Europe/Berlin"`, `, "Asia/Kathmandu"`) + ")"
}

func genMoment(g generator) string {
	return genClock(g) + g.of(" in 0..14", " in 10..2050", " == 1", " >= 0", " != 0")
}

func genFlag(g generator) string {
	if len(g.v.flags) == 0 {
		return ""
	}
	return g.of(g.v.flags...) + g.of(" == true", " == false", " != true", " != "+g.of(g.v.flags...), " == ("+g.of(g.v.ints...)+" > 0)")
}

func genAddr(g generator) string {
	a := g.of(g.v.addrs...)
	if p := g.path(false); p != "" && chance(g.t, 3) {
		a = p
	}
	field := g.of(g.v.addrs...)
	literal := fmt.Sprintf("%q", rapid.SampledFrom(addrs).Draw(g.t, "addr"))
	return g.of("isPrivate("+a+")", "inCIDR("+a+`, "10.0.0.0/8", "2001:db8::/32")`, field+" == "+literal, field+" != "+literal,
		field+" in ["+literal+`, "::1"]`, field+" == "+g.of(g.v.addrs...))
}

func genHas(g generator) string {
	all := []string{g.of(g.v.addrs...), g.of(g.v.ints...), g.of(g.v.lists...), g.of(g.v.texts...), g.of(g.v.times...), "raw",
		g.of(g.v.ints...) + " + int(" + g.of(g.v.texts...) + ") * 2", genClock(g), "lower(" + g.of(g.v.texts...) + ")"}
	for _, names := range [][]string{g.v.flags, g.v.objects, g.v.floats} {
		if len(names) > 0 {
			all = append(all, g.of(names...))
		}
	}
	if p := g.path(false); p != "" {
		all = append(all, p, "int("+p+")")
	}
	all = append(all, "unmapped.x.y", "float(unmapped.a)", "float("+g.of(g.v.texts...)+") - 1")
	return "has(" + g.of(all...) + ")"
}

func genTime(g generator) string {
	return g.of(g.v.times...) + g.of(" == ", " != ", " < ", " >= ") + g.of(g.v.times...)
}

func genMember(g generator) string {
	in := []string{g.of(g.v.lists...), "split(" + g.of(g.v.texts...) + `, "o")`}
	if len(g.v.objects) > 0 {
		in = append(in, g.of(g.v.objects...)+g.of(".items", ".a"))
	}
	left := quoted(g.t)
	if chance(g.t, 4) {
		left = g.right().text()
	}
	return left + g.of(" in ", " not in ") + g.of(in...)
}

func genPorts(g generator) string {
	lo := []string{g.of(g.v.ints...), g.of(g.v.texts...), "22"}
	hi := []string{g.of(g.v.ints...), g.of(g.v.texts...), "443"}
	if len(g.v.objects) > 0 {
		lo, hi = append(lo, g.of(g.v.objects...)+".n"), append(hi, g.of(g.v.objects...)+".e")
	}
	if g.pred == "json" {
		lo, hi = []string{".p", "#"}, []string{".q", ".p"}
	}
	return "portsOverlap(" + g.of(lo...) + ", " + g.of(hi...) + ", " + g.of("22", `22, "3389,400-500"`, `"1-65535"`, "0") + ")"
}

func genPolicy(g generator) string {
	if len(g.v.objects) == 0 {
		return ""
	}
	o := g.of(g.v.objects...)
	document := g.of(o+".a", o+".a", o+".a", o, g.of(g.v.texts...))
	if g.pred == "" && chance(g.t, 6) {
		document = o + ".items[].q"
	}
	return g.of("policyAllowsPublic("+document, "policyHasWildcardAction("+document,
		"policyAllowsAccount("+document+`, "443"`, "policyAllowsAccount("+document+`, "1", `+g.of(g.v.texts...)+", "+o+".n") + ")"
}

func genFold(g generator) string {
	if chance(g.t, 5) {
		return "globFold(" + g.text() + ", " + fmt.Sprintf("%q, %q", g.of("r*T", "?OOT", "*O*o*", "ǆ*?", "**A"), g.of("X.?", "\u212a*")) + ")"
	}
	return g.of("equalFold", "containsFold", "startsWithFold", "endsWithFold") + "(" + g.text() + ", " + genFoldLiteral(g.t) + ", " + genFoldLiteral(g.t) + ")"
}

func genFoldLiteral(t *rapid.T) string {
	return fmt.Sprintf("%q", oneOf(t, "ROOT", "oo", "getOBJECT", "consolelogin", "ǆABä", "A", "X.Y", "43", `"`, "\u017f", "O"))
}

func genDistance(g generator) string {
	return "geoDistance(" + g.number() + ", " + g.right().number() + ", " + g.of(g.v.ints...) + ", -0.5)" +
		g.of(" > ", " <= ", " != ") + g.of("0", "5000", g.right().number())
}

func genQuantifier(g generator) string {
	if g.pred != "" {
		return g.of("true", "false")
	}
	over, pred := g.of(g.of(g.v.lists...), "split("+g.of(g.v.texts...)+`, "o")`), "text"
	if len(g.v.objects) > 0 && chance(g.t, 2) {
		over, pred = g.of(g.v.objects...)+g.of(".items", ".a", ".items[].r", ""), "json"
	}
	return g.of("any", "all", "none", "one") + "(" + over + ", " + (generator{g.t, g.v, pred}).condition(1) + ")"
}

// condition makes the source of a condition that the checker accepts.
func (g generator) condition(depth int) string {
	if depth == 0 {
		return genAtom(g)
	}
	switch rapid.IntRange(0, 8).Draw(g.t, "node") {
	case 0:
		return g.of("not (", "!(") + g.condition(depth-1) + ")"
	case 1, 2:
		return "(" + g.condition(depth-1) + g.of(" and ", " and ", " && ") + g.condition(depth-1) + ")"
	case 3, 4:
		return "(" + g.condition(depth-1) + g.of(" or ", " or ", " || ") + g.condition(depth-1) + ")"
	case 5:
		return "(" + g.condition(0) + " ? " + g.condition(depth-1) + " : " + g.condition(0) + ")"
	}
	return genAtom(g)
}

// genCondition makes a condition over class api.
func genCondition(t *rapid.T, depth int, pred string) string {
	return generator{t, newVocabulary(event.API).narrowed(), pred}.condition(depth)
}

// genEvent makes an event of class api of which anything may be missing.
func genEvent(t *rapid.T) *event.Event {
	return randomEvent(newVocabulary(event.API), rapid.Uint64().Draw(t, "event"))
}

// randomEvent makes an event of which a part is missing; the seed decides all.
func randomEvent(v *vocabulary, seed uint64) *event.Event {
	r := rand.New(rand.NewPCG(seed, 0))
	e, there := &event.Event{}, func() bool { return r.IntN(5) > 0 }
	e.Reset(v.class, &record.Record{Raw: []byte(pickOf(r, append([]string{""}, docs...)))})
	e.SetText(event.Outcome, pickOf(r, []string{"success", "failure", "unknown"}))
	each := func(names []string, set func(f *event.Field)) {
		for _, name := range names {
			if there() {
				set(event.Lookup(name))
			}
		}
	}
	each(v.texts, func(f *event.Field) { e.SetText(f.TextField(), pickOf(r, words)) })
	each(v.ints, func(f *event.Field) { e.SetInt(f.IntField(), pickOf(r, ints)) })
	each(v.floats, func(f *event.Field) { e.SetFloat(f.FloatField(), pickOf(r, reals)) })
	each(v.flags, func(f *event.Field) { e.SetBool(f.BoolField(), r.IntN(2) == 0) })
	each(v.addrs, func(f *event.Field) { e.SetAddr(f.AddrField(), netip.MustParseAddr(pickOf(r, addrs))) })
	each(v.times, func(f *event.Field) { e.SetUnixNano(f.TimeField(), pickOf(r, times)) })
	each(v.lists, func(f *event.Field) {
		for range r.IntN(4) {
			e.AddList(f.ListField(), pickOf(r, words))
		}
	})
	each(v.objects, func(f *event.Field) {
		doc := pickOf(r, docs)
		e.SetObject(f.ObjectField(), event.Object{Raw: doc, Value: fastjson.MustParse(doc)})
	})
	for _, name := range []string{"b", "a", "x.y"} {
		if there() {
			e.AddUnmapped(name, pickOf(r, words))
		}
	}
	return e
}

func pickOf[T any](r *rand.Rand, options []T) T { return options[r.IntN(len(options))] }

func testLists() *lists {
	return &lists{byID: map[string]*list{"nets": newList("nets", []string{"10.0.0.0/8", "192.0.2.7", "Root", "443", "22"}), "plain": newList("plain", []string{"Root", "443", "22", "007"})}}
}

// mustCompile compiles a condition over class api.
func mustCompile(t interface{ Fatalf(string, ...any) }, source string) *condition {
	return mustCompileFor(t, source, event.API)
}

func mustCompileFor(t interface{ Fatalf(string, ...any) }, source string, c event.Class) *condition {
	cond, mistakes := compile(source, c, testLists())
	if len(mistakes) > 0 {
		var b strings.Builder
		for _, m := range mistakes {
			fmt.Fprintf(&b, "\n  %s (did you mean %s) at %q", m.message, m.hint, source[m.offset:])
		}
		t.Fatalf("compile %s:%s", source, b.String())
	}
	return cond
}
