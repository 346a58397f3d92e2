// Package yamltree parses YAML that somebody typed: goccy's parser without its panics, and without the nesting that it
// takes minutes for. It knows nothing of rules; text enters, a syntax tree or one error with its token leaves. Start at
// Parse.
package yamltree

import (
	"errors"
	"strings"

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
	file, err = parser.Parse(tokens, 0)
	if t := colonInKey(tokens); t != nil && err == nil {
		return nil, &yaml.SyntaxError{Message: "a key in { } with a colon in it stands between quotes; other colons have a blank behind them", Token: t}
	}
	if syntax, ok := errors.AsType[*yaml.SyntaxError](err); ok {
		if open := openQuote(tokens, syntax.Token); open != nil {
			return nil, &yaml.SyntaxError{Message: "the text that begins here ends several lines on: is its closing quote missing?", Token: open}
		}
	}
	return file, err
}

// colonInKey returns a colon that goccy's lexer takes for the end of a key of { } and YAML for a part of it, as in { a:b: c },
// nil when there is none: what is read must be what any other YAML parser reads.
func colonInKey(tokens token.Tokens) *token.Token {
	var open []token.Type // brackets
	for i, t := range tokens {
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			open = append(open, t.Type)
		case token.MappingEndType, token.SequenceEndType:
			open = open[:max(0, len(open)-1)]
		case token.MappingValueType:
			if len(open) == 0 || open[len(open)-1] != token.MappingStartType || i == 0 || i+1 == len(tokens) {
				continue
			}
			before, next := tokens[i-1].Type, tokens[i+1]
			plain := before != token.DoubleQuoteType && before != token.SingleQuoteType // "a":1 is as in JSON
			switch next.Type {
			case token.MappingEndType, token.CollectEntryType, token.MappingStartType, token.SequenceStartType:
			default:
				if plain && next.Position.Line == t.Position.Line && next.Position.Column == t.Position.Column+1 {
					return t
				}
			}
		}
	}
	return nil
}

// openQuote returns the text in quotes that begins on a line before the token at which the parser gave up and ends on its line,
// nil when there is none. It is then the text that is wrong, not what follows it.
func openQuote(tokens token.Tokens, at *token.Token) *token.Token {
	if at == nil || at.Position == nil {
		return nil
	}
	for _, t := range tokens {
		if t.Type != token.DoubleQuoteType && t.Type != token.SingleQuoteType || t.Position == nil {
			continue
		}
		lines := strings.Count(strings.TrimRight(t.Origin, " \n"), "\n")
		if last := t.Position.Line + lines; lines > 0 && t.Position.Line < at.Position.Line && (last == at.Position.Line || last+1 == at.Position.Line) {
			return t
		}
	}
	return nil
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
