package sigma

import (
	"regexp"
	"strconv"
	"strings"
)

// conditionWord splits a condition: parentheses, the bar of an aggregation, comparisons and words.
var conditionWord = regexp.MustCompile(`\(|\)|\||[<>=!]=?|[^\s()|<>=!]+`)

// maxSize bounds in bytes what a part of a condition may become; the whole has 16 KiB.
const maxSize = 64 << 10

// maxNesting bounds parentheses and nots in one another.
const maxNesting = 50

// reader reads one condition.
type reader struct {
	d       *detection
	n       *node
	words   []string
	offsets []int
	i       int
	depth   int
}

// aggregation is what stands behind the bar of an old condition.
type aggregation struct {
	at       place
	function string // count, sum …, or near
	field    string // of sum(field); "" counts matches
	by       string
	order    string
	number   uint64
	near     []nearby
}

// nearby is a selection that near asks for.
type nearby struct {
	name string
	cond expression
}

// compile compiles the detection's condition, any of them where it is a list. The aggregation is nil for most.
func (d *detection) compile() (expression, *aggregation, error) {
	var parts []expression
	var aggregate *aggregation
	conditions := d.condition.each()
	for _, n := range conditions {
		if n.kind != scalar {
			return expression{}, nil, refuse(n.at, "a condition is text")
		}
		e, a, err := d.read(n)
		if err != nil {
			return expression{}, nil, err
		}
		if a != nil && len(conditions) > 1 {
			return expression{}, nil, refuse(a.at, "several conditions and an aggregation do not go together")
		}
		parts, aggregate = append(parts, e), a
	}
	e := or(parts...)
	if e.join == never {
		return e, nil, refuse(d.condition.at, "the condition never holds")
	}
	return e, aggregate, nil
}

func (d *detection) read(n *node) (expression, *aggregation, error) {
	r := &reader{d: d, n: n}
	for _, at := range conditionWord.FindAllStringIndex(n.text, -1) {
		r.words, r.offsets = append(r.words, n.text[at[0]:at[1]]), append(r.offsets, at[0])
	}
	e, err := r.either()
	if err != nil {
		return expression{}, nil, err
	}
	if r.word() == "|" {
		r.i++
		a, err := r.aggregation()
		return e, a, err
	}
	if r.i < len(r.words) {
		return expression{}, nil, r.refuse("%q is not expected here", r.words[r.i])
	}
	return e, nil, nil
}

// word is the word that comes next, in lower case; "" at the end.
func (r *reader) word() string { return r.ahead(0) }

func (r *reader) ahead(n int) string {
	if r.i+n < len(r.words) {
		return strings.ToLower(r.words[r.i+n])
	}
	return ""
}

func (r *reader) at() place {
	if r.i < len(r.offsets) {
		return r.n.within(r.offsets[r.i])
	}
	return r.n.within(len(r.n.text))
}

func (r *reader) refuse(message string, args ...any) error { return refuse(r.at(), message, args...) }

func (r *reader) either() (expression, error) {
	return r.chain("or", or, func() (expression, error) { return r.chain("and", and, r.one) })
}

// chain reads parts with a word between them.
func (r *reader) chain(word string, join func(...expression) expression, part func() (expression, error)) (expression, error) {
	var parts []expression
	size := 0
	for {
		e, err := part()
		if err != nil {
			return expression{}, err
		}
		parts = append(parts, e)
		if size += len(e.String()); size > maxSize {
			return expression{}, r.refuse("the condition is too long for one of ours")
		}
		if r.word() != word {
			return join(parts...), nil
		}
		r.i++
	}
}

func (r *reader) one() (expression, error) {
	if r.depth++; r.depth > maxNesting {
		return expression{}, r.refuse("the condition is nested too deep")
	}
	defer func() { r.depth-- }()
	switch w := r.word(); {
	case w == "":
		return expression{}, r.refuse("the condition ends too early")
	case w == "not":
		r.i++
		e, err := r.one()
		return not(e), err
	case w == "(":
		r.i++
		e, err := r.either()
		if err != nil {
			return expression{}, err
		}
		if r.word() != ")" {
			return expression{}, r.refuse("a parenthesis is not closed")
		}
		r.i++
		return e, nil
	case r.ahead(1) == "of" && (w == "1" || w == "any" || w == "all"):
		return r.some(w == "all")
	case r.ahead(1) == "of":
		return expression{}, r.refuse("Sigma has 1 of, any of and all of, not %s of", w)
	case strings.ContainsAny(w, ")|<>=!"), w == "and", w == "or", w == "of", w == "them":
		return expression{}, r.refuse("%q is not expected here", w)
	}
	name, at := r.words[r.i], r.at()
	r.i++
	return r.d.named(name, at)
}

// some reads 1 of them, all of selection*.
func (r *reader) some(all bool) (expression, error) {
	r.i += 2
	if r.i >= len(r.words) {
		return expression{}, r.refuse("of what? A pattern of selections' names, or them")
	}
	pattern, at := r.words[r.i], r.at()
	var parts []expression
	for _, name := range r.d.names() {
		if strings.EqualFold(pattern, "them") && strings.HasPrefix(name, "_") || !strings.EqualFold(pattern, "them") && !fits(name, pattern) {
			continue
		}
		e, err := r.d.named(name, at)
		if err != nil {
			return expression{}, err
		}
		parts = append(parts, e)
	}
	if len(parts) == 0 {
		return expression{}, &refusal{at: at, message: "no selection is named like " + pattern, hint: nearest(strings.Trim(pattern, "*"), r.d.names())}
	}
	r.i++
	return pick(all, and, or)(parts...), nil
}

// fits reports whether a name is as a pattern with * says.
func fits(name, pattern string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return name == pattern
	}
	rest, ok := strings.CutPrefix(name, parts[0])
	for _, p := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, p)
		rest, ok = after, ok && found
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}

// aggregation reads count(field) by field > number, or near selection and selection.
func (r *reader) aggregation() (*aggregation, error) {
	a := &aggregation{at: r.at(), function: r.word()}
	r.i++
	if a.function == "near" {
		return a, r.near(a)
	}
	switch a.function {
	case "count", "sum":
	default:
		return nil, refuse(a.at, "no kind of rule is an aggregation %s", a.function)
	}
	if r.word() != "(" {
		return nil, r.refuse("%s needs parentheses", a.function)
	}
	if r.i++; r.word() != ")" && r.word() != "" {
		a.field = r.words[r.i]
		r.i++
	}
	if r.word() != ")" {
		return nil, r.refuse("%s needs parentheses around one field", a.function)
	}
	if r.i++; r.word() == "by" && r.i+1 < len(r.words) {
		a.by = r.words[r.i+1]
		r.i += 2
	}
	return a, r.bound(a)
}

// bound reads > 10 at the end of an aggregation.
func (r *reader) bound(a *aggregation) error {
	a.order = r.word()
	n, err := strconv.ParseUint(r.ahead(1), 10, 32)
	if err != nil {
		return r.refuse("an aggregation ends in a comparison with a number")
	}
	if r.i += 2; r.i < len(r.words) {
		return r.refuse("%q is not expected here: a rule counts one thing, at the end of its condition", r.words[r.i])
	}
	a.number = n
	return nil
}

func (r *reader) near(a *aggregation) error {
	for {
		name, at := "", r.at()
		if r.i < len(r.words) {
			name = r.words[r.i]
		}
		e, err := r.d.named(name, at)
		if err != nil {
			return err
		}
		a.near = append(a.near, nearby{name, e})
		if r.i++; r.i >= len(r.words) {
			return nil
		}
		if r.word() != "and" {
			return r.refuse("near joins names of selections by and: no kind of rule has more")
		}
		r.i++
	}
}
