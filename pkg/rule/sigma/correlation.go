package sigma

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// correlation is a correlation being translated.
type correlation struct {
	doc   *document
	n     *node
	parts []*compiled
}

// correlate translates a correlation over rules.
func correlate(doc *document, parts []*compiled) (*draft, error) {
	c := &correlation{doc: doc, n: doc.n.get("correlation"), parts: parts}
	for _, p := range parts {
		if p.err != nil {
			return nil, refuse(c.n.at, "its rule %q cannot be imported: %s", p.doc.title, p.err.Error())
		}
		if p.aggregate != nil {
			return nil, refuse(c.n.at, "its rule %q counts by itself", p.doc.title)
		}
	}
	within, err := timespan(c.n.textOf("timespan"), c.place("timespan"))
	if err != nil {
		return nil, err
	}
	switch kind := c.n.textOf("type"); kind {
	case "event_count", "value_count", "value_sum", "value_avg", "value_median", "value_percentile":
		return c.counted(kind, within)
	case "temporal", "temporal_ordered":
		return c.sequence(within, kind == "temporal_ordered")
	default:
		return nil, refuse(c.place("type"), "%q is no type of correlation", kind)
	}
}

func (c *correlation) place(key string) place {
	if v := c.n.get(key); v != nil {
		return v.at
	}
	return c.n.at
}

// counted makes a threshold, distinct, sum or average over what any of the rules matches.
func (c *correlation) counted(kind, within string) (*draft, error) {
	s := c.parts[0].source
	var conds []expression
	for _, p := range c.parts {
		if p.source.class != s.class {
			return nil, refuse(c.place("rules"), "a count is over events of one class, and these are %s and %s", s.class, p.source.class)
		}
		conds = append(conds, p.cond)
	}
	d := &draft{doc: c.doc, source: s}
	for _, name := range c.n.textsOf("group-by") {
		key, err := c.sharedKey(name, conds)
		if err != nil {
			return nil, err
		}
		d.group = appendNew(d.group, key)
	}
	d.cond = or(conds...)
	if kind == "value_avg" || kind == "value_median" || kind == "value_percentile" {
		return d, c.average(d, kind, within)
	}
	least, err := c.least()
	if err != nil {
		return nil, err
	}
	of := c.n.get("condition").textsOf("field")
	switch {
	case kind == "event_count":
		d.kind = fmt.Sprintf("threshold: { count: %d, within: %s }", least, within)
		return d, nil
	case len(of) != 1:
		return nil, refuse(c.place("condition"), "%s needs one field", kind)
	case kind == "value_sum":
		return d, sum(d, s, of[0], least, within, c.place("condition"))
	}
	return d, distinct(d, s, of[0], least, within, c.place("condition"))
}

// average makes the kind of a mean or a percentile, in a bucket of the timespan.
func (c *correlation) average(d *draft, kind, within string) error {
	cond := c.n.get("condition")
	of := cond.textsOf("field")
	if len(of) != 1 {
		return refuse(c.place("condition"), "%s needs one field", kind)
	}
	o, err := d.source.operand(of[0], c.place("condition"))
	if err != nil {
		return err
	}
	if o.kind != number {
		return refuse(c.place("condition"), "%s is of numbers, and %s is %s", kind, of[0], o.kind)
	}
	quantile := ""
	switch kind {
	case "value_median":
		quantile = " quantile: 0.5,"
	case "value_percentile":
		n, err := strconv.ParseUint(cond.textOf("percentile"), 10, 8)
		if err != nil || n == 0 || n > 100 {
			return refuse(c.place("condition"), "value_percentile needs a percentile from 1 to 100, not %q", cond.textOf("percentile"))
		}
		quantile = fmt.Sprintf(" quantile: %g,", float64(n)/100)
	}
	limit, err := c.limit()
	if err != nil {
		return err
	}
	if span, ok := rule.ParseDuration(within); !ok || span < time.Minute || span > 7*24*time.Hour {
		return refuse(c.place("timespan"), "%s is taken in stretches of 1m to 7d, not %s", kind, within)
	}
	d.kind = fmt.Sprintf("average: { of: %s,%s %s, bucket: %s }", wordText(o.key), quantile, limit, within)
	d.show = []string{o.key}
	return nil
}

// limits are the bounds of kind average.
var limits = map[string]rule.Bound{"gt": rule.Over, "gte": rule.AtLeast, "lt": rule.Under, "lte": rule.AtMost}

var limitPattern = regexp.MustCompile(`^\d{1,15}(\.\d{1,6})?$`)

// limit writes the one bound of a condition that is no count.
func (c *correlation) limit() (string, error) {
	cond, text := c.n.get("condition"), ""
	for _, p := range cond.pairs {
		if p.key == "field" || p.key == "percentile" {
			continue
		}
		bound, ok := limits[p.key]
		switch {
		case !ok:
			return "", refuse(p.at, "a mean or a percentile is held against a limit by gt, gte, lt or lte, not by %s", p.key)
		case !limitPattern.MatchString(p.value.text) || strings.Trim(p.value.text, "0.") == "":
			return "", refuse(p.value.at, "%s needs a number above 0, with six decimals at most, not %q", p.key, p.value.text)
		case text != "":
			return "", refuse(p.at, "a mean or a percentile has one limit")
		}
		text = fmt.Sprintf("%s: %s", bound, p.value.text)
	}
	if text == "" {
		return "", refuse(c.place("condition"), "the condition has to say a limit: gt, gte, lt or lte")
	}
	return text, nil
}

// least returns the number from which on the condition holds, refusing conditions that more events could undo.
func (c *correlation) least() (uint64, error) {
	cond := c.n.get("condition")
	switch {
	case cond == nil || cond.kind == null:
		return 0, refuse(c.n.at, "the correlation has no condition")
	case cond.kind != mapping:
		return 0, refuse(cond.at, "between rules a condition can say and alone, in a temporal correlation: all of them have to come")
	}
	least, found := uint64(0), false
	for _, p := range cond.pairs {
		if p.key == "field" || p.key == "percentile" {
			continue
		}
		n, err := strconv.ParseUint(p.value.text, 10, 32)
		switch {
		case err != nil:
			return 0, refuse(p.value.at, "%s needs a whole number, not %q", p.key, p.value.text)
		case p.key == "gt":
			n++
		case p.key != "gte":
			return 0, refuse(p.at, "kinds of rules fire from a number on: gt and gte can be said, not %s, which another event would undo", p.key)
		}
		least, found = max(least, n), true
	}
	if !found || least == 0 {
		return 0, refuse(cond.at, "the condition has to say from which number on: gt, or gte of at least 1")
	}
	return least, nil
}

// field returns what a name of group-by, a field or an alias, is in one of the rules.
func (c *correlation) field(name string, p *compiled) (operand, error) {
	at := c.place("group-by")
	alias := c.n.get("aliases").get(name)
	if alias == nil {
		return grouping(p.source, name, at)
	}
	for _, of := range alias.pairs {
		if p.doc.is(of.key) {
			return grouping(p.source, of.value.text, of.value.at)
		}
	}
	return operand{}, refuse(alias.at, "alias %s does not say which field of rule %q it is", name, p.doc.title)
}

// sharedKey is the key of a name of group-by where all rules have the same; conds are their conditions, to which what the
// field needs is added.
func (c *correlation) sharedKey(name string, conds []expression) (string, error) {
	shared := ""
	for i, p := range c.parts {
		o, err := c.field(name, p)
		if err != nil {
			return "", err
		}
		if shared != "" && shared != o.key {
			return "", refuse(c.place("group-by"), "%s is %s in one rule and %s in another: a count has one key", name, shared, o.key)
		}
		shared, conds[i] = o.key, o.having(conds[i])
	}
	return shared, nil
}

// sequence makes a sequence with a step for each rule.
func (c *correlation) sequence(within string, ordered bool) (*draft, error) {
	if len(c.parts) < 2 {
		return nil, refuse(c.place("rules"), "a sequence needs two rules at least")
	}
	if cond := c.n.get("condition"); cond != nil && cond.kind != null && !c.joins(cond) {
		least, err := c.least()
		if err != nil {
			return nil, err
		}
		if least != uint64(len(c.parts)) {
			return nil, refuse(c.place("condition"), "a sequence needs all of its %d steps, not %d of them", len(c.parts), least)
		}
	}
	d := &draft{doc: c.doc, source: c.parts[0].source, within: within, order: ordered}
	for i, p := range c.parts {
		d.steps = append(d.steps, step{name: stepName(first(p.doc.name, p.doc.title), i, d.steps), source: p.source, cond: p.cond})
	}
	for _, name := range c.n.textsOf("group-by") {
		var keys []string
		for i, p := range c.parts {
			o, err := c.field(name, p)
			if err != nil {
				return nil, err
			}
			keys, d.steps[i].cond = append(keys, o.key), o.having(d.steps[i].cond)
		}
		group := keys[max(0, slices.IndexFunc(c.parts, func(p *compiled) bool { return p.source.class != event.Alert }))]
		d.group = appendNew(d.group, group)
		for i, key := range keys {
			if key != group {
				d.steps[i].by = append(d.steps[i].by, [2]string{group, key})
			}
		}
	}
	return d, nil
}

// joins reports whether a condition written as text asks for all of the rules.
func (c *correlation) joins(cond *node) bool {
	names := strings.Fields(cond.text)
	for i, word := range names {
		if i%2 == 1 && !strings.EqualFold(word, "and") || i%2 == 0 && !slices.ContainsFunc(c.parts, func(p *compiled) bool { return p.doc.is(word) }) {
			return false
		}
	}
	return cond.kind == scalar && !slices.ContainsFunc(c.parts, func(p *compiled) bool { return !slices.ContainsFunc(names, p.doc.is) })
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

var notStep = regexp.MustCompile(`[^a-z0-9]+`)

// stepName makes the name of a step of a rule's name: no field's, and no other step's.
func stepName(name string, i int, others []step) string {
	s := strings.Trim(notStep.ReplaceAllString(strings.ToLower(name), "_"), "_")
	if len(s) > 40 {
		s = strings.Trim(s[:40], "_")
	}
	taken := slices.ContainsFunc(others, func(o step) bool { return o.name == s })
	if s == "" || s[0] < 'a' || taken || event.Lookup(s) != nil {
		s = "step_" + strconv.Itoa(i+1)
	}
	return s
}
