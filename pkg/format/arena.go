package format

import "strings"

// arenaChunk is how many bytes of text one allocation serves.
const arenaChunk = 64 << 10

// Arena turns bytes into texts with one allocation for many records and without unsafe: texts are parts of chunks that
// are only ever appended to, so that they stay right for as long as anybody holds them. What holds one keeps a whole
// chunk alive; Clone what is kept for long. The zero value is ready to use.
type Arena struct{ b strings.Builder }

// Text returns a copy of b as text.
func (a *Arena) Text(b []byte) string {
	start := a.room(len(b))
	a.b.Write(b)
	return a.b.String()[start:]
}

// Join returns the parts as one text.
func (a *Arena) Join(parts ...string) string {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	start := a.room(n)
	for _, p := range parts {
		a.b.WriteString(p)
	}
	return a.b.String()[start:]
}

// room makes space for n bytes more and returns where they begin.
func (a *Arena) room(n int) int {
	if a.b.Cap()-a.b.Len() < n {
		a.b.Reset()
		a.b.Grow(max(arenaChunk, n))
	}
	return a.b.Len()
}
