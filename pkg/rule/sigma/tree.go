package sigma

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/shrike-sec/shrike/pkg/rule/internal/yamltree"
)

// place is a position in a file; both members count from 1.
type place struct{ line, column int }

// refusal says why something cannot be imported, and where that stands.
type refusal struct {
	at      place
	message string
	hint    string
}

// Error returns the message alone.
func (r *refusal) Error() string { return r.message }

func refuse(at place, message string, args ...any) error {
	return &refusal{at: at, message: fmt.Sprintf(message, args...)}
}

type kind uint8

const (
	null kind = iota
	scalar
	list
	mapping
)

// node is one value of a YAML document.
type node struct {
	kind   kind
	at     place
	text   string // of a scalar
	number bool   // a scalar written as a number
	truth  bool   // a scalar written true or false
	inline bool   // the text stands in the file as it is, from at on
	items  []*node
	pairs  []pair
}

type pair struct {
	key   string
	at    place
	value *node
}

// parse returns the documents of a file.
func parse(text []byte) ([]*node, error) {
	if !utf8.Valid(text) {
		return nil, refuse(place{1, 1}, "the file is not UTF-8")
	}
	text = bytes.ReplaceAll(bytes.TrimPrefix(text, []byte("\ufeff")), []byte("\r\n"), []byte("\n")) // editors' habits
	file, err := yamltree.Parse(text)
	if err != nil {
		at, message := place{1, 1}, err.Error()
		if bad, ok := errors.AsType[*yaml.SyntaxError](err); ok {
			at, message = placeOf(bad.Token), bad.Message
		}
		message, _, _ = strings.Cut(message, "\n")
		return nil, refuse(at, "%s", message)
	}
	var docs []*node
	for _, d := range file.Docs {
		if d.Body == nil || d.Body.Type() == ast.CommentType {
			continue
		}
		n, err := convert(d.Body)
		if err != nil {
			return nil, err
		}
		docs = append(docs, n)
	}
	return docs, nil
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}

// convert makes a node of a syntax tree, refusing what Sigma has no use for: aliases, tags, keys that are no text.
func convert(n ast.Node) (*node, error) {
	if n == nil {
		return &node{at: place{1, 1}}, nil
	}
	at := placeOf(n.GetToken())
	switch n := n.(type) {
	case *ast.NullNode:
		return &node{at: at}, nil
	case *ast.StringNode:
		return stringNode(n, at), nil
	case *ast.LiteralNode:
		return &node{kind: scalar, at: placeOf(n.Start), text: strings.TrimRight(n.Value.Value, "\n")}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return &node{kind: scalar, at: at, text: n.GetToken().Value, number: true, inline: true}, nil
	case *ast.BoolNode:
		return &node{kind: scalar, at: at, text: strings.ToLower(n.GetToken().Value), truth: true, inline: true}, nil
	case *ast.MappingNode:
		return convertPairs(n.Values, at)
	case *ast.MappingValueNode:
		return convertPairs([]*ast.MappingValueNode{n}, at)
	case *ast.SequenceNode:
		l := &node{kind: list, at: at}
		for _, v := range n.Values {
			item, err := convert(v)
			if err != nil {
				return nil, err
			}
			l.items = append(l.items, item)
		}
		return l, nil
	}
	return nil, refuse(at, "Sigma has no use for this in YAML: anchors, aliases and tags are not read")
}

func stringNode(n *ast.StringNode, at place) *node {
	quoted := n.Token.Type == token.DoubleQuoteType || n.Token.Type == token.SingleQuoteType
	if quoted {
		at.column++
	}
	plain := !quoted || !strings.ContainsAny(n.Value, "\\\"'\n")
	return &node{kind: scalar, at: at, text: n.Value, inline: plain}
}

// maxKeys bounds a mapping; a rule of Sigma's has tens.
const maxKeys = 2000

func convertPairs(values []*ast.MappingValueNode, at place) (*node, error) {
	m := &node{kind: mapping, at: at}
	if len(values) > 0 && values[0].Key != nil {
		m.at = placeOf(values[0].Key.GetToken())
	}
	if len(values) > maxKeys {
		return nil, refuse(at, "a mapping has at most %d keys", maxKeys)
	}
	for _, v := range values {
		key, err := convert(v.Key)
		if err != nil {
			return nil, err
		}
		where := placeOf(v.Key.GetToken())
		if key.kind != scalar {
			return nil, refuse(where, "a key must be text")
		}
		if m.get(key.text) != nil {
			return nil, refuse(where, "%s is given twice", key.text)
		}
		value, err := convert(v.Value)
		if err != nil {
			return nil, err
		}
		m.pairs = append(m.pairs, pair{key.text, where, value})
	}
	return m, nil
}

// get returns the value of a key, nil when there is none or n is no mapping.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	for _, p := range n.pairs {
		if p.key == key {
			return p.value
		}
	}
	return nil
}

// textOf returns the text of a key's value, "" when there is none.
func (n *node) textOf(key string) string {
	if v := n.get(key); v != nil && v.kind == scalar {
		return strings.TrimSpace(v.text)
	}
	return ""
}

// textsOf returns the texts of a key's value: a list, or one text.
func (n *node) textsOf(key string) []string {
	v := n.get(key)
	if v == nil {
		return nil
	}
	var texts []string
	for _, item := range v.each() {
		if item.kind == mapping && len(item.pairs) == 1 { // - Deployments: by whoever may
			item = &node{kind: scalar, text: item.pairs[0].key + ": " + item.pairs[0].value.text}
		}
		if text := strings.TrimSpace(item.text); item.kind == scalar && text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// each returns the items of a list, and anything else as the list of itself.
func (n *node) each() []*node {
	if n.kind == list {
		return n.items
	}
	return []*node{n}
}

// within returns the place of a byte of a scalar's text, the scalar's own where the file has it otherwise.
func (n *node) within(offset int) place {
	if !n.inline || offset > len(n.text) {
		return n.at
	}
	return place{n.at.line, n.at.column + utf8.RuneCountInString(n.text[:offset])}
}

// merged is n over what stands in base: mappings are joined key by key, all else of n replaces that of base.
func merged(base, n *node) *node {
	if base == nil || base.kind != mapping || n.kind != mapping {
		return n
	}
	m := &node{kind: mapping, at: n.at}
	for _, p := range base.pairs {
		if over := n.get(p.key); over != nil {
			p.value = merged(p.value, over)
		}
		m.pairs = append(m.pairs, p)
	}
	for _, p := range n.pairs {
		if base.get(p.key) == nil {
			m.pairs = append(m.pairs, p)
		}
	}
	return m
}
