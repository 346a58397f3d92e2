package rule

import (
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"

	"github.com/shrike-sec/shrike/pkg/event"
)

// divider divides a condition at its and, or and not into parts that are compiled each for itself.
type divider struct {
	class  event.Class
	lists  *lists
	source string // as written
	plain  string // the same without comments, as long
}

// divide returns the parts of a condition, which has compiled as a whole.
func (c *condition) divide(class event.Class) *Part {
	d := &divider{class: class, lists: &lists{byID: map[string]*list{}}, source: c.source, plain: blankComments(c.source)}
	for _, l := range c.lists {
		d.lists.byID[l.id] = l
	}
	tree, err := parser.ParseWithConfig(spreadBrackets(d.source), parserConfig())
	if err != nil { // it compiled
		return &Part{Source: c.source, holds: c.holds}
	}
	p := d.part(tree.Node, 0, len(d.source))
	p.holds = c.holds
	return p
}

// part makes a part of a node, whose source lies between the bytes from and to.
func (d *divider) part(n ast.Node, from, to int) *Part {
	from, to = d.trim(from, to)
	p := &Part{Source: d.plain[from:to], holds: d.compile(n)}
	switch n := n.(type) {
	case *ast.UnaryNode:
		at := d.offset(n)
		if (n.Operator == "not" || n.Operator == "!") && at == from { // a not in b stands elsewhere
			p.Operator = "not"
			p.Parts = []*Part{d.part(n.Node, from+len(n.Operator), to)}
			return p
		}
	case *ast.BinaryNode:
		if word := junctionWord(n.Operator); word != "" && strings.HasPrefix(d.plain[d.offset(n):], n.Operator) {
			p.Operator = word
			p.Parts = d.join(nil, n, from, to)
			return p
		}
	}
	for _, name := range fieldsRead(n, nil) {
		if k, bad := parseKey(name, d.class); bad == nil && !hasKey(p.keys, k.Name) {
			p.keys = append(p.keys, k)
		}
	}
	return p
}

// join appends the parts of a chain a and b and c, which expr's parser has as (a and b) and c.
func (d *divider) join(parts []*Part, n *ast.BinaryNode, from, to int) []*Part {
	from, to = d.trim(from, to)
	at := d.offset(n)
	if left, ok := n.Left.(*ast.BinaryNode); ok && junctionWord(left.Operator) == junctionWord(n.Operator) &&
		strings.HasPrefix(d.plain[d.offset(left):], left.Operator) {
		parts = d.join(parts, left, from, at)
	} else {
		parts = append(parts, d.part(n.Left, from, at))
	}
	return append(parts, d.part(n.Right, at+len(n.Operator), to))
}

func junctionWord(operator string) string {
	switch operator {
	case "and", "&&":
		return "and"
	case "or", "||":
		return "or"
	}
	return ""
}

// compile compiles one part for itself.
func (d *divider) compile(n ast.Node) predicate {
	c := &checker{class: d.class, lists: d.lists, source: d.source}
	total := c.condition(n)
	if holds, ok := compileCondition(total); ok {
		return holds
	}
	m, err := newMachine(&parser.Tree{Node: total, Source: file.NewSource(d.source)}, c.fields)
	if err != nil { // it compiled as part of the whole
		return func(scope) bool { return false }
	}
	return func(s scope) bool { return m.holds(s.event) }
}

func (d *divider) offset(n ast.Node) int { return byteOffset(d.source, n.Location().From) }

// trim narrows a stretch of the source by blanks, and by parentheses around the whole of it.
func (d *divider) trim(from, to int) (int, int) {
	for {
		text := d.plain[from:to]
		from += len(text) - len(strings.TrimLeft(text, " \t\r\n"))
		text = strings.TrimSpace(text)
		to = from + len(text)
		if !enclosed(text) {
			return from, to
		}
		from, to = from+1, to-1
	}
}

// enclosed reports whether the text's first parenthesis closes at its end.
func enclosed(text string) bool {
	if !strings.HasPrefix(text, "(") || !strings.HasSuffix(text, ")") {
		return false
	}
	depth := 0
	for i, ch := range []byte(outsideQuotes(text)) {
		switch ch {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i == len(text)-1
			}
		}
	}
	return false
}

// blankComments replaces // comments and /* comments */ by blanks.
func blankComments(source string) string {
	b, plain := []byte(source), outsideQuotes(source)
	for i := 0; i < len(plain); i++ {
		end := 0
		switch {
		case strings.HasPrefix(plain[i:], "//"):
			if end = strings.IndexByte(plain[i:], '\n'); end < 0 {
				end = len(plain) - i
			}
		case strings.HasPrefix(plain[i:], "/*"):
			if end = strings.Index(plain[i:], "*/") + 2; end < 2 {
				end = len(plain) - i
			}
		}
		for range end {
			b[i] = ' '
			i++
		}
	}
	return string(b)
}

// outsideQuotes replaces what stands inside quotes by blanks, byte for byte; comments may have quotes of their own.
func outsideQuotes(source string) string {
	b := []byte(source)
	var quote byte
	for i := 0; i < len(b); i++ {
		switch ch := b[i]; {
		case quote != 0:
			if ch == '\\' && quote != '`' && i+1 < len(b) {
				b[i] = ' '
				i++
			} else if ch == quote {
				quote = 0
				continue
			}
			b[i] = ' '
		case ch == '"' || ch == '\'' || ch == '`':
			quote = ch
		case strings.HasPrefix(source[i:], "//"):
			for i+1 < len(b) && b[i+1] != '\n' {
				i++
			}
		case strings.HasPrefix(source[i:], "/*"):
			if end := strings.Index(source[i+2:], "*/"); end >= 0 {
				i += end + 3
			}
		}
	}
	return string(b)
}

// reads returns what the condition reads of the event: fields and paths below them, as keys are written.
func (c *condition) reads() []string {
	tree, err := parser.ParseWithConfig(spreadBrackets(c.source), parserConfig())
	if err != nil { // it did parse when it was compiled
		return nil
	}
	return fieldsRead(tree.Node, nil)
}

// fieldsRead appends what a node reads of the event: fields and paths below them, as keys are written.
func fieldsRead(n ast.Node, names []string) []string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if event.Lookup(n.Value) != nil {
			names = append(names, n.Value)
		}
	case *ast.MemberNode:
		if rootField(n) {
			return append(names, strings.ReplaceAll(strings.ReplaceAll(n.String(), "?.", "."), "."+every, "[]"))
		}
		names = fieldsRead(n.Node, names)
	case *ast.ChainNode:
		return fieldsRead(n.Node, names)
	case *ast.UnaryNode:
		return fieldsRead(n.Node, names)
	case *ast.BinaryNode:
		return fieldsRead(n.Right, fieldsRead(n.Left, names))
	case *ast.ConditionalNode:
		return fieldsRead(n.Exp2, fieldsRead(n.Exp1, fieldsRead(n.Cond, names)))
	case *ast.PredicateNode:
		return fieldsRead(n.Node, names)
	case *ast.CallNode:
		for _, a := range n.Arguments {
			names = fieldsRead(a, names)
		}
	case *ast.BuiltinNode:
		for _, a := range n.Arguments {
			names = fieldsRead(a, names)
		}
	}
	return names
}

// rootField reports whether a path starts at a field (and not at the element #).
func rootField(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.MemberNode:
		return rootField(n.Node)
	case *ast.ChainNode:
		return rootField(n.Node)
	case *ast.IdentifierNode:
		return event.Lookup(n.Value) != nil
	}
	return false
}
