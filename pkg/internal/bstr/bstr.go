// Package bstr looks at bytes as text without copying them.
//
// It is the one place for unsafe: a record's texts alias its bytes, which for CloudTrail saves a third of the time of
// parsing, most of it garbage collection (BenchmarkParse in format/cloudtrail, with and without the build tag purego,
// which copies). Start reading at String.
package bstr
