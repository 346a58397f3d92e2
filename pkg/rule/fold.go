package rule

import (
	"strings"
	"unicode/utf8"
)

// These compare strings.ToLower(s) with a literal without making it, as long as s is ASCII. Text that is not goes
// through ToLower, so that both ways always agree.

func equalLower(s, want string) bool {
	return len(s) == len(want) && isASCII(s) && foldedAt(s, 0, want) || !isASCII(s) && strings.ToLower(s) == want
}

func hasPrefixLower(s, want string) bool {
	if !isASCII(s) {
		return strings.HasPrefix(strings.ToLower(s), want)
	}
	return len(s) >= len(want) && foldedAt(s, 0, want)
}

func hasSuffixLower(s, want string) bool {
	if !isASCII(s) {
		return strings.HasSuffix(strings.ToLower(s), want)
	}
	return len(s) >= len(want) && foldedAt(s, len(s)-len(want), want)
}

func containsLower(s, want string) bool {
	if !isASCII(s) {
		return strings.Contains(strings.ToLower(s), want)
	}
	if want == "" {
		return true
	}
	low, up := want[0], want[0] // most places are ruled out by their first byte
	if 'a' <= low && low <= 'z' {
		up -= 'a' - 'A'
	}
	for i := 0; i+len(want) <= len(s); i++ {
		if (s[i] == low || s[i] == up) && foldedAt(s, i, want) {
			return true
		}
	}
	return false
}

// foldedAt reports whether the lower-cased ASCII s has want at i.
func foldedAt(s string, i int, want string) bool {
	for j := range len(want) {
		c := s[i+j]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[j] {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
