package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Problem is one thing wrong with the file.
type Problem struct {
	File         string
	Line, Column int // from 1
	Message      string
	Excerpt      string // the line
	Hint         string // what may have been meant, "" when nobody knows
}

// Error prints the problem as compilers do, with the line and a caret below.
func (p Problem) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
	if p.Hint != "" {
		fmt.Fprintf(&b, " (did you mean %q?)", p.Hint)
	}
	if p.Excerpt != "" {
		fmt.Fprintf(&b, "\n  %s\n  %s^", p.Excerpt, strings.Repeat(" ", max(0, min(p.Column-1, len(p.Excerpt)))))
	}
	return b.String()
}

// Problems is everything wrong with the file, by position.
type Problems []Problem

// Error prints all.
func (ps Problems) Error() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.Error()
	}
	return strings.Join(texts, "\n")
}

func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return ps
}

// closest returns the word that is nearest to what was written, "" when none is near.
func closest(written string, words []string) string {
	best, least := "", 1+len(written)/3
	for _, w := range words {
		if n := levenshtein.ComputeDistance(written, w); n <= least && w != "" {
			if best == "" || n < least {
				best, least = w, n
			}
		}
	}
	return best
}
