package redact

import (
	"bytes"
	"strconv"
	"strings"
)

// cut is a stretch that goes, and what takes its place.
type cut struct {
	from, to int
	with     string
}

// found is a secret's place: the bytes between quotes, behind "=" and so on.
type found struct{ from, to int }

// maxName bounds how far a name is followed to both sides.
const maxName = 128

// suspicious reports whether anything in b calls for a closer look: the check that every record pays for.
func (r *Rules) suspicious(b []byte) bool {
	for from := 0; ; {
		w, last := r.words.next(b, from)
		if w == nil {
			break
		}
		switch w.kind {
		case isName:
			if start, end := w.name(b, last); r.of(b[start:end]) != none {
				return true
			}
		case isEncodedURL:
			if _, ok := encodedUserinfo(b, last+1); ok {
				return true
			}
		default:
			return true
		}
		from = last + 1
	}
	for i := nextEqual(b, 0); i >= 0; i = nextEqual(b, i+1) {
		if r.exactly(b, i) {
			return true
		}
	}
	for i := nextAt(b, 0); i >= 0; i = nextAt(b, i+1) {
		if _, ok := userinfo(b, i); ok {
			return true
		}
	}
	return disguised(b) || bytes.IndexByte(b, '%') >= 0 && r.isEncoded(b)
}

// disguised reports whether letters are written as escapes that need none, \u0070assword or https:\/\/: all that is searched for
// is then to be looked for behind the escapes.
func disguised(b []byte) bool {
	for i := indexFrom(b, '\\', 0); i >= 0; i = indexFrom(b, '\\', i) {
		start := i
		for i < len(b) && b[i] == '\\' {
			i++
		}
		switch {
		case i >= len(b):
		case b[i] == '/' && start > 0 && b[start-1] == ':':
			return true
		case b[i] == 'u' && i+5 <= len(b) && b[i+1] == '0' && b[i+2] == '0':
			c, err := strconv.ParseUint(string(b[i+3:i+5]), 16, 8)
			if err == nil && (isWord(byte(c)) || c == ':' || c == '/' || c == '@') {
				return true
			}
		}
	}
	return false
}

func nextEqual(b []byte, from int) int { return indexFrom(b, '=', from) }

func nextAt(b []byte, from int) int { return indexFrom(b, '@', from) }

func indexFrom(b []byte, c byte, from int) int {
	if n := bytes.IndexByte(b[from:], c); n >= 0 {
		return from + n
	}
	return -1
}

// exactly reports whether a short name stands before the = at i. Whole names are too short to be searched for.
func (r *Rules) exactly(b []byte, i int) bool {
	if i < 3 || r.lastOfExact[b[i-1]&31] == 0 {
		return false
	}
	start := nameStart(b, i)
	return i-start <= r.longestExact && r.of(b[start:i]) != none
}

// name returns where the name is that the word, whose last byte is at last, ends with.
func (w *word) name(b []byte, last int) (start, end int) {
	end = last
	for end > 0 && !isWord(b[end-1]) { // of what stands around an exact name there may be more
		end--
	}
	if i := strings.IndexAny(w.text, `%\\`); i > 0 { // name%3d, name\u003d
		end = last + 1 - len(w.text) + i
	}
	return nameStart(b, end), end
}

// nameStart returns where the name begins that ends before end. An escaped byte before it is not part of it.
func nameStart(b []byte, end int) int {
	start := end
	for start > 0 && end-start < maxName && isWord(b[start-1]) {
		start--
	}
	switch {
	case start > 0 && b[start-1] == '%' && end-start > 4 && b[start] == '2' && b[start+1] == '5': // %2526
		return start + 4
	case start > 0 && b[start-1] == '%' && end-start > 2:
		return start + 2
	case start > 0 && b[start-1] == '\\' && end-start > 5 && b[start] == 'u':
		return start + 5
	case start > 0 && b[start-1] == '\\' && end-start > 3 && b[start] == 'x':
		return start + 3
	}
	return start
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.'
}

// eachSecret calls visit for each secret in a text that is not JSON (or broken JSON), not in order and maybe overlapping.
func (r *Rules) eachSecret(b []byte, visit func(found)) {
	from := 0
	take := func(f found, ok bool) {
		if !ok {
			return
		}
		if !blank(b[f.from:f.to]) {
			visit(f)
		}
		from = max(from, f.to) // names inside of a secret are none: else a text full of them would take its length squared
	}
	for {
		w, last := r.words.next(b, from)
		if w == nil {
			break
		}
		from = last + 1
		if w.kind == isName {
			take(r.named(b, w, last))
		} else {
			take(shaped(b, w, last))
		}
	}
	for i := nextEqual(b, 0); i >= 0; i = nextEqual(b, i+1) {
		if r.exactly(b, i) {
			take(r.valueOf(b, nameStart(b, i), i))
		}
	}
	for n, ok := r.nextEncoded(b, 0); ok; n, ok = r.nextEncoded(b, max(n.end, from)) {
		if from = 0; n.how != none {
			take(valueBehind(b, n.start, n.end, n.how))
		}
	}
	for i := nextAt(b, 0); i >= 0; i = nextAt(b, i+1) {
		from, ok := userinfo(b, i)
		take(found{from, i}, ok)
	}
}

// named finds the value that belongs to a name: name=value, "name": "value", Name: value, name%3Dvalue.
func (r *Rules) named(b []byte, w *word, last int) (f found, ok bool) {
	start, end := w.name(b, last)
	return r.valueOf(b, start, end)
}

// valueOf finds the value of the name at start to end.
func (r *Rules) valueOf(b []byte, start, end int) (f found, ok bool) {
	how := r.of(b[start:end])
	if how == none {
		return f, false
	}
	return valueBehind(b, start, end, how)
}

// valueBehind finds the value of the name at start to end, of which so much is secret.
func valueBehind(b []byte, start, end int, how reach) (f found, ok bool) {
	i := end + brackets(b[end:])
	i += len(quote(b[i:]))
	blanks := blankRun(b, i)
	i += blanks
	n, colon := separator(b[i:])
	if n == 0 || colon && start > 0 && b[start-1] == ':' { // arn:aws:secretsmanager:us-east-1:111122223333:secret:name
		return f, false
	}
	i += n
	if blanks > 0 || colon {
		i += blankRun(b, i)
		i += encodedBlanks(b[i:])
	}
	if q := quote(b[i:]); len(q) > 0 {
		return found{i + len(q), closing(b, i+len(q), q)}, true
	}
	if i < len(b) && (b[i] == '{' || b[i] == '[') {
		return f, false // what is inside has names of its own
	}
	stop := i
	if how == header && colon {
		for stop < len(b) && b[stop] != '\n' && b[stop] != '\r' && b[stop] != '"' && !lineEnd(b[stop:]) {
			stop++
		}
	} else {
		// A value's own & is %26 behind a plain =, and the end of the value where the = is encoded, too.
		encoded := b[i-1] != '='
		for stop < len(b) && (b[stop] == '%' && !encoded || !ends(b[stop:])) {
			stop++
		}
	}
	return found{i, stop}, true
}

// maxBrackets bounds what forms put into brackets behind a name.
const maxBrackets = 32

// brackets returns the length of what forms write between a name and its value, encoded or not: user[password]=,
// password[]=, password[$ne]=.
func brackets(b []byte) (n int) {
	for {
		rest := b[n:]
		switch {
		case len(rest) > 0 && rest[0] == ']':
			n++
		case hasEncoded(rest, "%5d"):
			n += 3
		case len(rest) > 0 && rest[0] == '[' || hasEncoded(rest, "%5b"):
			inside := rest[:min(len(rest), maxBrackets)]
			end := bytes.IndexAny(inside, `]=&"' `)
			if i := bytes.Index(bytes.ToLower(inside), []byte("%5d")); i >= 0 && (end < 0 || i < end) {
				end = i
			}
			if end < 0 || rest[end] != ']' && rest[end] != '%' {
				return n
			}
			n += end
		default:
			return n
		}
	}
}

// hasEncoded reports whether b begins with a percent-encoded byte, given in lower case.
func hasEncoded(b []byte, text string) bool {
	return len(b) >= len(text) && equalFold(b[:len(text)], text)
}

// encodedBlanks returns the length of the blanks of a form that stand before a quote: {"password": "…"} in a query.
func encodedBlanks(b []byte) (n int) {
	for n < 9 {
		switch {
		case n < len(b) && b[n] == '+':
			n++
		case hasEncoded(b[n:], "%20"):
			n += 3
		case len(quote(b[n:])) > 0:
			return n
		default:
			return 0
		}
	}
	return 0
}

func blankRun(b []byte, i int) (n int) {
	for i+n < len(b) && n < 3 && (b[i+n] == ' ' || b[i+n] == '\t') {
		n++
	}
	return n
}

// separator returns the length of what stands between a name and its value.
func separator(b []byte) (n int, colon bool) {
	for _, s := range []string{"=>", "=", ":", "%3D", "%3d", "%253D", "%253d", `\u003d`, `\x3D`, `\x3d`, "%3A", "%3a"} {
		if len(b) >= len(s) && string(b[:len(s)]) == s {
			return len(s), s[len(s)-1] == ':' || s == "%3A" || s == "%3a"
		}
	}
	return 0, false
}

// quote returns the quotation mark that b begins with, backslashes before it included.
func quote(b []byte) []byte {
	n := 0
	for n < len(b) && n < 8 && b[n] == '\\' {
		n++
	}
	if n < len(b) && (b[n] == '"' || b[n] == '\'') {
		return b[:n+1]
	}
	for _, s := range []string{"%22", `\x22`} {
		if len(b) >= len(s) && string(b[:len(s)]) == s {
			return b[:len(s)]
		}
	}
	return nil
}

// closing returns where the quotation that began with q ends, len(b) when it does not.
func closing(b []byte, i int, q []byte) int {
	for j := i; j < len(b); j++ {
		if len(q) == 1 && b[j] == '\\' {
			j++ // what is escaped ends nothing
			continue
		}
		if bytes.HasPrefix(b[j:], q) {
			return j
		}
	}
	return len(b)
}

// ends reports whether an unquoted value is over.
func ends(b []byte) bool {
	switch b[0] {
	case '&', ' ', '\t', '\n', '\r', '"', '#', '\\', '`':
		return true
	case '%':
		return len(b) >= 3 && b[1] == '2' && (b[2] == '6' || b[2] == '0' || b[2] == '2' || b[2] == '3') ||
			len(b) >= 5 && b[1] == '2' && b[2] == '5' && b[3] == '2' && b[4] == '6'
	}
	return b[0] < ' '
}

func lineEnd(b []byte) bool {
	return len(b) >= 3 && b[0] == '%' && b[1] == '0' && (lower(b[2]) == 'a' || lower(b[2]) == 'd')
}

// shaped finds a secret that is known by its look.
func shaped(b []byte, w *word, last int) (f found, ok bool) {
	at, end := last+1-len(w.text), last+1
	switch w.kind {
	case isPEM:
		line := b[end:min(len(b), end+40)]
		head := bytes.Index(line, []byte("PRIVATE KEY-----"))
		if head < 0 {
			return f, false
		}
		from := end + head + len("PRIVATE KEY-----")
		if n := bytes.Index(b[from:], []byte("-----END")); n >= 0 {
			return found{from, from + n}, true
		}
		return found{from, len(b)}, true
	case isBearer:
		stop := run(b, end)
		return found{end, stop}, stop-end >= 16
	case isEncodedURL:
		return encodedUserinfo(b, end)
	}
	if at > 0 && isWord(b[at-1]) {
		return f, false
	}
	stop := run(b, at)
	return found{at, stop}, stop-at >= 40
}

// run returns where a run of letters as tokens have them, percent signs included, ends.
func run(b []byte, i int) int {
	for i < len(b) && (isWord(b[i]) || b[i] == '+' || b[i] == '/' || b[i] == '=' || b[i] == '~' ||
		b[i] == '%' && !ends(b[i:])) {
		i++
	}
	return i
}

// userinfo returns where the password begins that ends at the @ at i: scheme://user:password@.
func userinfo(b []byte, i int) (from int, ok bool) {
	colon := -1
	for j := i - 1; j >= 2 && i-j < 256; j-- {
		switch c := b[j]; {
		case c == '/':
			if b[j-1] != '/' || b[j-2] != ':' || colon < 0 {
				return 0, false
			}
			return colon + 1, colon+1 < i
		case c == ':':
			colon = j
		case c <= ' ' || c == '"' || c == '?' || c == '#' || c == '<' && !bytes.HasPrefix(b[j:], []byte(Mark)):
			return 0, false
		}
	}
	return 0, false
}

// encodedUserinfo is userinfo for a URL inside of a query: the password in user%3Apassword%40 at i.
func encodedUserinfo(b []byte, i int) (f found, ok bool) {
	for j := i; j < len(b) && j-i < 256; j++ {
		switch c := b[j]; {
		case c == '%' && hasEncoded(b[j:], "%3a"):
			if f.from == 0 {
				f.from = j + 3
			}
		case c == '%' && hasEncoded(b[j:], "%40"):
			f.to = j
		case c == '%' && (hasEncoded(b[j:], "%2f") || hasEncoded(b[j:], "%3f")), c <= ' ', c == '&', c == '"', c == '#':
			return f, f.from > 0 && f.from < f.to
		}
	}
	return f, f.from > 0 && f.from < f.to
}
