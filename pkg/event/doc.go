// Package event is the normalised log record and the table of all its fields.
//
// One table (fields.go) defines every field: name, classes, type, unit, meaning, ECS and OCSF name. Rules,
// ClickHouse columns, documents and "did you mean" hints all come from it; the name in a rule is the column
// name in SQL. Names follow ../../ARCHITECTURE.md: snake_case, prefix says whose, suffix says what.
//
// Start reading at Event, then fields.go. Formats fill events, match reads them, store writes them; this package
// knows none of the three.
package event
