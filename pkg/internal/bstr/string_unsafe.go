//go:build !purego

package bstr

import "unsafe"

// String returns b as text that shares its memory. Whoever owns b must not change it while the text is in use, and
// whoever keeps the text longer than that clones it.
func String(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
