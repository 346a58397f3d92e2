//go:build purego

package bstr

// String returns a copy of b as text.
func String(b []byte) string { return string(b) }
