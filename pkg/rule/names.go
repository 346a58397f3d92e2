package rule

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/shrike-sec/shrike/pkg/event"
)

// builtins are the names that title, runbook and pivots may use beside the keys of the event.
var builtins = []string{"count", "first_event_time", "last_event_time"}

// mistake is a problem of a text before its place in the file is known.
type mistake struct {
	offset  int // bytes into the text
	message string
	hint    string
}

func (m *mistake) Error() string { return m.message }

// ParseKey reads a key (a field, or a path inside an object field) of events of class c; event.None stands for any.
func ParseKey(name string, c event.Class) (Key, error) {
	k, bad := parseKey(name, c)
	if bad != nil {
		return Key{}, bad
	}
	return k, nil
}

func parseKey(name string, c event.Class) (Key, *mistake) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	f, bad := lookupField(name[:end], c)
	if bad != nil {
		if hint := vendorHint(name, c); hint != "" {
			bad.hint = hint
		}
		return Key{}, bad
	}
	path, bad := parsePath(name, end)
	if bad == nil && f.Name == unmappedField {
		var name string
		name, bad = unmappedName(path)
		path = []string{name}
	}
	if bad == nil && len(path) > 0 && f.Type != event.TypeObject {
		bad = &mistake{offset: end, message: fmt.Sprintf("%s is %s: it has no parts", f.Name, kindOf(f)), hint: vendorHint(name, c)}
	}
	if bad != nil {
		return Key{}, bad
	}
	return Key{Name: name, Field: f, Path: path}, nil
}

// lookupField finds a field that rules over class c may name.
func lookupField(name string, c event.Class) (*event.Field, *mistake) {
	f := event.Lookup(name)
	switch {
	case f == nil:
		hint := vendorHint(name, c)
		if hint == "" {
			hint = nearest(name, fieldNames(c))
		}
		return nil, &mistake{message: fmt.Sprintf("unknown field %q", name), hint: hint}
	case f.Meta && f.Name != unmappedField:
		return nil, &mistake{message: fmt.Sprintf("%s is a column of tables, not a field of rules", name)}
	case c != event.None && !f.In(c):
		return nil, &mistake{
			message: fmt.Sprintf("events of class %s have no %s (class %s has)", c, name, classList(f)),
			hint:    nearest(name, fieldNames(c)),
		}
	}
	return f, nil
}

func classList(f *event.Field) string {
	names := make([]string, len(f.Classes))
	for i, c := range f.Classes {
		names[i] = c.String()
	}
	return strings.Join(names, ", ")
}

func fieldNames(c event.Class) []string {
	var names []string
	for _, f := range event.Fields() {
		if !f.Meta && (c == event.None || f.In(c)) {
			names = append(names, f.Name)
		}
	}
	return names
}

func kindOf(f *event.Field) string {
	switch f.Type {
	case event.TypeInt, event.TypeFloat:
		return "a number"
	case event.TypeBool:
		return "a boolean"
	case event.TypeAddr:
		return "an address"
	case event.TypeTime:
		return "a time"
	case event.TypeList:
		return "a list"
	case event.TypeObject:
		return "an object"
	}
	return "text"
}

// parsePath reads what follows the field: .key, ["key"], [0] or [] for every element.
func parsePath(name string, i int) ([]string, *mistake) {
	var path []string
	for i < len(name) {
		rest := name[i:]
		switch {
		case strings.HasPrefix(rest, "[]"):
			path = append(path, "[]")
			i += 2
		case strings.HasPrefix(rest, `["`):
			end := strings.Index(rest, `"]`)
			if end <= 2 {
				return nil, &mistake{offset: i, message: `[" without "]`}
			}
			path = append(path, rest[2:end])
			i += end + 2
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 2 || strings.Trim(rest[1:end], "0123456789") != "" {
				return nil, &mistake{offset: i, message: `in brackets stands a "key", an index, or nothing for every element`}
			}
			path = append(path, rest[1:end])
			i += end + 1
		default:
			key := rest[1:]
			if end := strings.IndexFunc(key, func(r rune) bool {
				return r != '_' && r != '-' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
			}); end >= 0 {
				key = key[:end]
			}
			if rest[0] != '.' || key == "" {
				return nil, &mistake{offset: i, message: fmt.Sprintf(`%q cannot be read as a path: keys are separated by dots, odd ones are written ["key"]`, name)}
			}
			path = append(path, key)
			i += 1 + len(key)
		}
	}
	return path, nil
}

// key reads a YAML scalar as a key of class c.
func (s *source) key(n ast.Node, what string, c event.Class) (Key, bool) {
	name, ok := s.text(n, what)
	if !ok || c == event.None { // without a class nothing can be said about names; its absence is reported already
		return Key{}, false
	}
	k, bad := parseKey(name, c)
	if bad != nil {
		s.report(s.inside(n, name, bad.offset), bad.hint, "%s", bad.message)
		return Key{}, false
	}
	return k, true
}

// keys reads a list of keys.
func (s *source) keys(n ast.Node, what string, read func(ast.Node, string, event.Class) (Key, bool), c event.Class) []Key {
	nodes, ok := s.list(n, what)
	if ok && len(nodes) == 0 {
		s.report(nodePlace(n), "", "%s is an empty list: leave it out, or name something", what)
	}
	var keys []Key
	for _, el := range nodes {
		k, ok := read(el, "each of "+what, c)
		if !ok {
			continue
		}
		if slices.ContainsFunc(keys, k.same) {
			s.report(nodePlace(el), "", "%s names %s twice", what, k.Name)
			continue
		}
		keys = append(keys, k)
	}
	return keys
}

// same reports whether both name the same value, however they are written: request.a is request["a"].
func (k Key) same(o Key) bool {
	return k.Name == o.Name || k.Field != nil && k.Field == o.Field && slices.Equal(k.Path, o.Path)
}

func hasKey(keys []Key, name string) bool {
	for _, k := range keys {
		if k.Name == name {
			return true
		}
	}
	return false
}

// placeholder is one {name} or {name:Type} of a text.
type placeholder struct {
	offset int
	name   string
	sql    string // Type, "" when there is none
}

func placeholders(text string, typed bool) []placeholder {
	var found []placeholder
	for i := 0; i < len(text); {
		open := strings.IndexByte(text[i:], '{')
		if open < 0 {
			break
		}
		open += i
		end := strings.IndexByte(text[open:], '}')
		if end < 0 {
			break
		}
		p := placeholder{offset: open, name: text[open+1 : open+end]}
		if colon := strings.LastIndexByte(p.name, ':'); typed && colon >= 0 {
			p.name, p.sql = p.name[:colon], p.name[colon+1:]
		}
		found = append(found, p)
		i = open + end + 1
	}
	return found
}

// naming finds what a name in title, runbook or pivots stands for: a key, or with no Field a word of the rule's kind. It is nil
// when nothing can be said about names.
type naming func(name string) (Key, *mistake)

// template reads a text with {name} places and returns the keys that it names.
func (s *source) template(n ast.Node, what string, names naming) (Template, []Key) {
	text, ok := s.text(n, what)
	if !ok {
		return Template{}, nil
	}
	return ParseTemplate(text), s.placeholderKeys(n, text, placeholders(text, false), names)
}

func (s *source) placeholderKeys(n ast.Node, text string, places []placeholder, names naming) []Key {
	var keys []Key
	for _, p := range places {
		if contains(builtins, p.name) || names == nil {
			continue
		}
		k, bad := names(p.name)
		if bad != nil {
			hint := bad.hint
			if h := nearest(p.name, builtins); hint == "" {
				hint = h
			}
			s.report(s.inside(n, text, p.offset+1), hint, "%s", bad.message)
			continue
		}
		if k.Field != nil { // else a name that the kind gives
			keys = append(keys, k)
		}
	}
	return keys
}

// inside returns the place of a byte of a scalar's text in the file, or the scalar's own where YAML folded the text.
func (s *source) inside(n ast.Node, text string, offset int) place {
	offset = min(offset, len(text))
	if lit, ok := n.(*ast.LiteralNode); ok {
		return s.insideBlock(lit, text, offset)
	}
	at := nodePlace(n)
	if t := n.GetToken().Type; t == token.DoubleQuoteType || t == token.SingleQuoteType {
		at.column++
	}
	if at.line > len(s.lines) || strings.Contains(text, "\n") {
		return nodePlace(n)
	}
	if runes := []rune(s.lines[at.line-1]); at.column-1 > len(runes) || !strings.HasPrefix(string(runes[at.column-1:]), text) {
		return nodePlace(n)
	}
	at.column += utf8.RuneCountInString(text[:offset])
	return at
}

// insideBlock does it for block scalars: their text starts on the next line, behind the block's indentation.
func (s *source) insideBlock(n *ast.LiteralNode, text string, offset int) place {
	start := placeOf(n.Start)
	if !strings.HasPrefix(n.Start.Value, "|") {
		return start
	}
	before := text[:offset]
	line := start.line + 1 + strings.Count(before, "\n")
	before = before[strings.LastIndexByte(before, '\n')+1:]
	if line > len(s.lines) {
		return start
	}
	whole, _, _ := strings.Cut(text[offset-len(before):], "\n")
	indent := len(s.lines[line-1]) - len(strings.TrimSuffix(s.lines[line-1], "\r")) // 0, or 1 with CRLF
	indent = len(s.lines[line-1]) - indent - len(whole)
	if indent < 0 || s.lines[line-1][indent:indent+len(whole)] != whole {
		return start
	}
	return place{line, indent + utf8.RuneCountInString(before) + 1}
}
