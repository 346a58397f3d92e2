package rule

import (
	"regexp"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

var pivotType = regexp.MustCompile(`^(String|Bool|IPv[46]|U?Int(8|16|32|64)|Float(32|64)|DateTime64\([0-9]\)|DateTime|Array\(String\))$`)

func readPivots(m *mapping, r *Rule, names naming) []Key {
	n := m.take("pivots")
	if n == nil {
		return nil
	}
	block, ok := m.mapping(n, "pivots")
	if !ok {
		return nil
	}
	var named []Key
	for _, name := range block.order {
		n := block.take(name)
		sql, ok := block.text(n, "a pivot")
		if !ok {
			continue
		}
		r.Pivots = append(r.Pivots, Pivot{Name: name, SQL: strings.TrimSpace(sql), Line: block.places[name].line})
		places := placeholders(sql, true)
		for _, p := range places {
			if !pivotType.MatchString(p.sql) {
				block.report(block.inside(n, sql, p.offset), "", "{%s} needs a ClickHouse type: {%s:String}", p.name, p.name)
			} else if right, ok := typeFits(p, names); !ok {
				block.report(block.inside(n, sql, p.offset), "", "{%s} is not of type %s: write {%[1]s:%[3]s}", p.name, p.sql, right)
			}
		}
		for _, bad := range sqlMistakes(sql, places) {
			block.report(block.inside(n, sql, bad.offset), bad.hint, "%s", bad.message)
		}
		named = append(named, block.placeholderKeys(n, sql, places, names)...)
	}
	return named
}

// tables are those that queries read, beside one for each class of logs.
var tables = []string{"api", "flow", "http", "dns", "alerts", "dead_letter", "first_seen", "baselines", "coverage"}

// sqlMistakes finds what is wrong with a query whatever ClickHouse may say of the rest, which is not at hand when rules are
// loaded: that it is no query, quotes and brackets that stay open, parameters inside quotes, and tables that are none.
func sqlMistakes(sql string, places []placeholder) []*mistake {
	words, bad := sqlWords(sql)
	if bad != nil {
		return []*mistake{bad}
	}
	var found []*mistake
	note := func(offset int, hint, message string) {
		found = append(found, &mistake{offset: offset, hint: hint, message: message})
	}
	if len(words) == 0 || !words[0].is("select") && !words[0].is("with") && words[0].text != "(" {
		note(0, "", "a pivot is a query: it begins with SELECT or WITH")
		return found
	}
	var open []sqlWord
	own := map[string]bool{} // names that WITH gives
	for i, w := range words {
		next := func(n int) sqlWord {
			if i+n < len(words) {
				return words[i+n]
			}
			return sqlWord{}
		}
		switch {
		case w.text == "(" || w.text == "[":
			open = append(open, w)
		case w.text == ")" || w.text == "]":
			if len(open) == 0 || open[len(open)-1].text+w.text != "()" && open[len(open)-1].text+w.text != "[]" {
				note(w.offset, "", w.text+" closes nothing")
				return found
			}
			open = open[:len(open)-1]
		case w.text == ";" && next(1).text != "":
			note(w.offset, "", "a pivot is one query, without ; in it")
		case w.quoted:
			for _, p := range places {
				if p.offset > w.offset && p.offset < w.offset+len(w.text) {
					note(p.offset, "", "inside quotes {"+p.name+"} is text: the parameter quotes itself")
				}
			}
		case next(1).is("as") && next(2).text == "(" && w.name():
			own[w.text] = true
		case (w.is("from") || w.is("join")) && next(1).name() && next(2).text != "(" && next(2).text != "." && !next(1).is("select"):
			if t := next(1); !contains(tables, t.text) && !own[t.text] && !inFunction(words[:i]) {
				note(t.offset, nearest(t.text, tables), "no table is named "+t.text)
			}
		}
	}
	for _, w := range open {
		note(w.offset, "", w.text+" is not closed")
	}
	return found
}

// inFunction reports whether the words lead into the brackets of a function, where FROM names no table: trim(BOTH x FROM y).
func inFunction(before []sqlWord) bool {
	depth := 0
	for i := len(before) - 1; i > 0; i-- {
		switch before[i].text {
		case ")":
			depth++
		case "(":
			if depth--; depth < 0 {
				return before[i-1].name() && !before[i-1].is("in") && !before[i-1].is("from") && !before[i-1].is("join") && !before[i-1].is("as")
			}
		}
		if depth == 0 && before[i].is("select") {
			return false
		}
	}
	return false
}

// sqlWord is a name, a number, a text in quotes or a sign of a query.
type sqlWord struct {
	text   string
	offset int
	quoted bool
}

func (w sqlWord) is(keyword string) bool { return strings.EqualFold(w.text, keyword) }

func (w sqlWord) name() bool { return w.text != "" && !w.quoted && isWord(w.text[0]) }

func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= 0x80
}

// sqlWords cuts a query into words; comments and blanks are left out.
func sqlWords(sql string) ([]sqlWord, *mistake) {
	var words []sqlWord
	for i := 0; i < len(sql); {
		rest, end := sql[i:], 1
		switch c := rest[0]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
			continue
		case strings.HasPrefix(rest, "--"):
			line, _, _ := strings.Cut(rest, "\n")
			i += len(line)
			continue
		case strings.HasPrefix(rest, "/*"):
			close := strings.Index(rest, "*/")
			if close < 0 {
				return nil, &mistake{offset: i, message: "/* is not closed"}
			}
			i += close + 2
			continue
		case c == '\'' || c == '"' || c == '`':
			for end < len(rest) && rest[end] != c {
				if rest[end] == '\\' {
					end++
				}
				end++
			}
			if end++; end > len(rest) {
				return nil, &mistake{offset: i, message: "the text that begins here has no closing quote"}
			}
			words = append(words, sqlWord{rest[:end], i, true})
		case isWord(c):
			for end < len(rest) && isWord(rest[end]) {
				end++
			}
			words = append(words, sqlWord{rest[:end], i, false})
		case c == '{': // a parameter: its type has brackets that are none of the query's
			if close := strings.IndexByte(rest, '}'); close > 0 {
				end = close + 1
			}
			words = append(words, sqlWord{rest[:end], i, false})
		default:
			words = append(words, sqlWord{rest[:1], i, false})
		}
		i += end
	}
	return words, nil
}

// typeFits reports whether a parameter is of its field's type, and else of which it could be.
func typeFits(p placeholder, names naming) (right string, ok bool) {
	if names == nil {
		return "", true
	}
	k, bad := names(p.name)
	if bad != nil || k.Field == nil || len(k.Path) > 0 { // reported elsewhere, or it has no type
		return "", true
	}
	return fits(k.Field, p.sql)
}

// fits reports whether a parameter's type can hold what a field has, and a type that can.
func fits(f *event.Field, typ string) (right string, ok bool) {
	switch f.Type {
	case event.TypeAddr:
		return "IPv6", strings.HasPrefix(typ, "IPv") || typ == "String"
	case event.TypeBool:
		return "Bool", typ == "Bool" || typ == "String"
	case event.TypeTime:
		return "DateTime64(9)", strings.HasPrefix(typ, "DateTime") || typ == "String"
	case event.TypeInt:
		return "UInt64", strings.Contains(typ, "Int") || strings.HasPrefix(typ, "Float") || typ == "String"
	case event.TypeFloat:
		return "Float64", strings.HasPrefix(typ, "Float") || typ == "String"
	case event.TypeList:
		return "Array(String)", strings.HasPrefix(typ, "Array") || typ == "String"
	case event.TypeText:
		return "String", typ == "String" || strings.HasPrefix(typ, "Array")
	}
	return "String", true
}
