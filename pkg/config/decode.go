package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds the file: the YAML parser recurses on nesting, which only a bound on the length bounds.
const maxFile = 256 << 10

type position struct{ line, column int }

// decoder lays a file over a Config. It is a walk of its own over the syntax tree instead of the library's Decode,
// which stops at the first error and loses the position of errors inside values.
type decoder struct {
	name     string
	data     string
	lines    []string
	env      func(string) (string, bool)
	problems Problems
	stated   map[string]position // by path: where the file states it
	broken   map[string]struct{} // paths whose value could not be taken
}

func newDecoder(name string, data []byte, env func(string) (string, bool)) *decoder {
	text := strings.TrimPrefix(string(data), "\ufeff")
	return &decoder{
		name: name, data: text, lines: strings.Split(text, "\n"), env: env,
		stated: map[string]position{}, broken: map[string]struct{}{},
	}
}

func (d *decoder) report(at position, message, hint string) {
	p := Problem{File: d.name, Line: at.line, Column: at.column, Message: message, Hint: hint}
	if at.line >= 1 && at.line <= len(d.lines) {
		p.Excerpt = strings.TrimRight(strings.ToValidUTF8(d.lines[at.line-1], "?"), "\r")
	}
	d.problems = append(d.problems, p)
}

// reject reports a value that could not be taken.
func (d *decoder) reject(path string, n ast.Node, message string) {
	d.broken[path] = struct{}{}
	d.report(where(n), message, "")
}

// nearest returns where the file states the path or the closest part above it.
func (d *decoder) nearest(path string) position {
	for {
		if at, ok := d.stated[path]; ok {
			return at
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			return position{1, 1}
		}
		path = path[:i]
	}
}

func where(n ast.Node) position {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return position{1, 1}
	}
	p := n.GetToken().Position
	return position{max(1, p.Line), max(1, p.Column)}
}

func (d *decoder) file(cfg *Config) {
	if len(d.data) > maxFile {
		d.report(position{1, 1}, fmt.Sprintf("the file is longer than %d bytes", maxFile), "")
		return
	}
	if !utf8.ValidString(d.data) {
		d.report(position{1, 1}, "the file is not UTF-8", "")
		return
	}
	tree, err := parse(d.data)
	if err != nil {
		at, message := position{1, 1}, err.Error()
		if syntax, ok := errors.AsType[yaml.Error](err); ok {
			message = syntax.GetMessage()
			if t := syntax.GetToken(); t != nil && t.Position != nil {
				at = position{max(1, t.Position.Line), max(1, t.Position.Column)}
			}
		}
		d.report(at, message, "")
		return
	}
	seen := false
	for _, doc := range tree.Docs {
		if doc.Body == nil {
			continue
		}
		if seen {
			d.report(where(doc.Body), "the file holds more than one document", "")
			return
		}
		seen = true
		d.value("", doc.Body, reflect.ValueOf(cfg).Elem())
	}
}

// parse guards against the library's panics on malformed input, of which its fuzzers find one now and then.
func parse(text string) (tree *ast.File, err error) {
	defer func() {
		if p := recover(); p != nil {
			tree, err = nil, fmt.Errorf("not YAML: %v", p)
		}
	}()
	return parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
}

// value lays the node over v. A key without a value leaves the default.
func (d *decoder) value(path string, n ast.Node, v reflect.Value) {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.reject(path, n, "anchors, aliases and tags are not supported")
		return
	}
	if s, ok := reflect.TypeAssert[scalar](v.Addr()); ok {
		if text, ok := d.text(path, n); ok {
			if err := s.parse(text); err != nil {
				d.reject(path, n, err.Error())
			}
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.mapping(path, n, v)
	case reflect.Slice:
		d.sequence(path, n, v)
	case reflect.Pointer:
		fresh := reflect.New(v.Type().Elem())
		if s, ok := reflect.TypeAssert[interface{ setDefaults() }](fresh); ok {
			s.setDefaults()
		}
		v.Set(fresh)
		d.value(path, n, fresh.Elem())
	default:
		if text, ok := d.text(path, n); ok {
			if err := setBasic(v, text); err != nil {
				d.reject(path, n, err.Error())
			}
		}
	}
}

func (d *decoder) mapping(path string, n ast.Node, v reflect.Value) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		if single, is := n.(*ast.MappingValueNode); is {
			m = &ast.MappingNode{Values: []*ast.MappingValueNode{single}}
		} else {
			d.reject(path, n, "expected keys and values, one of "+strings.Join(keys(v.Type()), ", "))
			return
		}
	}
	seen := map[string]bool{}
	for _, pair := range m.Values {
		name := pair.Key.GetToken().Value
		at := name
		if path != "" {
			at = path + "." + name
		}
		i := fieldOf(v.Type(), name)
		switch {
		case i < 0:
			hint := closest(name, keys(v.Type()))
			message := fmt.Sprintf("unknown key %q", name)
			if hint == "" {
				message += ", not one of " + strings.Join(keys(v.Type()), ", ")
			}
			d.broken[at] = struct{}{}
			d.report(where(pair.Key), message, hint)
		case seen[name]:
			d.reject(at, pair.Key, fmt.Sprintf("key %q is already set", name))
		default:
			seen[name] = true
			d.stated[at] = where(pair.Key)
			d.value(at, pair.Value, v.Field(i))
		}
	}
}

func (d *decoder) sequence(path string, n ast.Node, v reflect.Value) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		d.reject(path, n, "expected a list: [a, b]")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(list.Values), len(list.Values))
	for i, e := range list.Values {
		at := item(path, i)
		d.stated[at] = where(e)
		if _, null := e.(*ast.NullNode); null || e == nil {
			d.reject(at, list, "an element of the list is empty")
			continue
		}
		d.value(at, e, out.Index(i))
	}
	if out.Len() > 0 {
		v.Set(out)
	} else {
		v.SetZero() // [] and a missing list are the same
	}
}

// text returns a scalar's text with the environment put in.
func (d *decoder) text(path string, n ast.Node) (string, bool) {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		text = n.GetToken().Value
	default:
		joined, ok := unsplit(n)
		if !ok {
			d.reject(path, n, "expected a single value")
			return "", false
		}
		text = joined
	}
	text, err := expand(text, d.env)
	if err != nil {
		d.reject(path, n, err.Error())
		return "", false
	}
	if !utf8.ValidString(text) {
		d.reject(path, n, "the value is not UTF-8")
		return "", false
	}
	return text, true
}

// unsplit undoes a fault of the YAML library, which takes kafka:9092 for key and value in a list inside of braces,
// although no space follows the colon.
func unsplit(n ast.Node) (string, bool) {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) == 1 && !strings.HasPrefix(m.Start.Value, "{") {
		n = m.Values[0]
	}
	pair, ok := n.(*ast.MappingValueNode)
	if !ok || pair.Value == nil {
		return "", false
	}
	key, colon, value := where(pair.Key), pair.Start.Position, where(pair.Value)
	switch pair.Value.(type) {
	case *ast.StringNode, *ast.IntegerNode:
	default:
		return "", false
	}
	k, v := pair.Key.GetToken().Value, pair.Value.GetToken().Value
	adjacent := key.line == colon.Line && colon.Line == value.line && key.column+len(k) == colon.Column && colon.Column+1 == value.column
	return k + ":" + v, adjacent
}

func setBasic(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("expected true or false, not %q", text)
		}
		v.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("expected a whole number, not %q", text)
		}
		v.SetInt(n)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("expected a number, not %q", text)
		}
		v.SetFloat(f)
	default:
		panic("BUG: no decoding for " + v.Type().String())
	}
	return nil
}

func fieldOf(t reflect.Type, key string) int {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == key {
			return i
		}
	}
	return -1
}

func keys(t reflect.Type) []string {
	out := make([]string, t.NumField())
	for i := range out {
		out[i] = t.Field(i).Tag.Get("yaml")
	}
	return out
}
