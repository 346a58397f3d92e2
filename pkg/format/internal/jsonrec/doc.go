// Package jsonrec fills events from JSON records by a table: which member goes to which field, and what has no field
// goes to unmapped under its dotted path.
//
// A format lists its members once with At and makes a Schema of them; a Walker, one a parser, goes over a record with
// format.Cursor, each byte once, validating it. What depends on several members a format notes (Note) and works out
// after the walk. A value that does not fit its field is unmapped too, so that nothing is lost and nothing guessed.
// It knows no vendor. Start reading at Schema, then walk.go.
package jsonrec
