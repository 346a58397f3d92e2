package sigma

import (
	"regexp"
	"slices"
	"strings"
)

// The path and the query of a request are two fields of ours, and one of Sigma's: what cs-uri says is held against
// path?query, what cs-uri-query says against the query, too, because rules mean both. c-uri may be the whole URL besides.
const (
	urlPath  = "url_path"
	urlQuery = "url_query"
	wholeURL = `url_scheme + "://" + url_host + url_path`
)

// inQuery is that the query alone is as one of the tests says, where that is what the field means: it is all of
// cs-uri-query, and the end of cs-uri.
func (o operand) inQuery(tests []test, cased bool) expression {
	if !o.queried {
		tests = slices.DeleteFunc(slices.Clone(tests), func(t test) bool {
			return t.op == equals || t.op == startsWith || t.op == matches || t.op == glob && !openEnded(t.pattern, false)
		})
	}
	return textual(urlQuery, tests, cased)
}

// targets is that the path and the query of a request, as one text, are as one of the tests says.
func (o operand) targets(tests []test, cased bool) expression {
	var parts []expression
	by := map[op][]test{}
	for _, t := range tests {
		switch {
		case o.text == wholeURL && t.floats(): // what the path and the query have, the whole URL has
		case t.op == glob || t.op == matches || strings.Contains(t.text, "?"):
			parts = append(parts, o.across(t, cased))
		default:
			by[t.op] = append(by[t.op], t)
		}
	}
	loose, tight := slices.Concat(by[contains], by[startsWith]), slices.Concat(by[endsWith], by[equals])
	onPath := func(tests []test) expression {
		if o.text == wholeURL {
			tests = slices.DeleteFunc(slices.Clone(tests), test.withHost)
		}
		return textual(urlPath, tests, cased)
	}
	parts = append(parts, onPath(loose), and(noQuery(), onPath(tight)),
		o.inQuery(slices.Concat(loose, tight), cased))
	if o.text == wholeURL {
		parts = append(parts, whole(tests, cased))
	}
	return or(parts...)
}

func noQuery() expression { return compared(urlQuery+` == ""`, urlQuery+` != ""`) }

// across is a test that may hold over the end of the path and the beginning of the query.
func (o operand) across(t test, cased bool) expression {
	inQuery := o.inQuery([]test{t}, cased)
	if before, after, ok := questioned(t); ok {
		inPath := expression{join: never}
		if t.op == glob {
			inPath = and(pick(openEnded(t.pattern, true), expression{join: always}, noQuery()), textual(urlPath, []test{t}, cased))
		}
		return or(and(side(urlPath, before, cased), side(urlQuery, after, cased)), inPath, inQuery)
	}
	return or(inQuery, and(noQuery(), textual(urlPath, []test{t}, cased)),
		and(not(noQuery()), textual("("+urlPath+` + "?" + `+urlQuery+")", []test{t}, cased)))
}

// anchored finds what of a regular expression asks where in a text it is.
var anchored = regexp.MustCompile(`\^|\\[AbB]`)

// floats reports whether a test that holds for the end of a text holds for the text, and is written no simpler for the end.
func (t test) floats() bool {
	switch t.op {
	case matches:
		return !anchored.MatchString(t.text)
	case glob:
		_, _, simple := questioned(t)
		return openEnded(t.pattern, false) && !simple
	}
	return false
}

// withHost reports whether whole asks for the test of the URL's end, so that the path alone need not be asked.
func (t test) withHost() bool {
	return (t.op == contains || t.op == endsWith) && !strings.HasPrefix(t.text, "/") && strings.ContainsAny(t.text, "/:")
}

// questioned takes a test apart at its one question mark, which stands between path and query: what it asks of the end of
// the path, and of the beginning of the query.
func questioned(t test) (before, after test, ok bool) {
	var a, b string
	open, end := t.op == contains || t.op == endsWith, t.op == contains || t.op == startsWith
	switch t.op {
	case glob:
		var wild []piece
		a, b, wild = around(t.pattern)
		if len(wild) != 1 {
			return test{}, test{}, false
		}
		open, end = openEnded(t.pattern, false), openEnded(t.pattern, true)
	case matches:
		return test{}, test{}, false
	default:
		a, b, _ = strings.Cut(t.text, "?")
	}
	return test{op: pick(open, endsWith, equals), text: a}, test{op: pick(end, startsWith, equals), text: b}, true
}

// around takes apart a pattern of texts around a question mark; wild are the wildcards that are not at an end.
func around(p pattern) (before, after string, wild []piece) {
	for i, x := range p {
		switch {
		case x.wild == 0 && strings.Contains(x.text, "?"), x.wild == '*' && i > 0 && i < len(p)-1:
			wild = append(wild, x, x)
		case x.wild == '?':
			wild = append(wild, x)
		case x.wild == 0 && len(wild) == 0:
			before += x.text
		case x.wild == 0:
			after += x.text
		}
	}
	return before, after, wild
}

// openEnded reports whether a pattern begins, or ends, with any text.
func openEnded(p pattern, atEnd bool) bool {
	return p[pick(atEnd, len(p)-1, 0)].wild == '*'
}

// side is what a test asks of one side of the question mark, which is there only where there is a query.
func side(x string, t test, cased bool) expression {
	switch {
	case t.text != "":
		return textual(x, []test{t}, cased)
	case t.op == equals:
		return expression{join: never}
	case x == urlQuery:
		return not(noQuery())
	}
	return expression{join: always}
}

// whole is that the URL with scheme and host is as one of the tests says, beyond what path and query alone can. A text that
// begins with / is one of the path.
func whole(tests []test, cased bool) expression {
	var hosts, schemes, loose, tight, all []test
	for _, t := range tests {
		before, _, questioned := strings.Cut(t.text, "?")
		switch inner := strings.ContainsAny(before, "/:"); {
		case t.op == glob || t.op == matches:
			all = append(all, t)
		case strings.HasPrefix(t.text, "/"), !inner && (t.op == endsWith || questioned && t.op == contains):
		case !inner && !questioned && t.op == contains:
			hosts = append(hosts, t)
			if lower := strings.ToLower(t.text); strings.Contains("https", lower) || strings.Contains("wss", lower) {
				schemes = append(schemes, t)
			}
		case !inner && !questioned && t.op == startsWith:
			schemes = append(schemes, t)
		case questioned:
			all = append(all, t)
		case t.op == contains || t.op == startsWith:
			loose = append(loose, t)
		default:
			tight = append(tight, t)
		}
	}
	return or(textual("url_host", hosts, cased), textual("url_scheme", schemes, cased), textual("("+wholeURL+")", loose, cased),
		and(noQuery(), textual("("+wholeURL+")", slices.Concat(tight, all), cased)),
		and(not(noQuery()), textual("("+wholeURL+` + "?" + `+urlQuery+")", all, cased)))
}
