package sigma

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// pattern is a Sigma string: texts with wildcards between them.
type pattern []piece

// piece is a text, or a wildcard.
type piece struct {
	text string
	wild rune // '*' any text, '?' one character, 0 for a text
}

var anyText = piece{wild: '*'}

// parsePattern reads wildcards and their escapes: a backslash stands for itself unless *, ? or another one follows.
func parsePattern(s string) pattern {
	var p pattern
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			p = append(p, piece{text: b.String()})
			b.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		switch ch := s[i]; {
		case ch == '\\' && i+1 < len(s) && strings.IndexByte(`*?\`, s[i+1]) >= 0:
			i++
			b.WriteByte(s[i])
		case ch == '*' || ch == '?':
			flush()
			p = append(p, piece{wild: rune(ch)})
		default:
			b.WriteByte(ch)
		}
	}
	flush()
	return p
}

func literal(s string) pattern {
	if s == "" {
		return nil
	}
	return pattern{{text: s}}
}

// text returns the pattern's text; ok is false when it has wildcards.
func (p pattern) text() (string, bool) {
	switch {
	case len(p) == 0:
		return "", true
	case len(p) == 1 && p[0].wild == 0:
		return p[0].text, true
	}
	return "", false
}

// test is what a value asks of a text.
type test struct {
	op      op
	text    string  // of all but glob
	pattern pattern // of glob
}

type op uint8

const (
	equals op = iota
	contains
	startsWith
	endsWith
	glob
	matches // a regular expression
	present // any value
)

// test reads a pattern as what it asks; by is equals, contains, startsWith or endsWith.
func (p pattern) test(by op) test {
	p = slices.Clone(p)
	if by == contains || by == endsWith {
		p = slices.Insert(p, 0, anyText)
	}
	if by == contains || by == startsWith {
		p = append(p, anyText)
	}
	p = slices.CompactFunc(p, func(a, b piece) bool { return a.wild == '*' && b.wild == '*' })
	wild := func(i int) bool { return p[i].wild == '*' }
	switch {
	case len(p) == 0:
		return test{op: equals}
	case len(p) == 1 && wild(0):
		return test{op: present}
	case len(p) == 1 && p[0].wild == 0:
		return test{op: equals, text: p[0].text}
	case len(p) == 2 && wild(0) && p[1].wild == 0:
		return test{op: endsWith, text: p[1].text}
	case len(p) == 2 && wild(1) && p[0].wild == 0:
		return test{op: startsWith, text: p[0].text}
	case len(p) == 3 && wild(0) && wild(2) && p[1].wild == 0:
		return test{op: contains, text: p[1].text}
	}
	return test{op: glob, pattern: p}
}

// glob returns the pattern as function glob reads it; ok is false when a text of it has characters that are wildcards there.
func (p pattern) glob() (string, bool) {
	var b strings.Builder
	for _, x := range p {
		if x.wild != 0 {
			b.WriteRune(x.wild)
			continue
		}
		if strings.ContainsAny(x.text, "*?") {
			return "", false
		}
		b.WriteString(x.text)
	}
	return b.String(), true
}

// regexp returns the pattern as a regular expression that the whole text has to match.
func (p pattern) regexp(cased bool) string {
	var b strings.Builder
	b.WriteString(pick(cased, "(?s)^", "(?is)^"))
	for _, x := range p {
		switch x.wild {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		default:
			b.WriteString(regexp.QuoteMeta(x.text))
		}
	}
	b.WriteString("$")
	return b.String()
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// caseless reports whether a text has no letter that has another case.
func caseless(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.SimpleFold(r) != r }) < 0
}
