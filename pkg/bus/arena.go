package bus

// arena gives out copies of byte slices from a few large chunks instead of many small ones. The chunks live as
// long as any copy.
type arena struct{ chunk []byte }

const chunkBytes = 256 << 10

// copy returns b's bytes in memory of the arena; nil stays nil.
func (a *arena) copy(b []byte) []byte {
	if b == nil {
		return nil
	}
	out := a.take(len(b))
	copy(out, b)
	return out
}

// take returns n bytes that nobody else has, and that cannot grow into the next ones.
func (a *arena) take(n int) []byte {
	if n > cap(a.chunk)-len(a.chunk) {
		a.chunk = make([]byte, 0, max(chunkBytes, n))
	}
	from := len(a.chunk)
	a.chunk = a.chunk[:from+n]
	return a.chunk[from : from+n : from+n]
}
