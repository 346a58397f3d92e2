// Package migrations is the schema of ClickHouse as its history: SQL files that store.Migrate applies in the order of
// their numbers, each once. Files that were released do not change; a new field is a new file with the ALTER that the
// test of pkg/store prints. Every statement must hold IF NOT EXISTS or IF EXISTS, because two processes may run it at
// once, and ends with a semicolon at the end of a line.
package migrations

import "embed"

// Files holds the *.sql files.
//
//go:embed *.sql
var Files embed.FS
