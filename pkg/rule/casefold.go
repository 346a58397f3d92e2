package rule

import (
	"math"
	"slices"
	"unicode"
	"unicode/utf8"
)

// folded is a literal of equalFold and its like under Unicode's simple case folding: one letter for one letter, so that
// K, k and the Kelvin sign are one, and ß is not ss. A byte that is not UTF-8 is only ever itself.
type folded struct {
	letters []rune
	starts  *[256]bool // bytes that text which fits can begin with; nil when letters is empty
}

func newFolded(literal string) folded {
	f := folded{letters: foldedLetters(literal)}
	if len(f.letters) > 0 {
		f.starts = firstBytes(f.letters[0])
	}
	return f
}

func newFoldeds(literals []string) []folded {
	all := make([]folded, len(literals))
	for i, l := range literals {
		all[i] = newFolded(l)
	}
	return all
}

func foldedLetters(s string) []rune {
	var letters []rune
	for i := 0; i < len(s); {
		r, size := foldedRune(s[i:])
		letters = append(letters, r)
		i += size
	}
	return letters
}

// foldedRune returns the first letter of s folded, and its length in s. s must not be empty.
func foldedRune(s string) (rune, int) {
	if c := s[0]; c < utf8.RuneSelf {
		return lowerASCII(c), 1
	}
	r, size := utf8.DecodeRuneInString(s)
	return foldedLetter(r, size, s[0]), size
}

// lastFoldedRune is foldedRune from the end.
func lastFoldedRune(s string) (rune, int) {
	if c := s[len(s)-1]; c < utf8.RuneSelf {
		return lowerASCII(c), 1
	}
	r, size := utf8.DecodeLastRuneInString(s)
	return foldedLetter(r, size, s[len(s)-1]), size
}

func lowerASCII(c byte) rune {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return rune(c)
}

// foldedLetter returns the one letter that stands for r and all that differ from it in case only: the smallest, or its
// small form in ASCII. Bytes that are not UTF-8 come after all letters.
func foldedLetter(r rune, size int, b byte) rune {
	if r == utf8.RuneError && size == 1 {
		return unicode.MaxRune + 1 + rune(b)
	}
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if least < utf8.RuneSelf {
		return lowerASCII(byte(least))
	}
	return least
}

func firstBytes(r rune) *[256]bool {
	var starts [256]bool
	if r > unicode.MaxRune {
		starts[byte(r-unicode.MaxRune-1)] = true
		return &starts
	}
	var room [utf8.UTFMax]byte
	for next := r; ; {
		utf8.EncodeRune(room[:], next)
		starts[room[0]] = true
		if next = unicode.SimpleFold(next); next == r {
			return &starts
		}
	}
}

// startsAt returns where text that fits ends which begins at i of s, -1 when none does.
func (f folded) startsAt(s string, i int) int {
	for _, want := range f.letters {
		if i == len(s) {
			return -1
		}
		r, size := foldedRune(s[i:])
		if r != want {
			return -1
		}
		i += size
	}
	return i
}

func (f folded) equals(s string) bool { return f.startsAt(s, 0) == len(s) }

func (f folded) begins(s string) bool { return f.startsAt(s, 0) >= 0 }

func (f folded) ends(s string) bool {
	for _, want := range slices.Backward(f.letters) {
		if s == "" {
			return false
		}
		r, size := lastFoldedRune(s)
		if r != want {
			return false
		}
		s = s[:len(s)-size]
	}
	return true
}

func (f folded) within(s string) bool {
	if f.starts == nil {
		return true
	}
	for i := 0; i < len(s); {
		if f.starts[s[i]] && f.startsAt(s, i) >= 0 {
			return true
		}
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return false
}

// appendFolded appends s folded, as long as that has at most limit bytes; ok is false for what is longer. Bytes that are
// not UTF-8 have no folded form: ok is false too.
func appendFolded(dst []byte, s string, limit int) (folded []byte, ok bool) {
	if len(s) > utf8.UTFMax*limit { // a letter in ASCII may stand for a longer one
		return dst, false
	}
	i := 0
	for ; i < len(s) && s[i] < utf8.RuneSelf; i++ {
		dst = append(dst, byte(lowerASCII(s[i])))
	}
	if len(dst) > limit {
		return dst, false
	}
	for i < len(s) {
		r, size := foldedRune(s[i:])
		i += size
		if r > unicode.MaxRune {
			return dst, false
		}
		if dst = utf8.AppendRune(dst, r); len(dst) > limit {
			return dst, false
		}
	}
	return dst, true
}

// foldedGlobs is globs without regard to case.
func foldedGlobs(s string, pattern []rune) bool {
	star, from := -1, 0
	i, p := 0, 0
	for i < len(s) {
		r, size := foldedRune(s[i:])
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == r):
			i, p = i+size, p+1
		case star >= 0:
			_, size := utf8.DecodeRuneInString(s[from:])
			from += size
			i, p = from, star+1
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// earthRadius is the mean radius of the earth in kilometres (IUGG).
const earthRadius = 6371.0088

// distance returns the kilometres between two places on the sphere, given in degrees.
func distance(lat1, lon1, lat2, lon2 float64) float64 {
	const degree = math.Pi / 180
	sinLat, sinLon := math.Sin((lat2-lat1)*degree/2), math.Sin((lon2-lon1)*degree/2)
	h := sinLat*sinLat + math.Cos(lat1*degree)*math.Cos(lat2*degree)*sinLon*sinLon
	return 2 * earthRadius * math.Asin(math.Sqrt(min(max(h, 0), 1)))
}
