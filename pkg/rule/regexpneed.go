package rule

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// matching returns the test of a regular expression. Where it needs one of a few texts, these are looked for first: that is
// many times faster than the expression, and most texts have none of them.
func matching(pattern string) func(string) bool {
	re := regexp.MustCompile(pattern) // the checker has compiled it before
	words := neededParts(pattern)
	if len(words) == 0 {
		return re.MatchString
	}
	contains := containing(words)
	return func(v string) bool { return contains(v) && re.MatchString(v) }
}

// fewWords are looked for one by one as fast as all at once.
const fewWords = 3

// containing returns the test whether a text contains one of the words, whatever their case.
func containing(words []string) func(string) bool {
	letters := newFoldeds(words)
	each := func(v string) bool { return slices.ContainsFunc(letters, func(f folded) bool { return f.within(v) }) }
	found := map[string][]hung{}
	for _, w := range words {
		if strings.IndexFunc(w, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 { // others are in no text in ASCII
			found[strings.ToLower(w)] = []hung{}
		}
	}
	if len(words) <= fewWords {
		return each
	}
	all := newAutomaton(found)
	return func(v string) bool {
		state := uint32(0)
		for i := range len(v) {
			if v[i] >= utf8.RuneSelf {
				return each(v)
			}
			if state = all.after(state, v[i]); state&ends != 0 {
				return true
			}
		}
		return false
	}
}

// maxNeeded bounds how many texts are looked for in the place of an expression.
const maxNeeded = 32

// neededParts returns texts of which every text that fits the pattern contains one, whatever their case; none when there
// are no such texts, or none long enough.
func neededParts(pattern string) []string {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	return neededOf(tree.Simplify())
}

func neededOf(re *syntax.Regexp) []string {
	if words := telling(textsOf(re)); words != nil {
		return words
	}
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return neededOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return neededOf(re.Sub[0])
		}
	case syntax.OpConcat:
		return neededOfRow(re.Sub)
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			words := neededOf(sub)
			if words == nil {
				return nil
			}
			all = append(all, words...)
		}
		if len(all) <= maxNeeded {
			return all
		}
	}
	return nil
}

// neededOfRow returns what the most telling part of a row needs: one of its expressions, or some that are few texts and stand
// side by side.
func neededOfRow(row []*syntax.Regexp) []string {
	var best []string
	try := func(words []string) {
		if words != nil && (best == nil || shortest(words) > shortest(best)) {
			best = words
		}
	}
	run := []string{""}
	for _, sub := range row {
		exact := textsOf(sub)
		if exact == nil || len(run)*len(exact) > maxNeeded {
			try(telling(run))
			run = []string{""}
		}
		if exact == nil {
			try(neededOf(sub))
			continue
		}
		run = product(run, exact)
	}
	try(telling(run))
	return best
}

// textsOf returns all texts that an expression fits, whatever their case, where they are few; else nil.
func textsOf(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return []string{""}
	case syntax.OpLiteral:
		return []string{string(re.Rune)}
	case syntax.OpCharClass:
		return lettersOf(re.Rune)
	case syntax.OpCapture:
		return textsOf(re.Sub[0])
	case syntax.OpQuest:
		if once := textsOf(re.Sub[0]); once != nil && len(once) < maxNeeded {
			return append(slices.Clip(once), "")
		}
	case syntax.OpConcat:
		row := []string{""}
		for _, sub := range re.Sub {
			exact := textsOf(sub)
			if exact == nil || len(row)*len(exact) > maxNeeded {
				return nil
			}
			row = product(row, exact)
		}
		return row
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			exact := textsOf(sub)
			if exact == nil || len(all)+len(exact) > maxNeeded {
				return nil
			}
			all = append(all, exact...)
		}
		return all
	}
	return nil
}

// lettersOf returns the letters of a class, of which re has the ranges, where they are few, such as [kK] and (1|2).
func lettersOf(ranges []rune) []string {
	const few = 4
	var letters []string
	for i := 0; i < len(ranges); i += 2 {
		if int(ranges[i+1]-ranges[i])+len(letters) >= few {
			return nil
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			letters = append(letters, string(r))
		}
	}
	return letters
}

// product returns each text of a with each of b behind it.
func product(a, b []string) []string {
	all := make([]string, 0, len(a)*len(b))
	for _, x := range a {
		for _, y := range b {
			all = append(all, x+y)
		}
	}
	return all
}

// telling returns words if all are worth looking for, without those that contain others; else nil. Expressions take bytes that
// are not UTF-8 for the letter U+FFFD, and folding does not.
func telling(words []string) []string {
	if len(words) == 0 || slices.ContainsFunc(words, func(w string) bool {
		return utf8.RuneCountInString(w) < leastPart || strings.ContainsRune(w, utf8.RuneError)
	}) {
		return nil
	}
	var kept []string
	for _, w := range words {
		if !slices.ContainsFunc(kept, func(o string) bool { return strings.EqualFold(o, w) }) &&
			!slices.ContainsFunc(words, func(o string) bool { return len(o) < len(w) && strings.Contains(w, o) }) {
			kept = append(kept, w)
		}
	}
	return kept
}

func shortest(words []string) int {
	n := len(words[0])
	for _, w := range words {
		n = min(n, len(w))
	}
	return n
}
