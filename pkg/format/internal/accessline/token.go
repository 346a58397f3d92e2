package accessline

import "strings"

// Token is one column of a line.
type Token struct {
	Text   string // without its quotes or brackets
	Quoted bool   // it stood in double quotes
	Boxed  bool   // it stood in square brackets
}

// Value is the token's text, "" when the log says "-" for missing.
func (t Token) Value() string { return Value(t.Text) }

// Value is s, or "" when it is the "-" that logs write for a missing value.
func Value(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// TrimEnd cuts blanks and the carriage return off the end of a line.
func TrimEnd(s string) string { return strings.TrimRight(s, " \t\r\n") }

// Bare cuts the next token at a blank, whatever it holds; tok is "" at the end of the line.
func Bare(s string) (tok, rest string) {
	i := 0
	for i < len(s) && blank(s[i]) {
		i++
	}
	s = s[i:]
	for i = 0; i < len(s); i++ {
		if blank(s[i]) {
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// Next cuts the next token: "quoted", [bracketed] or bare; ok is false at the end of the line. A quote closes only
// before a blank or the end, because several writers do not escape the quotes inside; one that never closes makes
// the token bare.
func Next(s string) (tok Token, rest string, ok bool) {
	i := 0
	for i < len(s) && blank(s[i]) {
		i++
	}
	s = s[i:]
	if s == "" {
		return Token{}, "", false
	}
	switch s[0] {
	case '"':
		if end := CloseQuote(s, 1); end > 0 {
			return Token{Text: s[1:end], Quoted: true}, after(s, end+1), true
		}
	case '[':
		if end := strings.IndexByte(s, ']'); end > 0 && (end+1 == len(s) || blank(s[end+1])) {
			return Token{Text: s[1:end], Boxed: true}, after(s, end+1), true
		}
	}
	text, rest := Bare(s)
	return Token{Text: text}, rest, true
}

// CloseQuote finds the double quote at or after from that is followed by a blank or the end and is not escaped by
// a backslash; -1 when there is none. s[from-1] is the quote that opened.
func CloseQuote(s string, from int) int {
	for i := from; i < len(s); {
		n := strings.IndexByte(s[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		if (i+1 == len(s) || blank(s[i+1])) && !escaped(s, from, i) {
			return i
		}
		i++
	}
	return -1
}

// escaped reports whether an odd number of backslashes stands right before s[i].
func escaped(s string, from, i int) bool {
	n := 0
	for j := i - 1; j >= from && s[j] == '\\'; j-- {
		n++
	}
	return n%2 == 1
}

func after(s string, i int) string {
	if i < len(s) && blank(s[i]) {
		i++
	}
	return s[i:]
}

func blank(c byte) bool { return c == ' ' || c == '\t' }
