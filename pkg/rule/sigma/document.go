package sigma

import (
	"slices"
	"strings"
)

// document is one Sigma rule, correlation or filter, and where it stands.
type document struct {
	file string
	at   place
	n    *node

	title, name, id string
	lists           []string // ids of those that its placeholders were filled in from
}

// documents takes a file apart: the documents behind `action: global` are laid over it, until `action: reset`; those of
// `action: repeat` over the one before.
func documents(file string, text []byte) ([]*document, error) {
	trees, err := parse(text)
	if err != nil {
		return nil, err
	}
	var docs []*document
	var global, last *node
	for _, n := range trees {
		if n.kind != mapping {
			return nil, refuse(n.at, "this is no Sigma document: one is a mapping with title, logsource and detection")
		}
		switch strings.ToLower(n.textOf("action")) {
		case "global":
			global = merged(global, n)
			continue
		case "reset":
			global = nil
			continue
		case "repeat":
			n = merged(last, n)
		}
		n = merged(global, n)
		last = n
		docs = append(docs, newDocument(file, n))
	}
	return docs, nil
}

func newDocument(file string, n *node) *document {
	d := &document{file: file, at: n.at, n: n, title: n.textOf("title"), name: n.textOf("name"), id: n.textOf("id")}
	if d.title == "" {
		d.title = d.name
	}
	return d
}

// withLists says whose values the document has, "" where it has none.
func (d *document) withLists() string {
	if len(d.lists) == 0 {
		return ""
	}
	return ", with every value of " + strings.Join(slices.Compact(slices.Sorted(slices.Values(d.lists))), ", ")
}

// is reports whether the document is what a reference means: its id or its name.
func (d *document) is(reference string) bool {
	return reference != "" && (strings.EqualFold(d.id, reference) || d.name == reference)
}

// ofSigma reports whether the document is a rule, a correlation or a filter.
func (d *document) ofSigma() bool {
	return slices.ContainsFunc([]string{"detection", "logsource", "correlation", "filter"}, func(key string) bool { return d.n.get(key) != nil })
}

// filters reports whether the filter is one of the rule: it names the rule, or any of its log source.
func (d *document) filters(rule *document) bool {
	of, ours := rule.n.get("logsource"), d.n.get("logsource")
	same := !slices.ContainsFunc([]string{"product", "category", "service"}, func(key string) bool {
		return ours.textOf(key) != "" && !strings.EqualFold(ours.textOf(key), of.textOf(key))
	})
	return slices.ContainsFunc(d.n.get("filter").textsOf("rules"), func(name string) bool {
		return rule.is(name) || name == "any" && same
	})
}

var severities = map[string]string{
	"informational": "info", "info": "info", "low": "low", "medium": "medium", "high": "high", "critical": "critical", "": "medium",
}

func (d *document) severity() (string, error) {
	level := strings.ToLower(d.n.textOf("level"))
	s, ok := severities[level]
	if !ok {
		return "", refuse(d.n.get("level").at, "no severity is level %q", level)
	}
	return s, nil
}

// tags returns the ATT&CK techniques that the document names, and its other tags.
func (d *document) tags() (attack, others []string) {
	for _, tag := range d.n.textsOf("tags") {
		id, ok := strings.CutPrefix(strings.ToLower(tag), "attack.t")
		if ok && technique.MatchString(id) {
			attack = appendNew(attack, "T"+id)
		} else {
			others = appendNew(others, line(tag))
		}
	}
	return attack, others
}
