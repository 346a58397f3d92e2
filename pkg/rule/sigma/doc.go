// Package sigma translates Sigma rules, correlations and filters (specification 2.1) into rules of ours.
//
// Import takes the text of files and returns rule files, each a text that a person could have written, and for each Sigma
// rule that has no equal among our rules the reason, with its place. Semantics are kept, not approximated (docs/SIGMA.md names
// the few fields where ours say more): what would match
// more or less than Sigma says is refused. It knows no files but through Read, and nothing of logs: fields of log sources
// are mapped by tables (fields.go), on what our parsers make of them.
//
// The way of a rule: tree.go reads YAML, document.go takes documents apart, detection.go and item.go compile selections
// (placeholder.go, pattern.go and transform.go what values mean, operand.go, text.go, target.go and reference.go how fields
// are asked), condition.go compiles the condition over them, expression.go lays it out, write.go writes the file.
// compiled.go maps old aggregations on kinds, correlation.go correlations.
// Start reading at Import.
package sigma
