package sigma

import "strings"

// reference compares with another field of the same event. What is missing equals nothing, and is no part of anything.
func (it *item) reference(v *node, o operand, source *source) (expression, error) {
	other, err := source.operand(v.text, v.at)
	if err != nil {
		return expression{}, err
	}
	both := func(e expression) expression { return o.guarded(other.guarded(e)) }
	if o.kind == other.kind && o.plain() && other.plain() && it.by == equals {
		return both(compared(o.text+" "+pick(it.order == "", "==", it.order)+" "+other.text, "")), nil
	}
	lefts, rights := o.texts(other), other.texts(o)
	if len(lefts) == 0 || len(rights) == 0 || it.order != "" {
		return expression{}, refuse(v.at, "%s and %s cannot be compared: one is %s, the other %s", it.field, v.text, o.kind, other.kind)
	}
	var parts []expression
	for _, right := range rights {
		for _, left := range lefts {
			parts = append(parts, it.related(left, right))
		}
	}
	return both(or(parts...)), nil
}

// plain reports whether the operand is a value of ours that is no text, as it is.
func (o operand) plain() bool {
	return (o.kind == number || o.kind == address || o.kind == flag || o.kind == instant) && o.states == nil
}

// texts are those that the operand is, to be compared with another one; none where it is no text, or where ours says
// otherwise what it says. Of two places inside objects neither may be an array: one comparison goes through one array.
func (o operand) texts(other operand) []string {
	switch {
	case o.kind == address && o.host != "":
		return []string{"ipText(" + o.text + ")", o.host}
	case o.kind == address:
		return []string{"ipText(" + o.text + ")"}
	case o.kind != textKind || o.ask != nil && o.key == "":
		return nil
	case o.paths == nil:
		return []string{o.text}
	case other.paths != nil:
		return o.paths
	}
	var texts []string
	for _, path := range o.paths {
		texts = append(texts, path, path+"[]")
	}
	return texts
}

// related compares two texts of which the right one has to be there; one inside an array, in the same element.
func (it *item) related(left, right string) expression {
	if array, rest, ok := cutLast(right, "[]"); ok {
		return called("any(" + array + ", " + it.related(left, "#"+rest).String() + ")")
	}
	word := [...]string{equals: "==", contains: "contains", startsWith: "startsWith", endsWith: "endsWith"}[it.by]
	there := called("has(" + right + ")")
	if !it.cased {
		left, right = "lower("+left+")", "lower("+right+")"
	}
	return and(there, compared(left+" "+word+" "+right, ""))
}

// cutLast is strings.Cut around the last place where sep is.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
