package rule

import "strings"

// tables are those that queries read, beside one for each class of logs.
var tables = []string{"api", "flow", "http", "dns", "alerts", "dead_letter", "first_seen", "baselines", "coverage"}

// sqlMistakes finds what is wrong with a query whatever ClickHouse may say of the rest, which is not at hand when rules are
// loaded: that it is no query, quotes and brackets that stay open, parameters inside quotes, and tables that are none.
func sqlMistakes(sql string, places []placeholder) []*mistake {
	words, bad := sqlWords(sql)
	if bad != nil {
		return []*mistake{bad}
	}
	q := &query{words: words, places: places, own: map[string]bool{}}
	if first := q.word(0); !first.is("select") && !first.is("with") && first.text != "(" {
		q.note(0, "", "a pivot is a query: it begins with SELECT or WITH")
		return q.found
	}
	for i := range words {
		if !q.look(i) {
			return q.found
		}
	}
	for _, w := range q.open {
		q.note(w.offset, "", w.text+" is not closed")
	}
	return q.found
}

// query is the SQL of a pivot while it is looked at, word by word.
type query struct {
	words  []sqlWord
	places []placeholder
	open   []sqlWord       // brackets
	own    map[string]bool // names that WITH gives
	found  []*mistake
}

func (q *query) note(offset int, hint, message string) {
	q.found = append(q.found, &mistake{offset: offset, hint: hint, message: message})
}

// word returns the i-th word, none behind the last.
func (q *query) word(i int) sqlWord {
	if i < len(q.words) {
		return q.words[i]
	}
	return sqlWord{}
}

// look looks at the i-th word. It returns false where it makes no sense to go on.
func (q *query) look(i int) bool {
	w, next, second := q.words[i], q.word(i+1), q.word(i+2)
	switch {
	case w.text == "(" || w.text == "[":
		q.open = append(q.open, w)
	case w.text == ")" || w.text == "]":
		return q.close(w)
	case w.text == ";" && next.text != "":
		q.note(w.offset, "", "a pivot is one query, without ; in it")
	case w.quoted:
		for _, p := range q.places {
			if p.offset > w.offset && p.offset < w.offset+len(w.text) {
				q.note(p.offset, "", "inside quotes {"+p.name+"} is text: the parameter quotes itself")
			}
		}
	case next.is("as") && second.text == "(" && w.name():
		q.own[w.text] = true
	case (w.is("from") || w.is("join")) && next.name() && second.text != "(" && second.text != "." && !next.is("select"):
		if !contains(tables, next.text) && !q.own[next.text] && !inFunction(q.words[:i]) {
			q.note(next.offset, nearest(next.text, tables), "no table is named "+next.text)
		}
	}
	return true
}

// close closes the last bracket.
func (q *query) close(w sqlWord) bool {
	last := len(q.open) - 1
	if last < 0 || q.open[last].text+w.text != "()" && q.open[last].text+w.text != "[]" {
		q.note(w.offset, "", w.text+" closes nothing")
		return false
	}
	q.open = q.open[:last]
	return true
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
