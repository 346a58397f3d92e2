package rule

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// need is what every event has that a condition can hold for: it fits at least one of the requirements.
type need struct {
	any   []requirement
	share float64 // of events that do, roughly
	why   string  // nothing of it can be looked up; any is empty then
}

// commonplace is the share of events from which on looking a target up saves nothing.
const commonplace = 0.5

// needOf reads off a condition in total form what the index can find it by.
func needOf(n ast.Node) need {
	switch n := n.(type) {
	case *ast.BinaryNode:
		switch n.Operator {
		case "and":
			if q, ok := requireRange(n); ok {
				return needing(q)
			}
			return rarer(needOf(n.Left), needOf(n.Right))
		case "or":
			return eitherNeed(needOf(n.Left), needOf(n.Right))
		}
		return needOfComparison(n)
	case *ast.ConditionalNode:
		return eitherNeed(rarer(needOf(n.Cond), needOf(n.Exp1)), needOf(n.Exp2))
	case *ast.CallNode:
		return needOfCall(n)
	case *ast.UnaryNode:
		return need{why: onlyNot}
	}
	return need{why: notLookedUp}
}

const onlyNot = "it only says what an event must not be"

const notLookedUp = "it compares no field of text or whole numbers with literals (==, in, inList, contains and their like)"

// needing is the need of one requirement.
func needing(q requirement) need {
	n := need{any: []requirement{q}, share: q.share()}
	if n.share >= commonplace {
		return need{why: "most events have the " + q.field.Name + " that it requires"}
	}
	return n
}

// rarer is the need of two conditions that both hold.
func rarer(a, b need) need {
	if a.why != "" || b.why == "" && b.share < a.share {
		if b.why == notLookedUp { // the other says more
			b.why = a.why
		}
		return b
	}
	return a
}

// eitherNeed is the need of two conditions of which one holds.
func eitherNeed(a, b need) need {
	switch {
	case a.why != "" && b.why != "":
		return a
	case a.why != "" || b.why != "":
		return need{why: "one side of or: " + a.why + b.why}
	}
	n := need{any: slices.Clone(a.any), share: a.share + b.share}
	for _, q := range b.any {
		i := slices.IndexFunc(n.any, func(p requirement) bool {
			return p.field == q.field && p.fold == q.fold && (len(p.parts) > 0) == (len(q.parts) > 0)
		})
		if i < 0 {
			n.any = append(n.any, q)
			continue
		}
		n.any[i] = n.any[i].or(q)
	}
	if n.share >= commonplace {
		return need{why: "most events have something of what it requires"}
	}
	return n
}

// or is the requirement that one of two of a field holds.
func (q requirement) or(other requirement) requirement {
	both := requirement{field: q.field, fold: q.fold, texts: map[string]bool{}, ints: map[int64]bool{}}
	for _, r := range []requirement{q, other} {
		for v := range r.texts {
			both.texts[v] = true
		}
		for v := range r.ints {
			both.ints[v] = true
		}
		both.parts = append(both.parts, r.parts...)
	}
	slices.Sort(both.parts)
	both.parts = slices.Compact(both.parts)
	return both
}

func needOfComparison(n *ast.BinaryNode) need {
	switch n.Operator {
	case "contains", "startsWith", "endsWith":
		if lit, ok := n.Right.(*ast.StringNode); ok {
			return needOfParts(n.Left, []string{lit.Value})
		}
	case "matches":
		if words := neededParts(n.Right.(*ast.StringNode).Value); words != nil {
			return needOfParts(n.Left, words)
		}
		return need{why: "no text of three letters is in all that its pattern fits"}
	case "==", "in":
		if q := requirements(n); len(q) > 0 {
			return needing(q[0])
		}
		literals := []ast.Node{n.Right}
		if array, ok := n.Right.(*ast.ArrayNode); ok {
			literals = array.Nodes
		}
		if words, ok := literalTexts(literals); ok { // lower(event_name) == "x"
			return needOfParts(n.Left, words)
		}
	}
	return need{why: notLookedUp}
}

func needOfCall(n *ast.CallNode) need {
	name, args := called(n)
	switch name {
	case fnEqualFold:
		if q := requirements(n); len(q) > 0 {
			return needing(q[0])
		}
	case fnContainsFold, fnStartsFold, fnEndsFold:
		if words, ok := literalTexts(args[1:]); ok {
			return needOfParts(args[0], words)
		}
	case fnGlob, fnGlobFold:
		if patterns, ok := literalTexts(args[1:]); ok {
			for i, p := range patterns {
				patterns[i] = longestPart(p)
			}
			return needOfParts(args[0], patterns)
		}
	case fnInList:
		if q, ok := requireList(args[0], args[1].(*ast.ConstantNode).Value.(*list)); ok {
			return needing(q)
		}
	}
	return need{why: notLookedUp}
}

// longestPart returns the longest part of a pattern without wildcards.
func longestPart(pattern string) string {
	parts := strings.FieldsFunc(pattern, func(r rune) bool { return r == '*' || r == '?' })
	if len(parts) == 0 {
		return ""
	}
	return slices.MaxFunc(parts, func(a, b string) int { return len(a) - len(b) })
}

// leastPart is the shortest text that is worth looking for inside others.
const leastPart = 3

// needOfParts is the need of a text that contains one of the words, whatever their case.
func needOfParts(n ast.Node, words []string) need {
	f := searched(n)
	if f == nil {
		return need{why: notLookedUp}
	}
	q := requirement{field: f}
	for _, w := range words {
		letters := foldedLetters(w)
		if slices.ContainsFunc(letters, func(r rune) bool { return r >= utf8.RuneSelf }) {
			continue // only text beyond ASCII has it, and with such all are tried
		}
		if len(letters) < leastPart {
			return need{why: "texts shorter than three letters are not looked for"}
		}
		q.parts = append(q.parts, string(letters))
	}
	if len(q.parts) == 0 {
		return need{why: "texts beyond ASCII are not looked for"}
	}
	slices.Sort(q.parts)
	q.parts = slices.Compact(q.parts)
	return needing(q)
}

// searched returns the text field that a condition looks into, also by lower(field) and the like.
func searched(n ast.Node) *event.Field {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if n.Value == rawField {
			return event.Lookup(rawField)
		}
		if f := fieldOf(n); f.Type == event.TypeText {
			return f
		}
	case *ast.BuiltinNode:
		switch n.Name {
		case "lower", "upper", "trim":
			return searched(n.Arguments[0])
		}
	}
	return nil
}

// maxSpread is how many values of a list or a range a target hangs on at most: each is an entry in a map.
const maxSpread = 4096

// requireList reads inList(field, "id").
func requireList(n ast.Node, l *list) (requirement, bool) {
	q := requirement{field: fieldOf(n), texts: map[string]bool{}, ints: map[int64]bool{}}
	switch {
	case q.field == nil:
	case q.field.Type == event.TypeText && l.nets == nil && len(l.texts) <= maxSpread:
		for v := range l.texts {
			q.texts[v] = true
		}
		return q, true
	case q.field.Type == event.TypeInt && len(l.numbers) <= maxSpread:
		for v := range l.numbers {
			q.ints[v] = true
		}
		return q, true
	}
	return q, false
}

// requireRange reads field in 1..9, which in total form is field >= 1 and field <= 9.
func requireRange(n *ast.BinaryNode) (requirement, bool) {
	from, ok1 := n.Left.(*ast.BinaryNode)
	to, ok2 := n.Right.(*ast.BinaryNode)
	if !ok1 || !ok2 || from.Operator != ">=" || to.Operator != "<=" {
		return requirement{}, false
	}
	f := fieldOf(from.Left)
	lo, ok1 := from.Right.(*ast.IntegerNode)
	hi, ok2 := to.Right.(*ast.IntegerNode)
	if f == nil || f != fieldOf(to.Left) || f.Type != event.TypeInt || !ok1 || !ok2 || hi.Value-lo.Value >= maxSpread || lo.Value > hi.Value {
		return requirement{}, false
	}
	q := requirement{field: f, ints: map[int64]bool{}}
	for v := lo.Value; v <= hi.Value; v++ {
		q.ints[int64(v)] = true
	}
	return q, true
}

// usual is the share of events that have one value of a field, where it is not as small as others'.
var usual = map[string]float64{
	"operation": 0.05, "event_source": 0.05, "status": 0.1, "src_port": 0.001, "dst_port": 0.01, "event_name": 0.01, "query_name": 0.01,
	"rule_id": 0.01, "access_key_id": 0.01, "url_path": 0.01, "user_agent": 0.01, "error_code": 0.01,
	"actor": 0.005, "actor_name": 0.005, "actor_principal_id": 0.005, "request_id": 0.001, "native_id": 0.001, "interface_id": 0.005,
	"actor_type": 0.25, "method": 0.25, "protocol": 0.3, "action": 0.3, "outcome": 0.4, "provider": 0.9, "format": 0.4, "region": 0.2,
}

// frequent are values that most events have, or many.
var frequent = map[string]float64{
	"status 200": 0.6, "method GET": 0.6, "protocol 6": 0.8, "protocol 17": 0.2, "action ACCEPT": 0.8, "outcome success": 0.9,
	"actor_type AssumedRole": 0.6, "status 404": 0.1,
}

// share estimates what part of events fits: what counts is only which of two requirements is the rarer.
func (q requirement) share() float64 {
	if len(q.parts) > 0 {
		share := 0.02 // for reading the text; and what somebody looks for inside may well be in most
		for _, p := range q.parts {
			share += math.Pow(0.3, float64(len(p)))
		}
		return share
	}
	each, ok := usual[q.field.Name]
	if !ok {
		if each = 0.05; q.field.Type == event.TypeInt {
			each = 0.005
		}
	}
	share := 0.0
	add := func(value string) {
		switch often, ok := frequent[q.field.Name+" "+value]; {
		case ok:
			share += often
		case value == "": // missing
			share += commonplace
		default:
			share += each
		}
	}
	for v := range q.texts {
		add(v)
	}
	for v := range q.ints {
		add(strconv.FormatInt(v, 10))
	}
	return share
}
