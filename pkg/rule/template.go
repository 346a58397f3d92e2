package rule

import "strings"

// Template is a text with {name} places, such as a rule's title. Names are keys of the rule's fields, or count.
type Template struct {
	Source string
	parts  []part
}

type part struct {
	text string // literal, when name is ""
	name string
}

// ParseTemplate takes a template apart. A { without a matching } is literal text.
func ParseTemplate(source string) Template {
	t := Template{Source: source}
	for s := source; s != ""; {
		open := strings.IndexByte(s, '{')
		end := -1
		if open >= 0 {
			end = strings.IndexByte(s[open:], '}')
		}
		if end < 0 {
			t.parts = append(t.parts, part{text: s})
			break
		}
		if open > 0 {
			t.parts = append(t.parts, part{text: s[:open]})
		}
		t.parts = append(t.parts, part{name: s[open+1 : open+end]})
		s = s[open+end+1:]
	}
	return t
}

// Names lists the names in the template, in order, repeats included.
func (t Template) Names() []string {
	var names []string
	for _, p := range t.parts {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	return names
}

// Render fills the template in; value returns "" for what is missing, which shows as "?".
func (t Template) Render(value func(name string) string) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.name == "" {
			b.WriteString(p.text)
			continue
		}
		if v := value(p.name); v != "" {
			b.WriteString(v)
		} else {
			b.WriteByte('?')
		}
	}
	return b.String()
}
