// Package ruledoc writes the reference of a rule set: a page of Markdown for each pack, with what every rule looks for, in
// words and as its condition, and what to do about it.
//
// A set comes in, pages go out as text by name; the package opens no file. What rules say is text, whatever it looks like:
// marks of Markdown and HTML in it are escaped. Start reading at Pages.
package ruledoc

import (
	"fmt"
	"path"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/rule/attack"
)

// Page is the reference of one pack.
type Page struct {
	Pack string // name of the folder that the rules are in
	Text string // Markdown
}

// Pages returns a page for each pack of the set, in the order of their names; rules are in the order of their ids.
func Pages(set *rule.Set) []Page {
	var pages []Page
	byPack := map[string][]*rule.Rule{}
	for _, r := range set.Rules() {
		pack := path.Base(path.Dir(strings.ReplaceAll(r.File, `\`, "/")))
		if pack == "." || pack == "/" {
			pack = "rules"
		}
		byPack[pack] = append(byPack[pack], r)
	}
	matrix := attack.Load()
	for _, pack := range sortedKeys(byPack) {
		d := &document{matrix: matrix}
		d.line("# Rules of %s", escape(pack))
		d.line("")
		d.line("%d rules, by id.", len(byPack[pack]))
		for _, r := range byPack[pack] {
			d.rule(r)
		}
		pages = append(pages, Page{pack, d.String()})
	}
	return pages
}

// document is a page being written.
type document struct {
	strings.Builder
	matrix *attack.Matrix
}

func (d *document) line(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

func (d *document) rule(r *rule.Rule) {
	d.line("\n## %s\n\n%s\n", r.ID, escape(r.Title.Source))
	d.line("* Severity: %s", Severity(r))
	if r.Maturity != rule.Stable || r.Mode != rule.Live {
		d.line("* Maturity: %s, mode: %s", r.Maturity, r.Mode)
	}
	d.line("* Alerts: %s", Sentence(r))
	if len(r.Attack) > 0 {
		d.line("* ATT&CK: %s", d.techniques(r))
	}
	if len(r.Tags) > 0 {
		d.line("* Tags: %s", escape(strings.Join(r.Tags, ", ")))
	}
	if r.Source != nil {
		d.line("* Taken over from: %s", escape(source(r.Source)))
	}
	d.conditions(r)
	d.list("False positives", r.FalsePositives)
	if r.Runbook.Source != "" {
		d.line("\nRunbook:\n\n%s", fenced(strings.TrimRight(r.Runbook.Source, "\n")))
	}
	var tests []string
	for _, t := range r.Tests {
		what := "no alert"
		if len(t.Alerts) == 1 {
			what = "an alert"
		} else if len(t.Alerts) > 1 {
			what = fmt.Sprintf("%d alerts", len(t.Alerts))
		}
		tests = append(tests, t.Name+": "+what)
	}
	d.list("Tests", tests)
	d.list("References", r.References)
}

func (d *document) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	d.line("\n%s:\n", title)
	for _, item := range items {
		d.line("* %s", escape(strings.Join(strings.Fields(item), " ")))
	}
}

func (d *document) techniques(r *rule.Rule) string {
	var links []string
	for _, id := range r.Attack {
		if t := d.matrix.Technique(id); t != nil {
			links = append(links, fmt.Sprintf("[%s](%s) %s", id, t.URL(), escape(d.matrix.Name(id))))
		} else {
			links = append(links, id)
		}
	}
	return strings.Join(links, "; ")
}

// conditions shows what events are held against: of a sequence step for step.
func (d *document) conditions(r *rule.Rule) {
	if r.Sequence == nil {
		d.line("\nLooks at %s, where:\n\n%s", looksAt(r.Class, r.Outcome), fenced(strings.TrimRight(r.When, "\n")))
		return
	}
	for i, s := range r.Sequence.Steps {
		what := ""
		if s.Unless {
			what = ", which must not come"
		}
		d.line("\nStep %d, `%s`%s: %s, where:\n\n%s", i+1, s.Name, what, looksAt(s.Class, s.Outcome), fenced(strings.TrimRight(s.When, "\n")))
	}
}

// looksAt names events; alerts have no outcome.
func looksAt(c event.Class, outcome string) string {
	if c == event.Alert {
		return "alerts of other rules"
	}
	return fmt.Sprintf("events of class %s, outcome %s", c, outcome)
}

func source(s *rule.Source) string {
	var parts []string
	for _, p := range []string{s.ID, s.Author, s.Licence, s.URL} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ", ")
}

// fenced makes a block of text; its fence is longer than any in the text.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "text\n" + text + "\n" + fence
}

var escapes = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "<", "&lt;", "[", `\[`, "|", `\|`)

// escape keeps text from being taken for Markdown or HTML.
func escape(text string) string { return escapes.Replace(text) }
