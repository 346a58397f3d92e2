package rule

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"unicode/utf8"
)

// matching returns the test of a regular expression. Where it needs one of a few texts, these are looked for first: that is
// many times faster than the expression, and most texts have none of them.
func matching(pattern string) func(string) bool {
	re := regexp.MustCompile(pattern) // the checker has compiled it before
	words := newFoldeds(neededParts(pattern))
	if len(words) == 0 {
		return re.MatchString
	}
	return func(v string) bool {
		return slices.ContainsFunc(words, func(f folded) bool { return f.within(v) }) && re.MatchString(v)
	}
}

// maxNeeded bounds how many texts are looked for in the place of an expression.
const maxNeeded = 16

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
	switch re.Op {
	case syntax.OpLiteral:
		// expressions take bytes that are not UTF-8 for the letter U+FFFD, and folding does not
		if len(re.Rune) >= leastPart && !slices.Contains(re.Rune, utf8.RuneError) {
			return []string{string(re.Rune)}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return neededOf(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return neededOf(re.Sub[0])
		}
	case syntax.OpConcat: // the one that is the most telling
		var best []string
		for _, sub := range re.Sub {
			if words := neededOf(sub); words != nil && (best == nil || shortest(words) > shortest(best)) {
				best = words
			}
		}
		return best
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

func shortest(words []string) int {
	n := len(words[0])
	for _, w := range words {
		n = min(n, len(w))
	}
	return n
}
