package sigma

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// item is one entry of a selection: a field, what is done with its values, and the values.
type item struct {
	field  string
	at     place
	values [][]*node // of each of Sigma's values, those that it stands for: one, unless placeholders are filled in

	by        op // equals, contains, startsWith, endsWith
	all       bool
	cased     bool
	unlike    bool // neq
	expand    bool
	exists    bool
	network   bool // cidr
	other     bool // fieldref
	pattern   bool // re
	flags     string
	order     string // ">", ">=", "<", "<="
	clock     string // minute, hour, day, week, month, year: our functions have these names, too
	encodings []string
	ways      []string // of comparing, as written: at most one
}

// orders are the modifiers that compare.
var orders = map[string]string{"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

// modifiers lists all, for hints.
var modifiers = []string{
	"contains", "startswith", "endswith", "all", "cased", "neq", "exists", "cidr", "fieldref", "re", "i", "m", "s",
	"gt", "gte", "lt", "lte", "windash", "base64", "base64offset", "wide", "utf16", "utf16le", "utf16be", "expand",
	"minute", "hour", "day", "week", "month", "year",
}

// maxValues bounds the values of one field: a condition of ours has 16 KiB.
const maxValues = 4000

func readItem(p pair, f *fillings) (*item, error) {
	parts := strings.Split(p.key, "|")
	it := &item{field: strings.TrimSpace(parts[0]), at: p.at}
	for _, m := range parts[1:] {
		if err := it.modify(strings.ToLower(strings.TrimSpace(m))); err != nil {
			return nil, err
		}
	}
	count := 0
	for _, v := range p.value.each() {
		if v.kind == mapping || v.kind == list {
			return nil, refuse(v.at, "the value of a field is a text, a number or a list of them")
		}
		values := []*node{v}
		if it.expand {
			var err error
			if values, err = f.filled(v, it.pattern); err != nil {
				return nil, err
			}
		}
		if count += len(values); count > maxValues {
			return nil, refuse(p.at, "%s has more than %d values: a condition of ours has no room for them", p.key, maxValues)
		}
		it.values = append(it.values, values)
	}
	if count == 0 {
		return nil, refuse(p.at, "%s has an empty list of values", p.key)
	}
	return it, nil
}

func (it *item) modify(m string) error {
	switch m {
	case "contains", "startswith", "endswith":
		it.by = map[string]op{"contains": contains, "startswith": startsWith, "endswith": endsWith}[m]
		it.ways = append(it.ways, m)
	case "exists", "cidr", "re", "gt", "gte", "lt", "lte":
		it.exists, it.network, it.pattern = it.exists || m == "exists", it.network || m == "cidr", it.pattern || m == "re"
		it.order = orders[m]
		it.ways = append(it.ways, m)
	case "all":
		it.all = true
	case "cased":
		it.cased = true
	case "neq":
		it.unlike = true
	case "fieldref":
		it.other = true
	case "i", "m", "s", "ignorecase", "multiline", "dotall": // the long names are pySigma's
		if !it.pattern {
			return refuse(it.at, "modifier %s belongs behind re", m)
		}
		it.flags += pick(m == "dotall", "s", m[:1])
	case "windash", "base64", "base64offset", "wide", "utf16", "utf16le", "utf16be":
		it.encodings = append(it.encodings, m)
	case "hour", "minute", "day", "week", "month", "year":
		it.clock = m
	case "expand":
		it.expand = true
	default:
		return &refusal{at: it.at, message: "modifier " + strconv.Quote(m) + " is not Sigma's", hint: nearest(m, modifiers)}
	}
	if len(it.ways) > 1 {
		return refuse(it.at, "modifiers %s do not go together", strings.Join(it.ways, " and "))
	}
	return nil
}

// compile makes the item a condition on an operand.
func (it *item) compile(o operand, source *source) (expression, error) {
	each := it.values
	if !it.all {
		each = [][]*node{slices.Concat(it.values...)}
	}
	var parts []expression
	for _, values := range each {
		e, err := it.some(values, o, source)
		if err != nil {
			return expression{}, err
		}
		parts = append(parts, e)
	}
	e := and(parts...)
	if it.unlike {
		e = not(e)
	}
	return e, nil
}

// some is that the operand is as one of the values says.
func (it *item) some(values []*node, o operand, source *source) (expression, error) {
	at := values[0].at
	var parts []expression
	var tests []test
	networks, values := it.networks(values, o)
	if len(networks) > 0 {
		e, err := o.network(networks)
		if err != nil {
			return expression{}, err
		}
		parts = append(parts, e)
	}
	for _, v := range values {
		e, some, err := it.value(v, o, source)
		if err != nil {
			return expression{}, err
		}
		if len(some) == 0 {
			parts = append(parts, e)
		}
		tests = append(tests, some...)
	}
	if len(tests) > 0 {
		e, err := o.any(tests, it.cased, at)
		if err != nil {
			return expression{}, err
		}
		parts = append(parts, e)
	}
	return or(parts...), nil
}

// networks takes those values out that are networks: of cidr all, and of an address that a placeholder stands for those that
// look so, because no address is one.
func (it *item) networks(values []*node, o operand) (networks, others []*node) {
	for _, v := range values {
		if it.network && v.kind != null || it.expand && o.kind == address && it.ways == nil && isNetwork(v.text) {
			networks = append(networks, v)
		} else {
			others = append(others, v)
		}
	}
	return networks, others
}

// value is what one value asks: a condition, or tests of a text.
func (it *item) value(v *node, o operand, source *source) (expression, []test, error) {
	switch {
	case it.exists:
		e, err := it.presence(v, o)
		return e, nil, err
	case v.kind == null:
		return not(o.present()), nil, nil
	case it.other:
		e, err := it.reference(v, o, source)
		return e, nil, err
	case it.clock != "":
		e, err := it.time(v, o)
		return e, nil, err
	case it.order != "":
		e, err := o.ordered(it.order, v)
		return e, nil, err
	case it.pattern:
		t, err := it.regexp(v)
		return expression{}, []test{t}, err
	}
	tests, err := it.texts(v)
	for i, t := range tests {
		if source.dash && t.op == equals && t.text == "-" {
			tests[i].text = "" // what the parsers make of it
		}
	}
	return expression{}, tests, err
}

func (it *item) presence(v *node, o operand) (expression, error) {
	switch strings.ToLower(v.text) {
	case "true", "yes":
		return o.present(), nil
	case "false", "no":
		return not(o.present()), nil
	}
	return expression{}, refuse(v.at, "exists is true or false, not %q", v.text)
}

func (it *item) regexp(v *node) (test, error) {
	text := v.text
	if it.flags != "" {
		flags := []byte(it.flags)
		slices.Sort(flags)
		text = "(?" + string(slices.Compact(flags)) + ")" + text
	}
	if _, err := regexp.Compile(text); err != nil {
		message := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
		return test{}, refuse(v.at, "regular expressions here are RE2, and this is none: %s", message)
	}
	return test{op: matches, text: text}, nil
}

// texts returns the tests that a value stands for: one, or several where its encoding has variants.
func (it *item) texts(v *node) ([]test, error) {
	patterns := []pattern{parsePattern(v.text)}
	if v.number || v.truth {
		patterns[0] = literal(v.text)
	}
	by := it.by
	for _, encoding := range it.encodings {
		var next []pattern
		for _, p := range patterns {
			variants, err := encoded(p, encoding, v.at)
			if err != nil {
				return nil, err
			}
			next = append(next, variants...)
		}
		patterns = next
	}
	var tests []test
	for _, p := range patterns {
		for _, x := range p {
			if !utf8.ValidString(x.text) {
				return nil, refuse(v.at, "the bytes of this encoding are no text, as fields of logs are: put base64 behind it")
			}
		}
		tests = append(tests, p.test(by))
	}
	return tests, nil
}

func encoded(p pattern, encoding string, at place) ([]pattern, error) {
	if encoding == "windash" {
		variants, ok := windash(p)
		if !ok {
			return nil, refuse(at, "windash makes more than %d texts of this", maxVariants)
		}
		return variants, nil
	}
	text, plain := p.text()
	if !plain {
		return nil, refuse(at, "a text with wildcards has no %s", encoding)
	}
	switch encoding {
	case "base64":
		return []pattern{literal(base64Of(text))}, nil
	case "base64offset":
		var variants []pattern
		for _, t := range offsets(text) {
			variants = append(variants, literal(t))
		}
		if len(variants) == 0 {
			return nil, refuse(at, "this is too short for base64offset")
		}
		return variants, nil
	}
	return []pattern{literal(encode(text, pick(encoding == "wide", "utf16le", encoding)))}, nil
}

func (it *item) time(v *node, o operand) (expression, error) {
	n, err := strconv.Atoi(v.text)
	switch {
	case o.kind != instant:
		return expression{}, refuse(it.at, "modifier %s needs a time, and %s is none", it.clock, it.field)
	case err != nil:
		return expression{}, refuse(v.at, "the %s of a time is a number, not %q", it.clock, v.text)
	}
	said := func(order string) string { return it.clock + "(" + o.text + ") " + order + " " + strconv.Itoa(n) }
	if it.order != "" {
		return o.guarded(compared(said(it.order), "")), nil
	}
	return o.guarded(compared(said("=="), said("!="))), nil
}

func isNetwork(s string) bool { _, err := netip.ParsePrefix(s); return err == nil }

func parseNetwork(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(a, a.BitLen()), true
}
