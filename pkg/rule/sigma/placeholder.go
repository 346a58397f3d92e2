package sigma

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// fillings are the values that placeholders stand for, each a list of the user's.
type fillings struct {
	lists map[string][]string // by their ids
	used  []string            // ids of those that were filled in
}

// placeholder is what expand fills in.
var placeholder = regexp.MustCompile(`%([\pL\pN_]+)%`)

// of returns the values of a placeholder. Lists and placeholders are named alike but for case and the signs between words:
// %Jump_Servers%, %JumpServers% and jump-servers.
func (f *fillings) of(name string, at place) ([]string, error) {
	id := kebab(name)
	if _, ok := f.lists[id]; !ok {
		for _, other := range slices.Sorted(maps.Keys(f.lists)) {
			if bareName(other) == bareName(name) {
				id = other
			}
		}
	}
	values, ok := f.lists[id]
	if !ok {
		message := fmt.Sprintf("%%%s%% stands for values of yours, and no list has them: write %s.yml (id, title, values), and name its folder by --lists", name, id)
		return nil, &refusal{at: at, message: message, hint: nearest(id, slices.Sorted(maps.Keys(f.lists)))}
	}
	f.used = appendNew(f.used, id)
	return values, nil
}

// bareName is a name without what placeholders and ids of lists differ in.
func bareName(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
}

// kebab is the id that a list for a placeholder best has: domain-controllers for DomainControllers, ip-ranges for IP_Ranges.
func kebab(name string) string {
	runes := []rune(name)
	var b strings.Builder
	for i, r := range runes {
		before := i > 0 && unicode.IsUpper(r) && !unicode.IsUpper(runes[i-1])
		last := i > 0 && i+1 < len(runes) && unicode.IsUpper(r) && unicode.IsLower(runes[i+1])
		if before || last {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return slug(b.String())
}

// part is a part of a value: a text, or a placeholder.
type part struct {
	text   string // of a placeholder its name
	fill   bool
	offset int // in bytes
}

// partsOf takes a value apart. A backslash takes its meaning from a percent sign behind it, as from a wildcard.
func partsOf(text string) []part {
	var parts []part
	var b strings.Builder
	flush := func() {
		parts = append(parts, part{text: b.String()})
		b.Reset()
	}
	for i := 0; i < len(text); i++ {
		switch at := placeholder.FindStringSubmatchIndex(text[i:]); {
		case text[i] == '\\' && i+1 < len(text) && text[i+1] == '%':
			i++
			b.WriteByte('%')
		case text[i] == '\\' && i+1 < len(text) && strings.IndexByte(`*?\`, text[i+1]) >= 0:
			b.WriteString(text[i : i+2])
			i++
		case len(at) > 0 && at[0] == 0:
			flush()
			parts = append(parts, part{text: text[i+at[2] : i+at[3]], fill: true, offset: i})
			i += at[1] - 1
		default:
			b.WriteByte(text[i])
		}
	}
	flush()
	return parts
}

// filled returns what a value stands for once its placeholders are filled in: a value for each of their lists' values.
func (f *fillings) filled(v *node, pattern bool) ([]*node, error) {
	if v.kind != scalar || v.number || v.truth {
		return []*node{v}, nil
	}
	texts := []string{""}
	for _, p := range partsOf(v.text) {
		values := []string{p.text}
		if p.fill {
			var err error
			if values, err = f.of(p.text, v.within(p.offset)); err != nil {
				return nil, err
			}
		}
		if len(texts)*len(values) > maxValues {
			return nil, refuse(v.at, "its placeholders stand for more than %d values: a condition of ours has no room for them", maxValues)
		}
		var longer []string
		for _, t := range texts {
			for _, value := range values {
				longer = append(longer, t+pick(p.fill && !pattern, plainEnd(value), value))
			}
		}
		texts = longer
	}
	all := make([]*node, len(texts))
	for i, t := range texts {
		all[i] = &node{kind: scalar, at: v.at, text: t}
	}
	return all, nil
}

// plainEnd is a value whose last character means itself, whatever the rule has behind its placeholder.
func plainEnd(value string) string {
	if (len(value)-len(strings.TrimRight(value, `\`)))%2 == 1 {
		return value + `\`
	}
	return value
}
