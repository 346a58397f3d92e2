package sigma

import (
	"slices"
	"strconv"
	"strings"
)

// textual is that a text is as one of the tests says.
func textual(x string, tests []test, cased bool) expression {
	by := map[op][]string{}
	for _, t := range tests {
		switch t.op {
		case glob:
			if g, ok := t.pattern.glob(); ok {
				by[glob] = appendNew(by[glob], g)
			} else {
				by[matches] = appendNew(by[matches], t.pattern.regexp(cased))
			}
		default:
			by[t.op] = appendNew(by[t.op], t.text)
		}
	}
	return or(equality(x, by[equals], cased),
		search(x, "startsWith", by[startsWith], cased),
		search(x, "endsWith", by[endsWith], cased),
		search(x, "contains", by[contains], cased),
		globbed(x, by[glob], cased),
		searched(x, "matches", by[matches]))
}

// spelled adds our word for a value to the rule's: logs that we take from others have theirs.
func (o operand) spelled(tests []test) []test {
	all := slices.Clone(tests)
	for _, t := range tests {
		ours := o.words[strings.ToLower(t.text)]
		there := func(other test) bool { return other.op == equals && strings.EqualFold(other.text, ours) }
		if ours != "" && t.op == equals && !slices.ContainsFunc(all, there) {
			all = append(all, test{op: equals, text: ours})
		}
	}
	return all
}

// numbered puts numbers in the place of words.
func (o operand) numbered(tests []test) []test {
	all := slices.Clone(tests)
	for i, t := range all {
		if ours := o.words[strings.ToLower(t.text)]; ours != "" && t.op == equals {
			all[i].text = ours
		}
	}
	return all
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

func equality(x string, values []string, cased bool) expression {
	if len(values) == 0 {
		return expression{join: never}
	}
	var e expression
	switch {
	case !cased && slices.ContainsFunc(values, func(s string) bool { return !caseless(s) }):
		e = called("equalFold(" + bare(x) + ", " + quotedList(values) + ")")
	case len(values) == 1:
		e = compared(x+" == "+quoted(values[0]), x+" != "+quoted(values[0]))
	default:
		e = compared(x+" in ["+quotedList(values)+"]", "")
	}
	if x == "event_source" && !slices.ContainsFunc(values, func(s string) bool { return !strings.HasSuffix(strings.ToLower(s), ".amazonaws.com") }) {
		e.provider = "aws"
	}
	return e
}

// search is a comparison by an operator, or by the function of its name that folds case.
func search(x, operator string, values []string, cased bool) expression {
	if len(values) == 0 {
		return expression{join: never}
	}
	if !cased && (len(values) > 1 || !caseless(values[0])) {
		return called(operator + "Fold(" + bare(x) + ", " + quotedList(values) + ")")
	}
	return searched(x, operator, values)
}

func searched(x, operator string, values []string) expression {
	var parts []expression
	for _, v := range values {
		parts = append(parts, compared(x+" "+operator+" "+quoted(v), ""))
	}
	return or(parts...)
}

func globbed(x string, patterns []string, cased bool) expression {
	if len(patterns) == 0 {
		return expression{join: never}
	}
	if !cased {
		return called("globFold(" + bare(x) + ", " + quotedList(patterns) + ")")
	}
	var parts []expression
	for _, p := range patterns {
		parts = append(parts, called("glob("+bare(x)+", "+quoted(p)+")"))
	}
	return or(parts...)
}

// bare is an operand without the parentheses that it needs beside operators.
func bare(x string) string {
	if strings.HasPrefix(x, "(") {
		return x[1 : len(x)-1]
	}
	return x
}

// quoted writes a literal of a condition.
func quoted(s string) string { return strconv.Quote(s) }

func quotedList(values []string) string {
	q := make([]string, len(values))
	for i, v := range values {
		q[i] = quoted(v)
	}
	return strings.Join(q, ", ")
}
