// Package formattest is the test suite that every format runs: golden cases and the Parser contract.
//
// A format's test calls Run with its Spec and a folder of cases. A case is a folder with `input` (bytes as a source
// would read them: lines, a document, gzip …) and `want.jsonl` (one line a result: an event as event.AppendJSON
// writes it, {"control":true}, or {"dead_letter":reason,"detail":…}); an optional `layout` names the columns.
// `go test ./pkg/format/<name> -update` rewrites the want files: read the difference before committing it.
// Only tests import this package. Start reading at Run.
package formattest
