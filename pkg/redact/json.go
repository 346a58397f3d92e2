package redact

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/format"
)

// maxDepth bounds how deep a document is walked; what lies deeper goes as a whole if there seems to be a secret in it.
const maxDepth = 64

// quotedMark replaces what is no text in JSON.
const quotedMark = `"` + Mark + `"`

// isDocument reports whether b may be a JSON object or array.
func isDocument(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 1 && (b[0] == '{' || b[0] == '[')
}

// walker walks one JSON document and adds its cuts to the redactor's.
type walker struct {
	*Redactor
	b []byte
}

// document adds the cuts of a JSON object or array; false when b is not one, and then there are none.
func (r *Redactor) document(b []byte) bool {
	n := len(r.cuts)
	c := format.NewCursor(b)
	w := walker{r, b}
	w.walk(&c, false, 0)
	if !c.Done() || len(bytes.TrimLeft(b[c.Pos():], " \t\r\n")) > 0 {
		r.cuts = r.cuts[:n]
		return false
	}
	return true
}

// pair is what one object says about {"name": "password", "value": "…"}.
type pair struct {
	named    bool // a member says that the value is a secret
	from, to int  // the value, if it came before the name
}

// walk goes over the members of an object or the elements of an array. secret: they are inside of a secret.
func (w *walker) walk(c *format.Cursor, secret bool, depth int) {
	var p pair
	cuts := len(w.cuts)
	for c.Next() {
		var key []byte
		inside := secret
		first, start := c.First(), c.Pos()
		if c.Object() {
			key = c.Key
			if c.KeyEscaped {
				key = format.AppendUnquoted(nil, key)
			}
			inside = w.inside(key, first, secret) || p.named && holdsIt(key)
		}
		if (first == '{' || first == '[') && depth < maxDepth {
			child, _ := c.Enter()
			w.walk(&child, inside, depth+1)
			c.Leave(&child)
		} else if c.Take() {
			w.leaf(c, inside)
			p.named = p.named || namesIt(key) && first == '"' && w.rules.of(w.content(c)) != none
		} else {
			return
		}
		if holdsIt(key) && !p.named {
			p.from, p.to = start, c.Pos()
		}
	}
	if p.named && p.to > 0 {
		w.whole(p.from, p.to, cuts)
	}
}

// inside reports whether the value of key is secret, given that its object is or is not.
func (w *walker) inside(key []byte, first byte, secret bool) bool {
	switch how := w.rules.of(key); {
	case how == deep, how != none && first != '{':
		return true
	default:
		return secret && !isIdentifier(key)
	}
}

// namesIt and holdsIt tell the two members of a pair: name and value, parameterKey and parameterValue and the like.
func namesIt(key []byte) bool {
	return len(key) >= 3 && (endsWith(key, "name") || endsWith(key, "key"))
}

func holdsIt(key []byte) bool { return endsWith(key, "value") || endsWith(key, "values") }

func endsWith(key []byte, s string) bool {
	return len(key) >= len(s) && strings.EqualFold(string(key[len(key)-len(s):]), s)
}

// content returns the text of the string that was taken.
func (w *walker) content(c *format.Cursor) []byte {
	s := c.Value[1 : len(c.Value)-1]
	if c.Escaped {
		return format.AppendUnquoted(nil, s)
	}
	return s
}

func (w *walker) leaf(c *format.Cursor, secret bool) {
	from, to := c.At, c.At+len(c.Value)
	switch c.Value[0] {
	case 't', 'f', 'n': // nobody's secret is true or false
		return
	case '"':
	case '{', '[': // too deep to be walked
		if secret || w.rules.suspicious(c.Value) {
			w.add(cut{from, to, quotedMark})
		}
		return
	default:
		if secret {
			w.add(cut{from, to, quotedMark})
		}
		return
	}
	text := w.content(c)
	if secret {
		if !blank(text) {
			w.remember(text)
			w.add(cut{from + 1, to - 1, Mark})
		}
		return
	}
	n := len(w.cuts)
	w.text(text)
	switch {
	case len(w.cuts) == n:
	case c.Escaped:
		rest := apply(nil, text, tidy(w.cuts[n:]))
		w.cuts = append(w.cuts[:n], cut{from + 1, to - 1, string(appendEscaped(nil, rest))})
	default:
		for i := range w.cuts[n:] {
			w.cuts[n+i].from += from + 1
			w.cuts[n+i].to += from + 1
		}
	}
}

// whole cuts a value of which only a later member said that it is a secret. first is the object's first cut.
func (w *walker) whole(from, to, first int) {
	v := bytes.TrimRight(w.b[from:to], " \t\r\n")
	switch {
	case v[0] == '"' && !blank(v[1:len(v)-1]):
		w.remember(format.AppendUnquoted(nil, v[1:len(v)-1]))
	case v[0] == '"', v[0] == 't', v[0] == 'f', v[0] == 'n':
		return
	}
	kept := w.cuts[:first]
	for _, c := range w.cuts[first:] {
		if c.from < from || c.to > from+len(v) {
			kept = append(kept, c)
		}
	}
	w.cuts = append(kept, cut{from, from + len(v), quotedMark})
}

const hexDigits = "0123456789abcdef"

// appendEscaped writes text for the inside of a JSON string and changes no byte that need not be escaped.
func appendEscaped(dst, text []byte) []byte {
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
