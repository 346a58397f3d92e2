package sigma

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// operand is what of ours a Sigma field is.
type operand struct {
	kind shape
	name string // Sigma's
	text string // as a condition writes it
	// paths are the places inside an object that the field may be: keys on the way may have arrays, of which any element
	// will do. nil for what is no such place.
	paths []string
	host  string // of an address: the field for what stands in an address' place
	real  bool   // a number with a fraction

	queried bool              // of a target: the query alone is the field, too
	words   map[string]string // Sigma's words for values, in lower case, and ours

	// guard has to hold where the field has a value; nil for none.
	guard *expression
	// ask turns a test into tests of ours where the field is not simply one of ours; nil for those that are.
	ask func(t test) (over string, asked test, ok bool)
	// states are what true and false are of a boolean that is no field of ours.
	states map[bool]expression
	// there is that the field has a value, where that is no simple question.
	there *expression
	// key names the value in group_by and the like, "" where it cannot.
	key string
}

type shape uint8

const (
	textKind shape = iota
	number
	flag
	address
	instant
	listKind
	object
	target // path and query of a request, as one text
)

func (s shape) String() string {
	return [...]string{"text", "a number", "a boolean", "an address", "a time", "a list", "an object", "a request's path and query"}[s]
}

// guarded is e where the operand's guard holds.
func (o operand) guarded(e expression) expression {
	if o.guard == nil {
		return e
	}
	return and(*o.guard, e)
}

// present is that the field has a value.
func (o operand) present() expression {
	if o.there != nil {
		return *o.there
	}
	switch o.kind {
	case textKind:
		if o.paths != nil {
			return o.guarded(o.onPaths(func(path string) expression { return called("has(" + path + ")") }))
		}
		return o.guarded(compared(o.text+` != ""`, o.text+` == ""`))
	case address:
		if o.host != "" {
			return o.guarded(or(called("has("+o.text+")"), compared(o.host+` != ""`, o.host+` == ""`)))
		}
	case listKind:
		return o.guarded(compared("len("+o.text+") > 0", "len("+o.text+") == 0"))
	case target:
		return o.guarded(compared(`url_path != ""`, `url_path == ""`))
	case number, flag, instant, object:
	}
	return o.guarded(called("has(" + o.text + ")"))
}

// any is that the field is as one of the tests says. Nothing there is as good as an empty text.
func (o operand) any(tests []test, cased bool, at place) (expression, error) {
	nothing, something := expression{join: never}, expression{join: never}
	var others []test
	for _, t := range tests {
		switch {
		case t.op == present:
			something = o.present()
		case t.op == equals && t.text == "":
			nothing = not(o.present())
			if o.paths != nil {
				others = append(others, t)
			}
		default:
			others = append(others, t)
		}
	}
	if nothing.join != never && something.join != never {
		return expression{join: always}, nil
	}
	e := expression{join: never}
	if len(others) > 0 {
		var err error
		if e, err = o.anyOf(others, cased, at); err != nil {
			return expression{}, err
		}
	}
	return or(nothing, something, o.guarded(e)), nil
}

func (o operand) anyOf(tests []test, cased bool, at place) (expression, error) {
	switch o.kind {
	case textKind:
		return o.asked(o.spelled(tests), cased, at)
	case listKind:
		return called("any(" + o.text + ", " + textual("#", tests, cased).String() + ")"), nil
	case object:
		return textual("jsonText("+o.text+")", inTexts(tests), cased), nil
	case number:
		return o.numbers(o.numbered(tests), at)
	case flag:
		return o.truths(tests, at)
	case address:
		return o.addresses(tests, cased, at)
	case target:
		return o.targets(tests, cased), nil
	case instant:
	}
	return expression{}, refuse(at, "%s is %s: it can be asked for its hour, day and the like, or whether it exists", o.name, o.kind)
}

// inTexts adds to what is searched in JSON how JSON writes it inside a text: policy documents stand in requests as texts.
func inTexts(tests []test) []test {
	all := slices.Clone(tests)
	for _, t := range tests {
		switch {
		case t.op == contains && strings.Contains(t.text, `"`):
			all = append(all, test{op: contains, text: strings.ReplaceAll(t.text, `"`, `\"`)})
		case t.op == glob:
			p := slices.Clone(t.pattern)
			for i := range p {
				p[i].text = strings.ReplaceAll(p[i].text, `"`, `\"`)
			}
			if !slices.Equal(p, t.pattern) {
				all = append(all, test{op: glob, pattern: p})
			}
		}
	}
	return all
}

// asked holds tests against a text, or what the field is instead.
func (o operand) asked(tests []test, cased bool, at place) (expression, error) {
	if o.ask == nil {
		return o.held(tests, cased), nil
	}
	var order []string
	over := map[string][]test{}
	for _, t := range tests {
		field, as, ok := o.ask(t)
		if !ok {
			return expression{}, refuse(at, "%s is no field here, and what it says elsewhere cannot be compared like this", o.name)
		}
		if over[field] == nil {
			order = append(order, field)
		}
		over[field] = append(over[field], as)
	}
	var parts []expression
	for _, field := range order {
		parts = append(parts, textual(field, over[field], cased))
	}
	return or(parts...), nil
}

// held holds tests against a text; a place inside an object may be an array, of which any element will do. A search finds
// a text inside an array's JSON as well as inside its elements, unless JSON writes it otherwise.
func (o operand) held(tests []test, cased bool) expression {
	if o.paths == nil {
		return textual(o.text, tests, cased)
	}
	var whole, deep []test
	for _, t := range tests {
		if t.op != equals || t.text != "" { // else it is asked of elements only
			whole = append(whole, t)
		}
		if t.op != contains || strings.ContainsFunc(t.text, escaped) {
			deep = append(deep, t)
		}
	}
	return o.onPaths(func(path string) expression {
		return or(textual(path, whole, cased), textual(path+"[]", deep, cased))
	})
}

// onPaths is that one of the field's places is as of says.
func (o operand) onPaths(of func(path string) expression) expression {
	var parts []expression
	for _, p := range o.paths {
		parts = append(parts, of(p))
	}
	return or(parts...)
}

// onEach is onPaths for the places and what is in arrays there.
func (o operand) onEach(of func(path string) expression) expression {
	return o.onPaths(func(path string) expression { return or(of(path), of(path+"[]")) })
}

// escaped reports whether JSON writes a character otherwise than it is.
func escaped(r rune) bool { return r == '"' || r == '\\' || r < ' ' }

// ordered compares a number.
func (o operand) ordered(order string, v *node) (expression, error) {
	if _, err := strconv.ParseFloat(v.text, 64); err != nil || strings.Trim(v.text, "0123456789.-") != "" {
		return expression{}, refuse(v.at, "%s compares with a number, not %q", order, v.text)
	}
	compare := func(x string) expression { return compared(x+" "+order+" "+v.text, "") }
	switch {
	case o.kind == number:
		return o.guarded(compare(o.text)), nil
	case o.kind == textKind && o.ask == nil && o.paths != nil:
		return o.guarded(o.onEach(func(path string) expression { return compare("int(" + path + ")") })), nil
	case o.kind == textKind && o.ask == nil:
		return o.guarded(compare("int(" + o.text + ")")), nil
	}
	return expression{}, refuse(v.at, "%s is %s, and no number to compare", o.name, o.kind)
}

// maxNetworks is how many networks a call of inCIDR takes.
const maxNetworks = 99

// network is that an address, or a text that is one, is of one of the networks.
func (o operand) network(values []*node) (expression, error) {
	var networks []string
	for _, v := range values {
		p, ok := parseNetwork(v.text)
		if !ok {
			return expression{}, refuse(v.at, "%q is not a network such as 10.0.0.0/8", v.text)
		}
		networks = appendNew(networks, p.String())
	}
	of := func(x string) expression {
		var calls []expression
		for some := range slices.Chunk(networks, maxNetworks) {
			calls = append(calls, called("inCIDR("+x+", "+quotedList(some)+")"))
		}
		return or(calls...)
	}
	switch {
	case o.paths != nil:
		return o.guarded(o.onEach(of)), nil
	case o.kind == address, o.kind == textKind && o.ask == nil && o.text != "raw":
		return o.guarded(of(o.text)), nil
	case o.kind == listKind:
		return called("any(" + o.text + ", " + of("#").String() + ")"), nil
	}
	return expression{}, refuse(values[0].at, "%s is %s, and no address", o.name, o.kind)
}

func (o operand) numbers(tests []test, at place) (expression, error) {
	var values []string
	var parts []expression
	for _, t := range tests {
		n, err := strconv.ParseInt(t.text, 10, 64)
		switch {
		case t.op == startsWith && o.text == "status" && err == nil && (len(t.text) == 1 || len(t.text) == 2):
			scale := pick[int64](len(t.text) == 1, 100, 10)
			parts = append(parts, compared("status in "+strconv.FormatInt(n*scale, 10)+".."+strconv.FormatInt((n+1)*scale-1, 10), ""))
		case t.op != equals:
			return expression{}, refuse(at, "%s is a number here, and no text to search", o.name)
		case err != nil && !o.real:
			return expression{}, refuse(at, "%s is a whole number here, never %q", o.name, t.text)
		default:
			values = appendNew(values, t.text)
		}
	}
	switch len(values) {
	case 0:
	case 1:
		parts = append(parts, compared(o.text+" == "+values[0], o.text+" != "+values[0]))
	default:
		parts = append(parts, compared(o.text+" in ["+strings.Join(values, ", ")+"]", ""))
	}
	return or(parts...), nil
}

func (o operand) truths(tests []test, at place) (expression, error) {
	var parts []expression
	for _, t := range tests {
		switch v := strings.ToLower(t.text); {
		case t.op == equals && (v == "true" || v == "false") && o.states != nil:
			parts = append(parts, o.states[v == "true"])
		case t.op == equals && (v == "true" || v == "false"):
			parts = append(parts, compared(o.text+" == "+v, o.text+" != "+v))
		default:
			return expression{}, refuse(at, "%s is a boolean here: true, false or missing", o.name)
		}
	}
	return or(parts...), nil
}

// addresses tells addresses from what logs have in their place, which is another field of ours.
func (o operand) addresses(tests []test, cased bool, at place) (expression, error) {
	var exact, networks []string
	var names, texts []test
	for _, t := range tests {
		if a, err := netip.ParseAddr(t.text); t.op == equals && err == nil {
			exact = appendNew(exact, a.String())
		} else if p, ok := octets(t.text); t.op == startsWith && ok {
			networks = appendNew(networks, p)
		} else if namely(t) {
			names = append(names, t)
		} else {
			texts = append(texts, t)
		}
	}
	if o.host == "" && len(names) > 0 {
		return expression{}, refuse(at, "%s is an address, and none is like this: say by cidr which networks are meant", o.name)
	}
	var parts []expression
	switch len(exact) {
	case 0:
	case 1:
		parts = append(parts, compared(o.text+" == "+quoted(exact[0]), o.text+" != "+quoted(exact[0])))
	default:
		parts = append(parts, compared(o.text+" in ["+quotedList(exact)+"]", ""))
	}
	if len(networks) > 0 {
		parts = append(parts, called("inCIDR("+o.text+", "+quotedList(networks)+")"))
	}
	parts = append(parts, textual("ipText("+o.text+")", texts, cased))
	if o.host != "" {
		parts = append(parts, textual(o.host, slices.Concat(names, texts), cased))
	}
	return or(parts...), nil
}

// octets reads the beginning of an IPv4 address, "10." or "192.168.", as the network that has it.
func octets(s string) (network string, ok bool) {
	parts := strings.Split(strings.TrimSuffix(s, "."), ".")
	if !strings.HasSuffix(s, ".") || len(parts) > 3 {
		return "", false
	}
	bits := 8 * len(parts)
	for len(parts) < 4 {
		parts = append(parts, "0")
	}
	a, err := netip.ParseAddr(strings.Join(parts, "."))
	return netip.PrefixFrom(a, bits).String(), err == nil
}

// namely reports whether a test holds for names only, and for no text of an address.
func namely(t test) bool {
	named := func(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF.:%") != "" }
	switch t.op {
	case equals:
		return true
	case contains, startsWith, endsWith:
		return named(t.text)
	case glob:
		return slices.ContainsFunc(t.pattern, func(x piece) bool { return x.wild == 0 && named(x.text) })
	case matches, present:
	}
	return false
}
