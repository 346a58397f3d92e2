package sigma

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// draft is a rule of ours before it is text.
type draft struct {
	doc    *document
	source *source
	cond   expression
	group  []string
	kind   string   // the block that makes the kind, "" for match
	steps  []step   // of a sequence
	within string   // of a sequence
	order  bool     // of a sequence
	show   []string // beside the source's own
}

// step is a step of a sequence.
type step struct {
	name   string
	source *source
	cond   expression
	by     [][2]string // key of the group, and the step's own
}

var technique = regexp.MustCompile(`^\d{4}(\.\d{3})?$`)

// licence is that of SigmaHQ's rules, where a rule names no other.
const (
	licence    = "DRL-1.1"
	licenceURL = "https://github.com/SigmaHQ/Detection-Rule-License"
)

// text writes the rule's file.
func (d *draft) text(id string) ([]byte, error) {
	severity, err := d.doc.severity()
	if err != nil {
		return nil, err
	}
	w := &writer{}
	d.head(w)
	w.line("id: %s", id)
	w.line("title: %s", scalarText(literalText(d.doc.title)))
	w.line("severity: %s", severity)
	w.line("maturity: experimental # Sigma's rules have no tests")
	if d.steps == nil {
		d.target(w)
	}
	w.list("group_by", d.group)
	if d.kind != "" {
		w.line("%s", d.kind)
	}
	if d.steps != nil {
		d.sequence(w)
	}
	if d.kind == "" && d.steps == nil {
		w.line("dedup: 1h")
	}
	w.list("show", d.shown())
	attack, tags := d.doc.tags()
	w.list("attack", attack)
	w.list("tags", tags)
	d.words(w)
	return []byte(w.String()), nil
}

func (d *draft) target(w *writer) {
	w.line("class: %s", d.source.class)
	if d.source.class != event.Alert {
		w.line("outcome: any")
	}
	w.line("when: |\n%s", d.cond.block("  "))
}

func (d *draft) sequence(w *writer) {
	w.line("sequence:")
	w.line("  within: %s", d.within)
	if !d.order {
		w.line("  ordered: false")
	}
	w.line("  steps:")
	for _, s := range d.steps {
		w.line("    - name: %s", s.name)
		w.line("      class: %s", s.source.class)
		if s.source.class != event.Alert {
			w.line("      outcome: any")
		}
		w.line("      when: |\n%s", s.cond.block("        "))
		if len(s.by) > 0 {
			w.line("      by:")
		}
		for _, by := range s.by {
			w.line("        %s: %s", scalarText(by[0]), scalarText(by[1]))
		}
	}
}

// shown lists the fields to show: what the Sigma rule asks for, else what is telling of its source.
func (d *draft) shown() []string {
	show := slices.Clone(d.show)
	for _, name := range d.doc.n.textsOf("fields") {
		if o, err := d.source.operand(name, place{}); err == nil && o.key != "" && o.kind != object && len(show) < 12 {
			show = appendNew(show, o.key)
		}
	}
	for _, name := range d.source.show {
		show = appendNew(show, name)
	}
	return slices.DeleteFunc(show, func(k string) bool { return slices.Contains(d.group, k) })
}

// head says where the rule comes from and on what terms.
func (d *draft) head(w *writer) {
	n := d.doc.n
	about := []string{"Imported from the Sigma rule " + path.Base(strings.ReplaceAll(d.doc.file, `\`, "/"))}
	for _, part := range [][2]string{{"id ", d.doc.id}, {"by ", n.textOf("author")}, {"of ", n.textOf("date")}} {
		if part[1] != "" {
			about = append(about, part[0]+part[1])
		}
	}
	w.line("# %s.", strings.TrimSuffix(line(strings.Join(about, ", ")), "."))
	if d.licence() == licence {
		w.line("# Detection Rule License 1.1 (%s), unless its repository says otherwise.", licenceURL)
	} else {
		w.line("# Licence: %s.", strings.TrimSuffix(line(d.licence()), "."))
	}
	if d.doc.lists != nil {
		w.line("# Written%s, as they were at the import: import it again when they change.", d.doc.withLists())
	}
}

func (d *draft) licence() string {
	if l := d.doc.n.textOf("license"); l != "" {
		return l
	}
	return licence
}

// words writes what people read.
func (d *draft) words(w *writer) {
	n := d.doc.n
	var known []string
	for _, f := range n.textsOf("falsepositives") {
		known = append(known, line(f))
	}
	w.block("false_positives", known)
	w.line("runbook: |")
	said := paragraphs(n.textOf("description"))
	if needs := n.get("logsource").textOf("definition"); needs != "" {
		said = append(said, append([]string{"Its log source:"}, paragraphs(needs)...)...)
	}
	for _, l := range said {
		w.line("%s", strings.TrimRight("  "+l, " "))
	}
	author := ""
	if a := n.textOf("author"); a != "" {
		author = " by " + literalText(a)
	}
	w.line("  A Sigma rule%s, without a runbook of its own: look at what the same actor did before and after.", author)
	var links []string
	for _, r := range n.textsOf("references") {
		if (strings.HasPrefix(r, "https://") || strings.HasPrefix(r, "http://")) && !strings.ContainsAny(r, " \t\n") {
			links = appendNew(links, line(r))
		}
	}
	w.block("references", links)
	w.line("source:")
	for _, part := range [][2]string{{"author", n.textOf("author")}, {"licence", d.licence()}, {"id", d.doc.id}, {"date", n.textOf("date")}} {
		if v := line(part[1]); v != "" {
			w.line("  %s: %s", part[0], scalarText(v))
		}
	}
}

// writer builds a YAML text.
type writer struct{ strings.Builder }

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// list writes a list of words on one line.
func (w *writer) list(key string, items []string) {
	if len(items) == 0 {
		return
	}
	texts := make([]string, len(items))
	for i, t := range items {
		texts[i] = wordText(t)
	}
	w.line("%s: [%s]", key, strings.Join(texts, ", "))
}

// block writes a list of sentences, one a line.
func (w *writer) block(key string, items []string) {
	if len(items) == 0 {
		return
	}
	w.line("%s:", key)
	for _, t := range items {
		w.line("  - %s", scalarText(t))
	}
}

var (
	plainScalar = regexp.MustCompile(`^[A-Za-z/(][\pL\pN _./()+,;'?!=%@|:#&~-]*$`)
	plainOther  = regexp.MustCompile(`^(\d{4}[-/]\d{2}[-/]\d{2}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`) // a date, a UUID
	plainWord   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)
	reserved    = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
)

// scalarText writes a text as a value of a mapping or an item of a list.
func scalarText(s string) string {
	plain := plainScalar.MatchString(s) && strings.TrimSpace(s) == s && !slices.Contains(reserved, strings.ToLower(s)) &&
		!strings.Contains(s, ": ") && !strings.HasSuffix(s, ":") && !strings.Contains(s, " #")
	if plain || plainOther.MatchString(s) {
		return s
	}
	return inQuotes(s)
}

// wordText writes a text between commas.
func wordText(s string) string {
	if plainWord.MatchString(s) && !slices.Contains(reserved, strings.ToLower(s)) {
		return s
	}
	return inQuotes(s)
}

func inQuotes(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string is always JSON
	return strings.TrimSuffix(b.String(), "\n")
}

// line is a text as one line that a terminal and YAML take as it is.
func line(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}

// literalText is a text without the places that a template would fill in.
func literalText(s string) string { return strings.NewReplacer("{", "(", "}", ")").Replace(line(s)) }

// paragraphs are the lines of a description, then an empty one.
func paragraphs(s string) []string {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	var lines []string
	for l := range strings.Lines(strings.TrimSpace(s)) {
		lines = append(lines, literalText(l))
	}
	return append(lines, "")
}

var notKebab = regexp.MustCompile(`[^a-z0-9]+`)

// maxID bounds an id, which is a file's name.
const maxID = 80

// slug makes an id of a title.
func slug(title string) string {
	s := strings.NewReplacer("'", "", "’", "").Replace(strings.ToLower(title))
	s = strings.Trim(notKebab.ReplaceAllString(s, "-"), "-")
	if len(s) > maxID { // at the end of a word
		s = strings.Trim(s[:max(strings.LastIndexByte(s[:maxID+1], '-'), maxID/2)], "-")
	}
	if s == "" {
		return "sigma-rule"
	}
	return s
}

// check loads the file as any other, with those that it reads, so that what is imported loads.
func check(id string, text []byte, reads []Rule) error {
	_, err := rule.LoadTexts(texts(append(slices.Clone(reads), Rule{ID: id, Text: text}))...)
	return err
}

func texts(rules []Rule) []rule.Text {
	all := make([]rule.Text, len(rules))
	for i, r := range rules {
		all[i] = rule.Text{Name: r.ID + ".yml", Text: r.Text}
	}
	return all
}
