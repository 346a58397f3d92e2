package sigma

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// compiled is a Sigma rule ready to be written, or to be a part of a correlation.
type compiled struct {
	doc       *document
	source    *source
	cond      expression
	aggregate *aggregation
	timeframe string
	doubts    []*refusal
	err       error
	part      bool // of a correlation, and not to be a rule by itself
}

// compile translates one Sigma rule with the filters that name it.
func compile(doc *document, filters []*document, lists map[string][]string) *compiled {
	c := &compiled{doc: doc}
	f := &fillings{lists: lists}
	c.err = c.read(filters, f)
	doc.lists = f.used
	return c
}

func (c *compiled) read(filters []*document, lists *fillings) error {
	var err error
	if c.source, err = sourceOf(c.doc.n.get("logsource"), c.doc.at); err != nil {
		return err
	}
	d, err := readDetection(c.doc.n.get("detection"), c.source, lists, c.doc.at)
	if err != nil {
		return err
	}
	e, a, err := d.compile()
	if err != nil {
		return err
	}
	for _, f := range filters {
		keep, err := filter(f, c.source, lists)
		if err != nil {
			return refuse(c.doc.at, "its filter %q cannot be imported: %s", f.title, err.Error())
		}
		e = and(e, keep)
	}
	c.cond, c.aggregate, c.timeframe = c.source.base(e), a, d.timeframe
	c.doubts = d.doubts(a != nil)
	return nil
}

// filter compiles what a filter leaves of the rules that it names.
func filter(f *document, s *source, lists *fillings) (expression, error) {
	d, err := readDetection(f.n.get("filter"), s, lists, f.at)
	if err != nil {
		return expression{}, err
	}
	d.selections = slices.DeleteFunc(d.selections, func(p pair) bool { return p.key == "rules" })
	e, a, err := d.compile()
	if err == nil && a != nil {
		err = refuse(a.at, "a filter has no aggregation")
	}
	return e, err
}

// rule makes the draft of a rule that stands by itself.
func (c *compiled) rule() (*draft, error) {
	d := &draft{doc: c.doc, source: c.source, cond: c.cond, group: c.source.group}
	if c.aggregate == nil {
		return d, nil
	}
	within, err := c.within()
	if err != nil {
		return nil, err
	}
	if c.aggregate.function == "near" {
		return c.near(d, within), nil
	}
	d.group = nil
	if c.aggregate.by != "" {
		o, err := grouping(c.source, c.aggregate.by, c.aggregate.at)
		if err != nil {
			return nil, err
		}
		d.group, d.cond = []string{o.key}, o.having(d.cond)
	}
	least, err := c.aggregate.least()
	if err != nil {
		return nil, err
	}
	switch {
	case c.aggregate.function == "sum":
		return d, sum(d, c.source, c.aggregate.field, least, within, c.aggregate.at)
	case c.aggregate.field != "":
		return d, distinct(d, c.source, c.aggregate.field, least, within, c.aggregate.at)
	}
	d.kind = fmt.Sprintf("threshold: { count: %d, within: %s }", least, within)
	return d, nil
}

// within is the length of time that the rule counts in.
func (c *compiled) within() (string, error) {
	if outside := c.doc.n.get("timeframe"); c.timeframe == "" && outside != nil {
		return "", refuse(outside.at, "timeframe belongs into detection: here Sigma does not read it")
	}
	if c.timeframe == "" {
		return "", refuse(c.aggregate.at, "%s needs a length of time to count in: timeframe of detection, such as 10m", c.aggregate.function)
	}
	return timespan(c.timeframe, c.aggregate.at)
}

func (a *aggregation) least() (uint64, error) {
	switch {
	case a.order == ">":
		return a.number + 1, nil
	case a.order == ">=" && a.number > 0:
		return a.number, nil
	}
	return 0, refuse(a.at, "kinds of rules fire from a number on: > and >= 1 can be said, not %s %d", a.order, a.number)
}

// near makes a sequence without an order of the rule's selections.
func (c *compiled) near(d *draft, within string) *draft {
	d.group, d.within = nil, within
	d.steps = []step{{name: "first", source: c.source, cond: c.cond}}
	for i, n := range c.aggregate.near {
		d.steps = append(d.steps, step{name: stepName(n.name, i+1, d.steps), source: c.source, cond: c.source.base(n.cond)})
	}
	return d
}

func distinct(d *draft, s *source, name string, least uint64, within string, at place) error {
	o, err := grouping(s, name, at)
	if err != nil {
		return err
	}
	d.kind = fmt.Sprintf("distinct: { of: %s, count: %d, within: %s }", wordText(o.key), least, within)
	d.show, d.cond = []string{o.key}, o.having(d.cond)
	return nil
}

func sum(d *draft, s *source, name string, least uint64, within string, at place) error {
	o, err := s.operand(name, at)
	if err != nil {
		return err
	}
	if o.kind != number {
		return refuse(at, "a sum adds up numbers, and %s is %s", name, o.kind)
	}
	d.kind = fmt.Sprintf("sum: { of: %s, total: %d, within: %s }", o.key, least, within)
	d.show = []string{o.key}
	return nil
}

// grouping returns a field as events are grouped by it or its values counted: its key is not "".
func grouping(s *source, name string, at place) (operand, error) {
	o, err := s.operand(name, at)
	if err == nil && (o.key == "" || o.kind == object || o.kind == listKind) {
		err = refuse(at, "%s cannot be grouped by or counted: it is no one field of ours", name)
	}
	return o, err
}

// having is e for events that have the field: a field of ours that holds another's value otherwise would group by that.
func (o operand) having(e expression) expression {
	if o.guard == nil {
		return e
	}
	return and(e, *o.guard)
}

var (
	spanPattern = regexp.MustCompile(`^(\d{1,5})\s*([smhdwMy])$`)
	spanDays    = map[string]int{"w": 7, "M": 30, "y": 365}
)

// timespan writes a length of time as rules do; months have 30 days and years 365.
func timespan(s string, at place) (string, error) {
	m := spanPattern.FindStringSubmatch(s)
	if m == nil || strings.Trim(m[1], "0") == "" {
		return "", refuse(at, "a length of time such as 10m or 24h is needed, not %q", s)
	}
	n, _ := strconv.Atoi(m[1])
	if days := spanDays[m[2]]; days > 0 {
		return strconv.Itoa(n*days) + "d", nil
	}
	return strconv.Itoa(n) + m[2], nil
}
