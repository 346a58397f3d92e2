package sigma

import (
	"slices"
	"strings"
)

// expression is a condition of ours being put together.
type expression struct {
	join   join
	text   string // of an atom
	loose  bool   // an atom that needs parentheses after not
	unlike string // an atom's opposite where it has one of its own: x != "a"
	parts  []expression

	provider string // whose logs alone an atom can hold for, "" when it does not say
}

type join uint8

const (
	atom join = iota
	allOf
	anyOf
	noneOf // of its one part
	always
	never
)

// called is the atom of a function call.
func called(text string) expression { return expression{text: text} }

// compared is the atom of an operator.
func compared(text, unlike string) expression {
	return expression{text: text, loose: true, unlike: unlike}
}

func and(parts ...expression) expression { return joined(allOf, always, never, parts) }

func or(parts ...expression) expression { return joined(anyOf, never, always, parts) }

// joined flattens what it joins, and drops what changes nothing and what is there already.
func joined(by, neutral, absorbing join, parts []expression) expression {
	var flat []expression
	for _, p := range parts {
		switch p.join {
		case neutral:
		case absorbing:
			return p
		case by:
			flat = append(flat, p.parts...)
		default:
			flat = append(flat, p)
		}
	}
	var kept []expression
	var seen []string
	for _, p := range flat {
		if s := p.String(); !slices.Contains(seen, s) {
			kept, seen = append(kept, p), append(seen, s)
		}
	}
	switch len(kept) {
	case 0:
		return expression{join: neutral}
	case 1:
		return kept[0]
	}
	return expression{join: by, parts: kept}
}

func not(e expression) expression {
	switch {
	case e.join == noneOf:
		return e.parts[0]
	case e.join == always:
		return expression{join: never}
	case e.join == never:
		return expression{join: always}
	case e.join == atom && e.unlike != "":
		return compared(e.unlike, e.text)
	}
	return expression{join: noneOf, parts: []expression{e}}
}

// says reports whether the expression can hold for logs of that provider only.
func (e expression) says(provider string) bool {
	holds := func(p expression) bool { return p.says(provider) }
	switch e.join {
	case atom:
		return e.provider == provider
	case allOf:
		return slices.ContainsFunc(e.parts, holds)
	case anyOf:
		return !slices.ContainsFunc(e.parts, func(p expression) bool { return !holds(p) })
	case never:
		return true
	}
	return false
}

// String returns the expression on one line.
func (e expression) String() string {
	switch e.join {
	case atom:
		return e.text
	case always:
		return "true"
	case never:
		return "false"
	case noneOf:
		p := e.parts[0]
		if p.join == atom && !p.loose {
			return "not " + p.text
		}
		return "not (" + p.String() + ")"
	}
	word := " or "
	if e.join == allOf {
		word = " and "
	}
	texts := make([]string, len(e.parts))
	for i, p := range e.parts {
		texts[i] = e.around(p)
	}
	return strings.Join(texts, word)
}

// around is a part on one line, in parentheses where it has to be.
func (e expression) around(p expression) string {
	if e.join == allOf && p.join == anyOf {
		return "(" + p.String() + ")"
	}
	return p.String()
}

// lineWidth is how long a line of a condition may become before it is broken.
const lineWidth = 110

// block returns the expression as the lines of a block scalar, each indented.
func (e expression) block(indent string) string {
	return indent + strings.Join(e.lines(lineWidth-len(indent)), "\n"+indent)
}

// lines breaks the expression at its joins, and calls at their arguments, until lines are short enough.
func (e expression) lines(width int) []string {
	line := e.String()
	if len(line) <= width {
		return []string{line}
	}
	switch e.join {
	case allOf, anyOf:
		word := "or "
		if e.join == allOf {
			word = "and "
		}
		var all []string
		for i, p := range e.parts {
			part := p.lines(width - len(word) - 2)
			if e.join == allOf && p.join == anyOf {
				part = wrapped("(", part, ")")
			}
			if i > 0 {
				part = wrapped(word, part, "")
			}
			all = append(all, part...)
		}
		return all
	case noneOf:
		if p := e.parts[0]; p.join == atom && !p.loose {
			return wrapped("not ", p.lines(width-4), "")
		}
		return wrapped("not (", e.parts[0].lines(width-6), ")")
	case atom:
		return brokenCall(e.text, width)
	}
	return []string{line}
}

// wrapped puts lines between two texts; the later lines move in.
func wrapped(before string, lines []string, after string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		if i == 0 {
			out[i] = before + l
		} else {
			out[i] = "  " + l
		}
	}
	out[len(out)-1] += after
	return out
}

// brokenCall breaks a text between the literals of a call or a list.
func brokenCall(text string, width int) []string {
	var lines []string
	rest := text
	for len(rest) > width {
		at := lastComma(rest, width)
		if at < 0 {
			break
		}
		lines = append(lines, rest[:at+1])
		rest = "  " + strings.TrimLeft(rest[at+1:], " ")
	}
	return append(lines, rest)
}

// lastComma returns the last comma outside of quotes before width, else the first one; -1 when there is none.
func lastComma(text string, width int) int {
	best, quoted := -1, false
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case quoted && ch == '\\':
			i++
		case ch == '"':
			quoted = !quoted
		case ch == ',' && !quoted:
			if i >= width && best >= 0 {
				return best
			}
			best = i
		}
	}
	return best
}
