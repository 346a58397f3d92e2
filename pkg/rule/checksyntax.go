package rule

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/expr-lang/expr/conf"
)

// every stands for [] in a path while expr parses the condition: a key that is as long, so that columns stay, and that
// no log has.
const every = "ǁ"

// syntaxMessage says what expr's parser found at a byte of the source.
func syntaxMessage(message, source string, at int) string {
	message, before, rest := firstLine(message), source[:at], source[at:]
	part := unexpected.FindStringSubmatch(message)
	switch {
	case message == "invalid char escape":
		return "in quotes \\ is written \\\\, as in \"\\\\d+\"; between backquotes, `\\d+`, it stands for itself"
	case message == "literal not terminated":
		return "the text that begins here has no closing quote"
	case message == "expected at least 2 arguments":
		return "any, all, none, one and count take a list and a condition on #, as in any(resources, # == \"x\")"
	case tooLarge.MatchString(message):
		return "the number " + tooLarge.FindStringSubmatch(message)[1] + " is too large"
	case badNumber.MatchString(message):
		return fmt.Sprintf("%q is no number: sizes are written as in 10 * GiB", badNumber.FindStringSubmatch(message)[1])
	case part == nil:
		return message
	}
	word := part[1]
	switch {
	case word == "":
		return "the condition ends too early"
	case word == "=" && strings.HasPrefix(rest, "=>"), word == ">" && strings.HasPrefix(rest, ">") && strings.HasSuffix(before, "="):
		return "=> is no operator: inside any, all and their like the element is #, as in any(resources, # == \"x\")"
	case word == "=":
		return "= is no operator: compare with =="
	case word == "#":
		return "# is an element, inside any, all and their like; a comment begins with //"
	case word == "/" && strings.HasSuffix(strings.TrimSpace(before), "matches"):
		return "a pattern stands between quotes: matches \"a+\""
	case foreign[strings.ToLower(word)] != "":
		return fmt.Sprintf("conditions have no %s: %s", word, foreign[strings.ToLower(word)])
	case contains(between, word):
		return fmt.Sprintf("%s stands between two values: x %[1]s y", word)
	}
	return fmt.Sprintf("unexpected %s: is an operator missing before it, or something else?", word)
}

// unexpected is what expr's parser says of a token: its kind, and its text but at the end.
var unexpected = regexp.MustCompile(`^unexpected token [A-Za-z]+(?:\("(.*)"\))?$`)

var tooLarge = regexp.MustCompile(`^invalid (?:integer|float) literal: strconv\.Parse[A-Za-z]+: parsing "(.*)": value out of range$`)

var badNumber = regexp.MustCompile(`^bad number syntax: "(.*)"$`)

// foreign are words of other languages, and what to write for them.
var foreign = map[string]string{
	"and": "write and", "or": "write or", "not": "write not", "like": `write glob(x, "a*"), x startsWith "a" or x contains "a"`,
	"is": "ask has(x), or compare with ==", "let": "write the value where it is used", "if": "write a and b, or a or b",
	"between": "write x in 1..9, or x >= 1 and x <= 9", "&": "write and", "|": "write or", "~": "write x matches \"pattern\"", "<>": "write !=",
}

// between are expr's operators that are words, and that people write as functions.
var between = []string{"contains", "startsWith", "endsWith", "matches", "in", "and", "or"}

// asOperator returns the operator that somebody means by the name of a function, "" for none.
func asOperator(name string) string {
	i := slices.IndexFunc(between, func(w string) bool { return strings.EqualFold(w, name) })
	if i < 0 {
		return ""
	}
	return between[i]
}

// parserConfig makes expr's parser leave our own functions to us.
func parserConfig() *conf.Config {
	config := conf.CreateNew()
	config.Disabled["int"], config.Disabled["float"] = true, true
	return config
}

// spreadBrackets replaces [] behind a path by a key that expr's parser takes.
func spreadBrackets(source string) string {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(source); i++ {
		ch := source[i]
		switch {
		case quote != 0:
			if ch == '\\' && quote != '`' && i+1 < len(source) {
				b.WriteByte(ch)
				i++
				ch = source[i]
			} else if ch == quote {
				quote = 0
			}
		case ch == '"' || ch == '\'' || ch == '`':
			quote = ch
		case strings.HasPrefix(source[i:], "[]") && i > 0 && followsPath(source[:i]):
			b.WriteString("." + every)
			i++
			continue
		}
		b.WriteByte(ch)
	}
	return b.String()
}

func followsPath(before string) bool {
	r, _ := utf8.DecodeLastRuneInString(before)
	return r == '_' || r == ']' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// byteOffset turns expr's offset in characters into one in bytes.
func byteOffset(s string, runes int) int {
	for i := range s {
		if runes == 0 {
			return i
		}
		runes--
	}
	return len(s)
}

// pipe returns where a | stands that is no ||, -1 when none does. expr takes what is before it for an argument of the call
// behind it, but binds it looser than and: hardly anybody means that.
func pipe(source string) int {
	plain := outsideQuotes(blankComments(source))
	for i := 0; i < len(plain); i++ {
		switch {
		case strings.HasPrefix(plain[i:], "||"):
			i++
		case plain[i] == '|':
			return i
		}
	}
	return -1
}
