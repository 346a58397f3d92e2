// Package redact cuts secrets out of what is stored and shown.
//
// Rules are matched on the record as it came; what leaves the process afterwards (rows, raw bytes, samples of alerts,
// dead letters, what the commands print) has Mark in the place of each secret. A secret is known by the name it goes
// by (list.go: session tokens, passwords, private keys, signatures of presigned URLs …; the configuration adds names),
// by its place in a URL (user:password@host) or by its shape (PEM, JWT). A secret that was found once in a record is
// cut out wherever else in that record it stands. Ids, also access key ids, are not secrets: hunts join on them.
//
// A record without any of the names costs one pass over its bytes and no memory. Raw bytes that are JSON stay JSON. The
// event's id is that of the original. Names are looked for as written: a name of which letters are themselves encoded
// (%70assword) is not seen.
//
// Start reading at Redactor.Event, then list.go. This package knows no format; it does not keep what it is given.
package redact
