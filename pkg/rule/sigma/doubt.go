package sigma

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/rule"
)

// Doubt is about what a Sigma document says and can hardly mean. Its rule is imported as it is written.
type Doubt struct {
	Title string
	rule.Problem
}

// doubts finds what the detection, compiled, can hardly mean: selections that nothing uses, and values that no event has.
func (d *detection) doubts(aggregated bool) []*refusal {
	var found []*refusal
	for _, p := range d.selections {
		if _, used := d.done[p.key]; !used {
			if !strings.HasPrefix(p.key, "_") { // which says that it is meant to be left out
				found = append(found, &refusal{at: p.at, message: "the condition does not use selection " + p.key})
			}
			continue
		}
		for _, n := range p.value.each() {
			for _, entry := range n.pairs {
				found = append(found, d.doubtsOf(entry)...)
			}
		}
	}
	if d.timeframe != "" && !aggregated {
		found = append(found, &refusal{at: d.condition.at, message: "the detection has a timeframe, and its condition counts nothing"})
	}
	return found
}

// fillable is a text that is a placeholder to modifier expand, and was one without it once.
var fillable = regexp.MustCompile(`^%\pL[\pL\pN_]+%$`)

// keyed is a text that looks for a key as others than JSON write it.
var keyed = regexp.MustCompile(`^\w+=$`)

// doubtsOf finds values of one field that no event has.
func (d *detection) doubtsOf(p pair) []*refusal {
	name, modifiers, _ := strings.Cut(p.key, "|")
	o, err := d.source.operand(name, p.at)
	if err != nil {
		return nil
	}
	var found []*refusal
	doubt := func(v *node, message, hint string) {
		found = append(found, &refusal{at: v.at, message: message, hint: hint})
	}
	open := func(v *node) bool { return placeholder.MatchString(v.text) }
	if strings.Contains(modifiers, "expand") && !slices.ContainsFunc(p.value.each(), open) {
		doubt(p.value.each()[0], name+" is to be expanded, and has no placeholder such as %name%", "")
	}
	for _, v := range p.value.each() {
		switch {
		case v.kind != scalar || v.number || v.truth:
		case modifiers == "" && o.kind == address && isNetwork(v.text):
			doubt(v, name+" is compared with "+v.text+" as if that were an address", quoted(p.key+"|cidr"))
		case modifiers == "" && fillable.MatchString(v.text):
			doubt(v, name+" is compared with the text "+v.text+", which no list fills in", quoted(p.key+"|expand"))
		case v.text == "null" && modifiers == "":
			doubt(v, name+" is compared with the text null: without quotes, null asks whether it is missing", "")
		case !strings.Contains(modifiers, "fieldref") && d.source.names(v.text):
			doubt(v, name+" is compared with the text "+v.text+", not with the field of that name", quoted(p.key+"|fieldref"))
		case o.kind == object && keyed.MatchString(v.text):
			doubt(v, name+" is searched as JSON, which writes keys otherwise than "+v.text, quoted(`"`+strings.TrimSuffix(v.text, "=")+`":`))
		}
	}
	return found
}

// names reports whether a text is the name of a field of the source rather than a value.
func (s *source) names(text string) bool {
	if !strings.Contains(text, ".") {
		return false
	}
	for prefix := range s.objects {
		if strings.HasPrefix(text, prefix+".") && strings.ToLower(prefix) != prefix {
			return true
		}
	}
	o, ok := s.fields[fieldKey(text)]
	return ok && o.name == text
}

// doubted is what was found about a document.
type doubted struct {
	doc   *document
	found []*refusal
}

// doubts returns what was found about the documents that were imported.
func (im *importer) doubts() []Doubt {
	var all []Doubt
	for _, d := range im.doubted {
		if im.refused[d.doc] {
			continue
		}
		for _, r := range d.found {
			all = append(all, Doubt{
				Title:   line(d.doc.title),
				Problem: rule.Problem{File: d.doc.file, Line: r.at.line, Column: r.at.column, Message: r.message, Hint: r.hint},
			})
		}
	}
	slices.SortStableFunc(all, func(a, b Doubt) int { return byPlace(a.Problem, b.Problem) })
	return all
}

// outdated finds that a document's own author has given it up.
func (d *document) outdated() []*refusal {
	if !strings.EqualFold(d.n.textOf("status"), "deprecated") {
		return nil
	}
	return []*refusal{{at: d.n.get("status").at, message: "its author has given the rule up: its status is deprecated"}}
}

// twice finds documents that have the id of an earlier one, which other files then mean by it.
func (im *importer) twice(docs []*document) {
	ids := map[string]*document{}
	for _, d := range docs {
		id := strings.ToLower(d.id)
		if id == "" || !d.ofSigma() {
			continue
		}
		if other := ids[id]; other != nil {
			message := fmt.Sprintf("%s:%d has the same id: what names it in other files means that one", other.file, other.at.line)
			im.doubted = append(im.doubted, doubted{d, []*refusal{{at: d.n.get("id").at, message: message}}})
			continue
		}
		ids[id] = d
	}
}
