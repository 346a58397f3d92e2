package redact

import (
	"encoding/binary"
	"strings"
)

// anchor is how many last bytes of each word the search table knows: the length of the shortest word. It looks at gram
// bytes together; of stride neighbouring grams one is in every anchor.
const (
	anchor = 6
	gram   = 3
	stride = anchor - gram + 1
)

type wordKind uint8

const (
	isName wordKind = iota
	isPEM
	isJWT
	isSession
	isBearer
	isEncodedURL // scheme%3A%2F%2F
)

// word is one text that a record with a secret holds, in lower case. A name is one with the byte behind it, so that the
// many names that only begin so (secretsmanager, SignatureVersion) are passed over.
type word struct {
	text string
	kind wordKind
	next uint16 // 1 + index of the next word whose anchor ends alike
}

// words finds any of many words at once, without regard to case: it looks at every fourth place of a text and asks a table
// whether the three bytes there are in the anchor of any word. (Wu and Manber's search looks at as few places, but where it
// looks next depends on what it saw, and the processor waits: half as fast. A loop of bytes.Contains takes twenty times as
// long.)
type words struct {
	list []word
	any  [1 << 15]bool   // by a gram's hash: it is in an anchor
	last [1 << 15]uint16 // by the hash of an anchor's last gram: 1 + index of the first such word
}

// hash takes a text's next four bytes, as a little-endian number, and hashes the first three, letters without case.
func hash(x uint32) uint32 { return (x & 0x5f5f5f) * 0x9e3779b1 >> 17 }

func hash3(s string) uint32 { return hash(uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16) }

// addName adds a name of at least anchor-1 letters that may end other names.
func (w *words) addName(spaced string) {
	for _, joint := range []string{"", "_", "-", "."} {
		name := strings.ReplaceAll(spaced, " ", joint)
		for _, behind := range []string{`"`, "=", ":", `\`, "%", " ", "'", "]", "["} {
			w.list = append(w.list, word{text: name + behind})
		}
		if name == spaced {
			return
		}
	}
}

// addExact adds a short name with more of what stands around it. What is written with "=" is found by that (see eachName).
func (w *words) addExact(name string) {
	for _, around := range []string{
		`"` + name + `":`, `"` + name + `" `, `"` + name + `",`, `"` + name + `"}`, `"` + name + `\"`, name + "%3d", name + `\u003d`, name + "%253d",
	} {
		if len(around) >= anchor {
			w.list = append(w.list, word{text: around})
		}
	}
}

func (w *words) addShapes() {
	w.list = append(w.list,
		word{text: "-----begin ", kind: isPEM},
		word{text: "eyjhbgci", kind: isJWT}, word{text: "eyj0exai", kind: isJWT}, word{text: "eyjrawqi", kind: isJWT},
		word{text: "iqojb3jpz2lu", kind: isSession}, word{text: "fwogzxivyxdz", kind: isSession},
		word{text: "bearer ", kind: isBearer}, word{text: "%3a%2f%2f", kind: isEncodedURL})
}

// build fills the tables once all words are there.
func (w *words) build() {
	for i := range w.list {
		text := w.list[i].text
		text = text[len(text)-anchor:]
		for at := range stride {
			w.any[hash3(text[at:])] = true
		}
		h := hash3(text[anchor-gram:])
		w.list[i].next = w.last[h]
		w.last[h] = uint16(i + 1)
	}
}

// next returns the first word whose last byte is at or behind from, and where that is; nil when there is none.
func (w *words) next(b []byte, from int) (found *word, last int) {
	p := max(0, from-anchor+1)
	for ; p+4 <= len(b); p += stride {
		if !w.any[hash(binary.LittleEndian.Uint32(b[p:]))] {
			continue
		}
		for last := max(p+gram-1, from); last < min(p+anchor, len(b)); last++ {
			if found := w.endingAt(b, last); found != nil {
				return found, last
			}
		}
	}
	for last := max(p+gram-1, from); last < len(b); last++ {
		if found := w.endingAt(b, last); found != nil {
			return found, last
		}
	}
	return nil, 0
}

func (w *words) endingAt(b []byte, last int) *word {
	if last < anchor-1 {
		return nil
	}
	h := hash(uint32(b[last-2]) | uint32(b[last-1])<<8 | uint32(b[last])<<16)
	for n := w.last[h]; n > 0; n = w.list[n-1].next {
		if word := &w.list[n-1]; last+1 >= len(word.text) && equalFold(b[last+1-len(word.text):last+1], word.text) {
			return word
		}
	}
	return nil
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func equalFold(b []byte, text string) bool {
	for i := range len(text) {
		if lower(b[i]) != text[i] {
			return false
		}
	}
	return true
}
