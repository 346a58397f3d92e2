// Package bstr looks at bytes as text without copying them.
//
// It is the one place for unsafe: a record's texts alias its bytes. A parser that copies them takes a quarter to a half
// longer for each record, most of it garbage collection (BenchmarkParse in the packages below format). Start reading at
// String.
package bstr

import "unsafe"

// String returns b as text that shares its memory. Whoever owns b must not change it while the text is in use, and
// whoever keeps the text longer than that clones it.
func String(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
