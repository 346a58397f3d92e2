package rule

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// Problem is one mistake in a rule or list file, with its place.
type Problem struct {
	File    string
	Line    int // from 1; 0 when it concerns no place inside a file
	Column  int // from 1, in characters
	Message string
	Excerpt string // the line, and a caret below the column
	Hint    string // what was probably meant, "" when unknown
}

// Error returns "file:line:col: message (did you mean "x"?)" and, below it, the excerpt.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	b.WriteString(p.Summary())
	if p.Excerpt != "" {
		b.WriteByte('\n')
		b.WriteString(p.Excerpt)
	}
	return b.String()
}

// Summary returns the message and the hint, without place and excerpt.
func (p Problem) Summary() string {
	if p.Hint == "" {
		return p.Message
	}
	return p.Message + " (did you mean " + p.Hint + "?)"
}

// Problems are all mistakes that Load found, sorted by file and place.
type Problems []Problem

// Error returns all problems, one below the other.
func (ps Problems) Error() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.Error()
	}
	return strings.Join(texts, "\n")
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, Problem.compare)
}

// compare orders problems by file and place.
func (p Problem) compare(o Problem) int {
	return cmp.Or(strings.Compare(p.File, o.File), cmp.Compare(p.Line, o.Line), cmp.Compare(p.Column, o.Column),
		strings.Compare(p.Message, o.Message))
}

// source is the text of one file, and what is wrong with it.
type source struct {
	file     string
	lines    []string
	problems *Problems
	beside   func(name string) ([]byte, error) // reads a file of the same folder; nil where none is read
}

func newSource(file string, text []byte, problems *Problems) *source {
	return &source{file: file, lines: strings.Split(strings.TrimSuffix(string(text), "\n"), "\n"), problems: problems}
}

// place is a position in a file; both members count from 1.
type place struct{ line, column int }

// report notes a problem. Places outside the file (of text that a YAML parser made up) move to its nearest end.
func (s *source) report(at place, hint, message string, args ...any) {
	at.line = min(max(at.line, 1), len(s.lines))
	line := strings.TrimSuffix(s.lines[at.line-1], "\r")
	at.column = min(max(at.column, 1), utf8.RuneCountInString(line)+1)
	*s.problems = append(*s.problems, Problem{
		File: s.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(message, args...), Hint: hint,
		Excerpt: excerpt(at, line),
	})
}

// excerpt shows the line with a caret below the place. Tabs become blanks so that the caret stands where it should.
func excerpt(at place, line string) string {
	const width = 160
	from := max(0, at.column-1-width/2)
	runes := []rune(strings.Map(printable, line))
	text := string(runes[from:min(len(runes), from+width)])
	number := fmt.Sprintf("%5d | ", at.line)
	return number + text + "\n" + strings.Repeat(" ", len(number)-2) + "| " + strings.Repeat(" ", at.column-1-from) + "^"
}

func printable(r rune) rune {
	switch {
	case r < ' ':
		return ' '
	case !unicode.IsPrint(r): // what steers a terminal, or turns text around
		return '\ufffd'
	}
	return r
}

// nearest returns the candidate that a misspelled word most likely stands for, quoted, or "".
func nearest(word string, candidates []string) string {
	best, distance := "", max(1, (len(word)+1)/3)+1
	for _, c := range candidates {
		if len(word) >= 2 && strings.HasPrefix(c, word) {
			return `"` + c + `"`
		}
	}
	for _, c := range candidates {
		d := levenshtein.ComputeDistance(strings.ToLower(word), strings.ToLower(c))
		if d == 2 && len(word) > 2 && strings.EqualFold(word[:1], c[:min(1, len(c))]) {
			d = 1 // two letters in the wrong order; else two of a short word are most of it
		}
		if d < distance && d < len(c) {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return `"` + best + `"`
}
