package rule

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// globs reports whether all of s is as the pattern says: * stands for any text, ? for one character, all else for itself.
// It goes back to the last * only, so its time is bounded by the product of both lengths.
func globs(s, pattern string) bool {
	star, from := -1, 0
	i, p := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && pattern[p] == '?':
			_, size := utf8.DecodeRuneInString(s[i:])
			i, p = i+size, p+1
		case p < len(pattern) && pattern[p] == s[i]:
			i, p = i+1, p+1
		case star >= 0:
			_, size := utf8.DecodeRuneInString(s[from:])
			from += size
			i, p = from, star+1
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// ports are ranges of ports to look for.
type ports [][2]int64

const maxPort = 65535

// parsePorts reads a port, or a range of them.
func parsePorts(s string) (r [2]int64, ok bool) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	lo, err1 := strconv.ParseUint(first, 10, 16)
	hi, err2 := strconv.ParseUint(last, 10, 16)
	return [2]int64{int64(lo), int64(hi)}, err1 == nil && err2 == nil && lo <= hi
}

// overlap reports whether a range as clouds write it has one of the ports. No port, and -1, stand for all: that is how a
// permission for every protocol (-1) says it.
func (p ports) overlap(lo, hi portBound) bool {
	if lo.state == notAPort || hi.state == notAPort {
		return false
	}
	from, to := lo.or(0), hi.or(maxPort)
	if from < 0 || to < 0 {
		from, to = 0, maxPort
	}
	for _, r := range p {
		if from <= r[1] && r[0] <= to {
			return true
		}
	}
	return false
}

// portBound is an end of a range as an event has it.
type portBound struct {
	port  int64
	state uint8
}

const (
	aPort uint8 = iota
	noPort
	notAPort
)

func (b portBound) or(missing int64) int64 {
	if b.state == noPort {
		return missing
	}
	return b.port
}

func textBound(s string) portBound {
	if s == "" {
		return portBound{state: noPort}
	}
	n, ok := parseInt(s)
	if !ok {
		return portBound{state: notAPort}
	}
	return portBound{port: n}
}

func numberBound(n int64, ok bool) portBound {
	if !ok {
		return portBound{state: noPort}
	}
	return portBound{port: n}
}
