package accessline

import (
	"bytes"
	"strings"
)

// What the sniffers of nginx and Apache ask of a raw line; none of it allocates.

// WebTime reports whether the line has the [time] "… that Web looks for.
func WebTime(line []byte) bool {
	_, ok := findTime(line)
	return ok
}

// ApacheOnly reports whether a line has what Apache writes and nginx does not: a quote behind a backslash, a known ident,
// or the common format's end without referer and agent.
func ApacheOnly(line []byte) bool {
	return bytes.Contains(line, []byte(`\"`)) || HasIdent(line) || EndsBare(line)
}

// HasIdent reports whether a line's second column, the ident, is known. Lines with anything else in front of host,
// ident and user say no.
func HasIdent(line []byte) bool {
	open, ok := findTime(line)
	if !ok {
		return false
	}
	front := bytes.TrimRight(line[:open], " ")
	return bytes.Count(front, []byte(" ")) == 2 && !bytes.Contains(front, []byte(" - ")) && !bytes.ContainsAny(front, `,"`)
}

// EndsBare reports whether the line ends with status and size, as Apache's common format does.
func EndsBare(line []byte) bool {
	end := bytes.LastIndexByte(line, '"')
	if end < 0 {
		return false
	}
	words, inside := 0, false
	for _, c := range line[end+1:] {
		if c > ' ' && !inside {
			words++
		}
		inside = c > ' '
	}
	return words == 2
}

// findTime returns where `[dd/Mon/yyyy:hh:mm:ss +zzzz] "` starts.
func findTime[S string | []byte](s S) (int, bool) {
	const length = len(`[04/Oct/2022:03:07:27 +0000] "`)
	for i := 0; i+length <= len(s); i++ {
		if s[i] == '[' && s[i+3] == '/' && s[i+7] == '/' && s[i+12] == ':' && s[i+27] == ']' && s[i+28] == ' ' && s[i+29] == '"' {
			return i, true
		}
	}
	return 0, false
}

// Word cuts the next word off a line.
func Word(line []byte) (word, rest []byte) {
	i := 0
	for i < len(line) && line[i] <= ' ' {
		i++
	}
	line = line[i:]
	for i = 0; i < len(line) && line[i] > ' '; {
		i++
	}
	return line[:i], line[i:]
}

// LooksISO reports whether a word starts with a date, T and a time of day.
func LooksISO(word []byte) bool {
	const shape = "0000-00-00T00:00:00"
	if len(word) < len(shape) {
		return false
	}
	for i := range len(shape) {
		if c := word[i]; shape[i] == '0' && (c < '0' || c > '9') || shape[i] != '0' && c != shape[i] {
			return false
		}
	}
	return true
}

// LooksPort reports whether a word is a port number.
func LooksPort(word []byte) bool {
	for _, c := range word {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(word) > 0 && len(word) < 6
}

// LooksAddr reports whether a word is made of what addresses are made of.
func LooksAddr(word []byte) bool {
	marks := 0
	for _, c := range word {
		switch {
		case c == '.' || c == ':':
			marks++
		case c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f':
		default:
			return false
		}
	}
	return marks >= 2
}

// LooksEndpoint reports whether a word looks like an address, in brackets or not, a colon and a port.
func LooksEndpoint(word []byte) bool {
	i := bytes.LastIndexByte(word, ':')
	return i > 0 && LooksPort(word[i+1:]) && LooksAddr(bytes.Trim(word[:i], "[]"))
}

// IsHex reports whether all of s is lower-case hexadecimal digits.
func IsHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }
