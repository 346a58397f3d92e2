package alert

import (
	_ "embed" // for the schema
	"slices"
)

//go:embed alert.schema.json
var schema []byte

// Schema returns the JSON Schema (draft 2020-12) of an alert's JSON. The caller owns the copy.
func Schema() []byte { return slices.Clone(schema) }
