// Package detections holds Shrike's own rules, lists and hunts as files, embedded into the program.
//
// A pack is a folder of rules; lists/ are the lists that rules name, hunts/ are named queries. The files are the
// product: README.md is the table of rules and is kept true by a test, STYLE.md says what a good rule looks like. The
// package knows nothing of how rules are read; give FS to rule.LoadFS.
package detections

import "embed"

// FS holds the packs aws-core, vpc-flow, access-logs and chains, and the folders lists and hunts.
//
//go:embed aws-core vpc-flow access-logs chains lists hunts
var FS embed.FS

// Schemas holds JSON Schemas (2020-12) for editors: rule.schema.json, list.schema.json and exception.schema.json.
//
//go:embed rule.schema.json list.schema.json exception.schema.json
var Schemas embed.FS
