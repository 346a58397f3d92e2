// Package yamltree parses YAML that somebody typed: goccy's parser without its panics, and without the nesting that it
// takes minutes for. It knows nothing of rules; text enters, a syntax tree or one error with its token leaves. Start at
// Parse.
package yamltree

import (
	"errors"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Parse returns the file's syntax tree. An error is of type *yaml.SyntaxError where it has a place.
func Parse(text []byte) (file *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("this is not YAML")
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if t := tooDeep(tokens); t != nil {
		return nil, &yaml.SyntaxError{Message: "lists and mappings are nested too deep", Token: t}
	}
	return parser.Parse(tokens, 0)
}

// maxDepth is how deep lists and mappings may nest. The YAML parser takes minutes for thousands of levels.
const maxDepth = 50

// tooDeep returns the token that goes below maxDepth, nil when none does.
func tooDeep(tokens token.Tokens) *token.Token {
	depth, entries, line := 0, 0, 0
	for _, t := range tokens {
		if t.Position != nil && t.Position.Line != line {
			line, entries = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType: // - - - -: each is a list in the one before
			entries++
		}
		if depth > maxDepth || entries > maxDepth {
			return t
		}
	}
	return nil
}
