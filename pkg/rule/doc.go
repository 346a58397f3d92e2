// Package rule reads rules: YAML and expr in, compiled and indexed conditions out.
//
// Load reads files and folders, reports all problems at once with file, line and column, and returns a Set. A Set knows
// which rules an event can match (index.go) and whether it does (compile.go); it is immutable, so a reload swaps sets.
// Matching allocates nothing, cannot fail, and has no clock. Nothing but this package imports expr. Start reading at
// Rule, then load.go.
package rule
