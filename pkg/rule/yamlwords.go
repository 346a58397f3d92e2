package rule

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// isText reports whether the file is UTF-8 text, and its first byte that is none.
func (s *source) isText() bool {
	for i, line := range s.lines {
		for j, r := range line {
			var wrong string
			switch _, size := utf8.DecodeRuneInString(line[j:]); {
			case r != 0 && (r != utf8.RuneError || size > 1):
				continue
			case i == 0 && (r == 0 && j <= 1 || strings.HasPrefix(line, "\xff\xfe") || strings.HasPrefix(line, "\xfe\xff")):
				wrong = "the file is UTF-16: save it as UTF-8"
			case r == 0:
				wrong = "there is a byte 0 here: the file is broken, or no text"
			default:
				wrong = "the file is no UTF-8 text: save it as UTF-8"
			}
			s.report(place{i + 1, utf8.RuneCountInString(line[:j]) + 1}, "", "%s", wrong)
			return false
		}
	}
	return true
}

// plainWords has better words for mistakes that YAML's own parser explains to nobody.
var plainWords = []struct{ parser, better string }{
	{"value is not allowed in this context", "this cannot stand here"},
	{"mapping value is not allowed in this context", "a colon cannot stand here"},
	{"non-map value is specified", "a key is followed by a colon and a blank (key: value)"},
	{"unexpected key name", "a key is followed by a colon and a blank (key: value)"},
	{"',' or ']' must be specified", "a list in [ ] is not closed before here, or a comma is missing"},
	{"sequence end token ']' not found", "a list in [ ] is not closed"},
	{"',' or '}' must be specified", "a mapping in { } is not closed before here, or a comma is missing"},
	{"could not find flow mapping end token '}'", "a mapping in { } is not closed"},
	{"found an invalid key for this map", "this cannot be a key"},
	{"could not find end character of double-quoted text", "the text that begins here has no closing quote"},
	{"could not find end character of single-quoted text", "the text that begins here has no closing quote"},
}

var givenTwice = regexp.MustCompile(`^mapping key "(.*)" already defined at \[(\d+):(\d+)\]$`)

// inWords says what YAML's parser found at a place, and what to do about it.
func (s *source) inWords(message string, at place) string {
	if twice := givenTwice.FindStringSubmatch(message); twice != nil {
		return twice[1] + " is given twice, first at " + twice[2] + ":" + twice[3]
	}
	for _, w := range plainWords {
		if strings.HasPrefix(message, w.parser) {
			message = w.better
			break
		}
	}
	if at.line >= 1 && at.line <= len(s.lines) && strings.HasPrefix(message, "a key is followed") && strings.HasPrefix(strings.TrimSpace(s.lines[at.line-1]), "- ") {
		return "an element of a list cannot stand here, among keys: does each one of the list begin with - ?"
	}
	return message + s.remedy(message, at)
}

// remedy says what to do about the commonest mistakes: tabs, plain text with a colon or a bracket in it, and a key that is
// indented otherwise than those around it.
func (s *source) remedy(message string, at place) string {
	if at.line < 1 || at.line > len(s.lines) {
		return ""
	}
	line := s.lines[at.line-1]
	blanks := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	key, value, _ := strings.Cut(line, ": ")
	value = strings.TrimSpace(value)
	switch {
	case strings.Contains(message, "quote"):
	case strings.Contains(blanks, "\t"):
		return ": indent with blanks, not tabs"
	case strings.HasPrefix(value, "{") && at.column > utf8.RuneCountInString(key), strings.HasPrefix(message, "this cannot be a key"),
		value != "" && !strings.ContainsAny(value[:1], "\"'[{|>&*") && strings.Contains(value, ": "):
		return ": put text with { or a colon in it between quotes"
	case strings.HasPrefix(value, "[") && strings.ContainsAny(value[1:], "[{"):
		return ": put text with [, { or a colon in it between quotes"
	case message == "a colon cannot stand here":
		return ": text with a colon in it stands between quotes, and keys that belong together are indented alike"
	case message == "this cannot stand here":
		return ": keys that belong together are indented alike"
	}
	return ""
}
