package rule

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule/awsapi"
)

// awsCall is what the name of a call looks like at AWS; those of others have dots, slashes and blanks.
var awsCall = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// apiVersion is what some names of calls end in as they are delivered: UpdateFunctionCode20150331v2, CreateDistribution2020_05_31.
var apiVersion = regexp.MustCompile(`((19|20)\d{6}(v\d+)?|_?(19|20)\d\d_\d\d_\d\d)$`)

// checkEventName: what event_name is compared with is a call of AWS and, where the condition says of which service, of that.
func checkEventName(l *linter, r *Rule) {
	l.eachLiteral(r, func(at site, lit literal) {
		name := lit.node.Value
		if lit.field.Name != "event_name" || name == "" || !awsCall.MatchString(name) {
			return
		}
		calls := l.awsCalls()
		switch {
		case lit.prefix:
			if !slices.ContainsFunc(calls.All(), func(call string) bool { return strings.HasPrefix(call, name) }) {
				l.warnIn(at, lit.node, "", "no call of AWS starts with %q", name)
			}
		case len(lit.sources) == 0:
			if plain := apiVersion.ReplaceAllString(name, ""); plain != name && len(calls.ServicesOf(plain)) > 0 {
				l.warnIn(at, lit.node, `"`+plain+`"`, "event_name never has an API version such as that of %s (native_name has)", name)
			} else if len(calls.ServicesOf(name)) == 0 {
				l.warnIn(at, lit.node, nearest(name, calls.All()), "AWS has no call %s", name)
			}
		case !slices.ContainsFunc(lit.sources, func(s string) bool { return calls.Has(s, name) }):
			var here []string
			for _, s := range lit.sources {
				here = append(here, calls.Of(s)...)
			}
			message := strings.Join(lit.sources, ", ") + " has no call " + name
			if others := calls.ServicesOf(name); len(others) > 0 {
				message += " (" + strings.Join(others[:min(3, len(others))], ", ") + " has)"
			}
			l.warnIn(at, lit.node, nearest(name, here), "%s", message)
		}
	})
}

// checkEventSource: what event_source is compared with is a service of AWS.
func checkEventSource(l *linter, r *Rule) {
	l.eachLiteral(r, func(at site, lit literal) {
		source, calls := lit.node.Value, l.awsCalls()
		foreign := strings.HasSuffix(source, ".googleapis.com") || strings.HasPrefix(strings.ToLower(source), "microsoft.")
		if lit.field.Name != "event_source" || lit.prefix || source == "" || foreign || calls.HasService(source) {
			return
		}
		hint := nearest(source, calls.Services())
		if full := source + ".amazonaws.com"; calls.HasService(full) {
			hint = `"` + full + `"`
		}
		l.warnIn(at, lit.node, hint, "AWS has no service %q", source)
	})
}

func (l *linter) awsCalls() *awsapi.Calls {
	if l.calls == nil {
		l.calls = awsapi.Load()
	}
	return l.calls
}

// literal is a text that a condition compares a text field with.
type literal struct {
	field   *event.Field
	node    *ast.StringNode
	prefix  bool     // the field starts with it
	sources []string // event_source that the conjunction around requires to be one of; none: it may be any
}

// site is a condition and the file that it stands in.
type site struct {
	cond  *condition
	file  string
	lines []string
}

// eachLiteral finds the literals of all conditions that decide about the rule's matches: its own, those of its severity, and
// those of its exceptions.
func (l *linter) eachLiteral(r *Rule, found func(site, literal)) {
	var sites []site
	for _, c := range r.conditions() {
		sites = append(sites, site{c, r.File, r.origin.lines})
	}
	for _, x := range l.set.exceptions {
		if x.Rule == r.ID {
			sites = append(sites, site{x.cond, x.File, x.origin.lines})
		}
	}
	for _, at := range sites {
		literals(at.cond.tree, nil, func(lit literal) { found(at, lit) })
	}
}

// warnIn notes a warning at a part of a condition.
func (l *linter) warnIn(at site, n ast.Node, hint, message string, args ...any) {
	c := at.cond
	l.warnAt(at.file, at.lines, c.places.at(c.source, byteOffset(c.source, n.Location().From)), hint, message, args...)
}

func literals(n ast.Node, sources []string, found func(literal)) {
	switch n := n.(type) {
	case *ast.UnaryNode:
		literals(n.Node, sources, found)
	case *ast.ConditionalNode:
		for _, part := range []ast.Node{n.Cond, n.Exp1, n.Exp2} {
			literals(part, sources, found)
		}
	case *ast.BinaryNode:
		if n.Operator == "and" || n.Operator == "or" {
			for _, q := range requirements(n) {
				switch {
				case q.field.Name == "event_source":
					sources = slices.Sorted(maps.Keys(q.texts))
				case q.field.Name == "provider" && !q.texts["aws"]:
					return
				}
			}
			literals(n.Left, sources, found)
			literals(n.Right, sources, found)
			return
		}
		compared(n, sources, found)
	case *ast.CallNode:
		if name, args := called(n); name == fnEqualFold {
			literalsOf(args[0], args[1:], literal{sources: sources}, found)
		}
	}
}

// compared finds the literals of one comparison.
func compared(n *ast.BinaryNode, sources []string, found func(literal)) {
	switch n.Operator {
	case "==":
		literalsOf(n.Left, []ast.Node{n.Right}, literal{sources: sources}, found)
		literalsOf(n.Right, []ast.Node{n.Left}, literal{sources: sources}, found)
	case "startsWith":
		literalsOf(n.Left, []ast.Node{n.Right}, literal{sources: sources, prefix: true}, found)
	case "in":
		if array, ok := n.Right.(*ast.ArrayNode); ok {
			literalsOf(n.Left, array.Nodes, literal{sources: sources}, found)
		}
	}
}

func literalsOf(left ast.Node, right []ast.Node, lit literal, found func(literal)) {
	if lit.field = fieldOf(left); lit.field == nil {
		return
	}
	for _, n := range right {
		if s, ok := n.(*ast.StringNode); ok {
			lit.node = s
			found(lit)
		}
	}
}
