package sigma

import (
	"encoding/base64"
	"slices"
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
	variants = []pattern{p}
	for i, x := range p {
		runes := []rune(x.text)
		for at := range runes {
			if !startsOption(runes, at) {
				continue
			}
			if len(variants)*len(dashes) > maxVariants {
				return nil, false
			}
			variants = dashed(variants, i, at)
		}
	}
	return variants, true
}

// startsOption reports whether a dash that starts an option stands there.
func startsOption(runes []rune, at int) bool {
	return isDash(runes[at]) && (at == 0 || !isWord(runes[at-1])) && at+1 < len(runes) && isWord(runes[at+1])
}

// dashed replaces a character of one piece by each of the dashes, in each variant.
func dashed(variants []pattern, piece, at int) []pattern {
	var all []pattern
	for _, v := range variants {
		for _, dash := range dashes {
			runes := []rune(v[piece].text)
			runes[at] = dash
			w := slices.Clone(v)
			w[piece].text = string(runes)
			all = append(all, w)
		}
	}
	return all
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
