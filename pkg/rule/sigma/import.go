package sigma

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/rule"
)

// Options are what Import regards beside the files.
type Options struct {
	Taken func(id string) bool // whether a rule of that id is there already; nil for none
	Lists map[string][]string  // what placeholders stand for: the values of lists, by their ids
}

// Rule is a rule of ours made of a Sigma document.
type Rule struct {
	ID    string
	Title string // Sigma's
	File  string // of the Sigma document
	Line  int
	Text  []byte // the rule's file, ID.yml
}

// Refusal says why a Sigma document is no rule of ours.
type Refusal struct {
	Title string // "" where the file could not be read so far
	rule.Problem
}

// Result is what became of the files. Documents that are parts of others only (global ones, filters, rules that a
// correlation takes up without `generate: true`) are neither rule nor refusal.
type Result struct {
	Rules    []Rule
	Refusals []Refusal
	Doubts   []Doubt
	Parts    int
}

// Set returns the rules, loaded. They load: Import tried each.
func (r *Result) Set() (*rule.Set, error) {
	set, err := rule.LoadTexts(texts(r.Rules)...)
	if err != nil {
		return nil, fmt.Errorf("load imported rules: %w", err)
	}
	return set, nil
}

// Import translates the documents of all files; references between them may cross files.
func Import(files []File, o Options) *Result {
	im := &importer{taken: map[string]bool{}, built: map[*document]*built{}, refused: map[*document]bool{}, options: o, result: &Result{}}
	var all []*document
	for _, f := range files {
		docs, err := documents(f.Name, f.Text)
		if err = cmp.Or(f.Err, err); err != nil {
			im.refuse(&document{file: f.Name}, err)
			continue
		}
		all = append(all, docs...)
	}
	im.sort(all)
	im.twice(all)
	im.compile()
	for _, c := range im.rules {
		im.rule(c)
	}
	for _, doc := range im.correlations {
		im.correlation(doc, nil)
	}
	im.forsaken()
	slices.SortStableFunc(im.result.Refusals, func(a, b Refusal) int { return byPlace(a.Problem, b.Problem) })
	im.result.Doubts = im.doubts()
	return im.result
}

func byPlace(a, b rule.Problem) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

type importer struct {
	options      Options
	rules        []*compiled
	correlations []*document
	filters      []*document
	taken        map[string]bool
	built        map[*document]*built
	refused      map[*document]bool
	doubted      []doubted
	result       *Result
}

// sort tells rules, correlations and filters apart.
func (im *importer) sort(docs []*document) {
	for _, d := range docs {
		switch {
		case d.n.get("correlation") != nil:
			im.correlations = append(im.correlations, d)
		case d.n.get("filter") != nil:
			im.filters = append(im.filters, d)
		case d.ofSigma():
			im.rules = append(im.rules, &compiled{doc: d})
		case d.n.get("when") != nil || d.n.get("class") != nil || d.n.get("sequence") != nil:
			im.refuse(d, refuse(d.at, "this is a rule of ours already, and none of Sigma's"))
		case d.n.get("values") != nil && im.options.Lists[d.id] != nil: // it lies among the rules that it is for
		case d.n.get("values") != nil:
			im.refuse(d, refuse(d.at, "this is a list, and no Sigma rule: name its folder by --lists"))
		default:
			im.refuse(d, refuse(d.at, "this is no Sigma rule, correlation or filter: it has no detection"))
		}
	}
}

// compile compiles the rules, and finds those that are parts of correlations only.
func (im *importer) compile() {
	for i, c := range im.rules {
		var filters []*document
		for _, f := range im.filters {
			if f.filters(c.doc) {
				filters = append(filters, f)
			}
		}
		im.rules[i] = compile(c.doc, filters, im.options.Lists)
		im.doubted = append(im.doubted, doubted{c.doc, append(im.rules[i].doubts, c.doc.outdated()...)})
	}
	kept := map[*compiled]bool{}
	for _, doc := range im.correlations {
		generate := strings.EqualFold(first(doc.n.get("correlation").textOf("generate"), doc.n.textOf("generate")), "true")
		for _, r := range doc.n.get("correlation").textsOf("rules") {
			if c := im.find(r, doc); c != nil {
				c.part, kept[c] = true, kept[c] || generate
			}
		}
	}
	for c := range kept {
		c.part = c.part && !kept[c]
	}
	im.result.Parts += len(im.filters)
}

// forsaken refuses the rules that only correlations use which are not imported: else they would be lost without a word.
func (im *importer) forsaken() {
	for _, c := range im.rules {
		if !c.part || slices.ContainsFunc(im.correlations, func(doc *document) bool {
			return im.built[doc].err == nil && slices.ContainsFunc(doc.n.get("correlation").textsOf("rules"), c.doc.is)
		}) {
			continue
		}
		im.result.Parts--
		err := c.err
		if err == nil {
			err = refuse(c.doc.at, "only correlations use it that are not imported; generate: true in one of them makes it a rule by itself")
		}
		im.refuse(c.doc, err)
	}
}

// find returns the rule that a document names: one of its own file where several have the id or name.
func (im *importer) find(reference string, by *document) *compiled {
	var found *compiled
	for _, c := range im.rules {
		if c.doc.is(reference) && (found == nil || found.doc.file != by.file && c.doc.file == by.file) {
			found = c
		}
	}
	return found
}

func (im *importer) rule(c *compiled) {
	if c.part {
		im.result.Parts++
		return
	}
	if c.err != nil {
		im.refuse(c.doc, c.err)
		return
	}
	d, err := c.rule()
	if _, err = im.write(c.doc, d, err, nil); err != nil {
		im.refuse(c.doc, err)
	}
}

// built is a correlation that was translated, or why it was not.
type built struct {
	draft *draft
	rules []Rule // it, behind those whose alerts it reads
	err   error
}

// correlation translates a correlation once, those that it names first; above are the correlations that name it.
func (im *importer) correlation(doc *document, above []*document) *built {
	if b := im.built[doc]; b != nil {
		return b
	}
	b := &built{}
	if slices.Contains(above, doc) || len(above) > maxNesting {
		b.err = refuse(doc.at, "correlations name each other in a circle")
		return b
	}
	var parts []*compiled
	parts, b.rules, b.err = im.parts(doc, append(above, doc))
	for _, p := range parts {
		doc.lists = append(doc.lists, p.doc.lists...)
	}
	if b.err == nil {
		b.draft, b.err = correlate(doc, parts)
	}
	var r *Rule
	if r, b.err = im.write(doc, b.draft, b.err, b.rules); b.err != nil {
		im.refuse(doc, b.err)
	} else {
		b.rules = append(b.rules, *r)
	}
	im.built[doc] = b
	return b
}

// parts finds what a correlation names: rules, and correlations, which it reads by their alerts.
func (im *importer) parts(doc *document, above []*document) (parts []*compiled, reads []Rule, err error) {
	n := doc.n.get("correlation")
	for _, reference := range n.textsOf("rules") {
		if c := im.find(reference, doc); c != nil {
			parts = append(parts, c)
			continue
		}
		i := slices.IndexFunc(im.correlations, func(o *document) bool { return o.is(reference) })
		if i < 0 {
			return nil, nil, refuse(n.at, "its rule %q is not among the files", reference)
		}
		b := im.correlation(im.correlations[i], above)
		if b.err != nil {
			return nil, nil, refuse(n.at, "its correlation %q cannot be imported: %s", reference, b.err.Error())
		}
		for _, r := range b.rules {
			if !slices.ContainsFunc(reads, func(o Rule) bool { return o.ID == r.ID }) {
				reads = append(reads, r)
			}
		}
		id := b.rules[len(b.rules)-1].ID
		parts = append(parts, &compiled{doc: b.draft.doc, source: alertsOf(b.draft), cond: compared("rule_id == "+quoted(id), "")})
	}
	if len(parts) == 0 {
		return nil, nil, refuse(n.at, "the correlation names no rules")
	}
	return parts, reads, nil
}

// write makes the file of a draft, tries it with those that it reads, and keeps it.
func (im *importer) write(doc *document, d *draft, err error, reads []Rule) (*Rule, error) {
	if err != nil {
		return nil, err
	}
	id := im.id(doc)
	text, err := d.text(id)
	if err == nil {
		err = check(id, text, reads)
	}
	if bad, ok := errors.AsType[rule.Problems](err); ok {
		err = refuse(doc.at, "a rule of ours cannot say this%s: %s", doc.withLists(), bad[0].Summary())
	}
	if err != nil {
		return nil, err
	}
	im.taken[id] = true
	r := Rule{ID: id, Title: line(doc.title), File: doc.file, Line: doc.at.line, Text: text}
	im.result.Rules = append(im.result.Rules, r)
	return &r, nil
}

// id makes an id that no other rule has: of the title, then with the beginning of Sigma's id, then with a number.
func (im *importer) id(doc *document) string {
	free := func(id string) bool { return !im.taken[id] && (im.options.Taken == nil || !im.options.Taken(id)) }
	base := slug(doc.title)
	if free(base) {
		return base
	}
	if short := slug(doc.id); doc.id != "" {
		short, _, _ = strings.Cut(short, "-")
		if base += "-" + short; free(base) {
			return base
		}
	}
	for n := 2; ; n++ {
		if id := fmt.Sprintf("%s-%d", base, n); free(id) {
			return id
		}
	}
}

func (im *importer) refuse(doc *document, err error) {
	p := rule.Problem{File: doc.file, Line: max(doc.at.line, 1), Column: max(doc.at.column, 1), Message: err.Error()}
	if r, ok := errors.AsType[*refusal](err); ok {
		p.Line, p.Column, p.Hint = r.at.line, r.at.column, r.hint
	}
	im.refused[doc] = true
	im.result.Refusals = append(im.result.Refusals, Refusal{Title: line(doc.title), Problem: p})
}
