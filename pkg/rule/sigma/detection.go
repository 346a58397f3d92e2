package sigma

import (
	"slices"
	"strings"
)

// detection is what a rule looks for: named selections, and the condition over them.
type detection struct {
	source     *source
	fillings   *fillings
	selections []pair
	condition  *node
	timeframe  string

	done map[string]expression // of selections
}

func readDetection(n *node, s *source, f *fillings, at place) (*detection, error) {
	if n == nil || n.kind != mapping {
		return nil, refuse(at, "the rule has no detection")
	}
	d := &detection{source: s, fillings: f, done: map[string]expression{}, condition: n.get("condition"), timeframe: n.textOf("timeframe")}
	if d.condition == nil || d.condition.kind == null {
		return nil, refuse(n.at, "the detection has no condition")
	}
	for _, p := range n.pairs {
		if p.key != "condition" && p.key != "timeframe" {
			d.selections = append(d.selections, p)
		}
	}
	return d, nil
}

// named compiles the selection of that name. Selections that no condition names are not looked at.
func (d *detection) named(name string, at place) (expression, error) {
	if e, ok := d.done[name]; ok {
		return e, nil
	}
	i := slices.IndexFunc(d.selections, func(p pair) bool { return p.key == name })
	if i < 0 {
		return expression{}, &refusal{at: at, message: "no selection is named " + name, hint: nearest(name, d.names())}
	}
	e, err := d.selection(d.selections[i].value)
	if err != nil {
		return expression{}, err
	}
	d.done[name] = e
	return e, nil
}

func (d *detection) names() []string {
	names := make([]string, len(d.selections))
	for i, p := range d.selections {
		names[i] = p.key
	}
	return names
}

// selection compiles a mapping (all of its fields), a list of mappings (any), or keywords (any).
func (d *detection) selection(n *node) (expression, error) {
	switch n.kind {
	case mapping:
		var parts []expression
		for _, p := range n.pairs {
			e, err := d.field(p)
			if err != nil {
				return expression{}, err
			}
			parts = append(parts, e)
		}
		if len(parts) == 0 {
			return expression{}, refuse(n.at, "an empty selection says nothing")
		}
		return and(parts...), nil
	case list:
		return d.anyOf(n)
	case scalar:
		return d.keywords(pair{at: n.at, value: n})
	case null:
	}
	return expression{}, refuse(n.at, "an empty selection says nothing")
}

// anyOf compiles a list: keywords together, each mapping for itself.
func (d *detection) anyOf(n *node) (expression, error) {
	var parts []expression
	words := &node{kind: list, at: n.at}
	for _, item := range n.items {
		switch item.kind {
		case scalar:
			words.items = append(words.items, item)
		case mapping:
			e, err := d.selection(item)
			if err != nil {
				return expression{}, err
			}
			parts = append(parts, e)
		case null, list:
			return expression{}, refuse(item.at, "a selection is a list of mappings or of keywords")
		}
	}
	if len(words.items) > 0 {
		e, err := d.keywords(pair{at: n.at, value: words})
		if err != nil {
			return expression{}, err
		}
		parts = append(parts, e)
	}
	if len(parts) == 0 {
		return expression{}, refuse(n.at, "an empty selection says nothing")
	}
	return or(parts...), nil
}

// field compiles one field of a selection with its values.
func (d *detection) field(p pair) (expression, error) {
	if strings.HasPrefix(p.key, "|") || p.key == "" {
		return d.keywords(p)
	}
	it, err := readItem(p, d.fillings)
	if err != nil {
		return expression{}, err
	}
	o, err := d.source.operand(it.field, p.at)
	if err != nil {
		return expression{}, err
	}
	return it.compile(o, d.source)
}

// keywords compiles words without a field: they stand anywhere in the record.
func (d *detection) keywords(p pair) (expression, error) {
	it, err := readItem(p, d.fillings)
	if err != nil {
		return expression{}, err
	}
	if it.by == equals && !it.pattern {
		it.by = contains
	}
	if it.exists || it.network || it.other || it.order != "" || it.clock != "" {
		return expression{}, refuse(p.at, "this modifier needs a field")
	}
	return it.compile(operand{kind: textKind, name: "a keyword", text: "raw"}, d.source)
}
