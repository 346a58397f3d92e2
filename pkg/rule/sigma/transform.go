package sigma

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf16"
)

// maxVariants bounds how many texts one value may stand for.
const maxVariants = 625

// dashes are what Windows programs take as the start of an option, and what editors make of it.
var dashes = []rune{'-', '/', '–', '—', '―'}

// windash returns the pattern with each dash that starts an option (nothing of a word before it, a word behind it)
// replaced by each of the dashes; ok is false when these are too many.
func windash(p pattern) (variants []pattern, ok bool) {
	variants = []pattern{nil}
	for i, x := range p {
		texts := []string{x.text}
		if x.wild == 0 {
			before := pick(i > 0, '?', ' ') // a wildcard may stand for the end of a word: not for the end of one here
			texts = dashed(x.text, before)
		}
		var next []pattern
		for _, v := range variants {
			for _, t := range texts {
				next = append(next, append(append(pattern{}, v...), piece{t, x.wild}))
			}
		}
		if variants = next; len(variants) > maxVariants {
			return nil, false
		}
	}
	return variants, true
}

func dashed(s string, before rune) []string {
	texts := []string{""}
	extend := func(with ...rune) {
		var next []string
		for _, t := range texts {
			for _, r := range with {
				next = append(next, t+string(r))
			}
		}
		texts = next
	}
	runes := []rune(s)
	for i, r := range runes {
		starts := isDash(r) && !isWord(before) && i+1 < len(runes) && isWord(runes[i+1])
		if starts && len(texts) <= maxVariants {
			extend(dashes...)
		} else {
			extend(r)
		}
		before = r
	}
	return texts
}

func isDash(r rune) bool { return strings.ContainsRune(string(dashes), r) }

func isWord(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// encode returns the text in an encoding of UTF-16, as bytes.
func encode(s, encoding string) string {
	var b strings.Builder
	if encoding == "utf16" {
		b.WriteString("\xff\xfe")
	}
	for _, u := range utf16.Encode([]rune(s)) {
		if encoding == "utf16be" {
			b.WriteByte(byte(u >> 8))
			b.WriteByte(byte(u))
		} else {
			b.WriteByte(byte(u))
			b.WriteByte(byte(u >> 8))
		}
	}
	return b.String()
}

// offsets returns what of a text's base64 is the same whatever stands before and behind it: one for each of the three
// places of its first byte.
func offsets(s string) []string {
	skip, drop := [3]int{0, 2, 3}, [3]int{0, 3, 2}
	var texts []string
	for i := range 3 {
		e := base64.StdEncoding.EncodeToString([]byte(strings.Repeat(" ", i) + s))
		if last := len(e) - drop[(len(s)+i)%3]; skip[i] < last {
			texts = append(texts, e[skip[i]:last])
		}
	}
	return texts
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
