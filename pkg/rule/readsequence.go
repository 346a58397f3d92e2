package rule

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// maxSteps is how many steps a sequence has at most.
const maxSteps = 10

var stepName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// readSequence reads the block sequence, and what else of the rule depends on its steps.
func readSequence(m *mapping, r *Rule, lists *lists) naming {
	for _, key := range []string{"class", "outcome", "when"} {
		if m.take(key) != nil {
			m.report(m.places[key], "", "%s belongs into each step of a sequence", key)
		}
	}
	for _, kind := range kinds {
		if m.take(kind.name) != nil {
			m.report(m.places[kind.name], "", "a rule has one kind: sequence is given already")
		}
	}
	m.known = append(m.known, "show") // which needs the steps
	before := len(*m.problems)
	r.GroupBy = m.keys(m.take("group_by"), "group_by", m.groupKey, event.None)
	r.Sequence = &Sequence{Ordered: true, groupless: len(*m.problems) > before}
	n := m.take("sequence")
	if n == nil {
		return nil
	}
	b, ok := m.mapping(n, "sequence")
	if !ok {
		return nil
	}
	r.Sequence.Within = within(b)
	if n := b.take("ordered"); n != nil {
		r.Sequence.Ordered = b.word(n, "ordered", "true", "false") != "false"
	}
	readSteps(b, r, lists)
	b.done()
	if len(*m.problems) > before {
		return nil
	}
	checkGroup(m, r)
	readShow(m, r)
	return func(name string) (Key, *mistake) { return r.stepKey(name) }
}

// readSteps reads the list of steps.
func readSteps(b *mapping, r *Rule, lists *lists) {
	n := b.need("steps")
	nodes, ok := b.list(n, "steps")
	if !ok {
		return
	}
	if len(nodes) < 2 || len(nodes) > maxSteps {
		b.report(nodePlace(n), "", "a sequence has 2 to %d steps, not %d", maxSteps, len(nodes))
	}
	for i, el := range nodes {
		m, ok := b.mapping(el, "the step")
		if !ok {
			continue
		}
		s := &Step{no: i}
		readStepName(m, r, s)
		t := readTarget(m, lists)
		s.Class, s.Outcome, s.When, s.cond = t.class, t.outcome, t.when, t.cond
		readUnless(m, r, s)
		readBy(m, r, s)
		m.done()
		r.Sequence.Steps = append(r.Sequence.Steps, s)
	}
}

func readStepName(m *mapping, r *Rule, s *Step) {
	n := m.need("name")
	name, ok := m.text(n, "name")
	if !ok {
		return
	}
	s.Name = name
	switch {
	case !stepName.MatchString(name):
		m.report(nodePlace(n), "", "the name of a step is of a-z, 0-9 and _, not %q", name)
	case event.Lookup(name) != nil:
		m.report(nodePlace(n), "", "%s is a field: give the step another name", name)
	case r.Sequence.Step(name) != nil:
		m.report(nodePlace(n), "", "two steps are named %s", name)
	}
}

func readUnless(m *mapping, r *Rule, s *Step) {
	n := m.take("unless")
	if n == nil {
		return
	}
	s.Unless = m.word(n, "unless", "true", "false") == "true"
	switch {
	case !s.Unless:
	case s.no == 0:
		m.report(nodePlace(n), "", "the first step cannot be unless: it says what must not come between steps, or after the last")
	case !r.Sequence.Ordered:
		m.report(nodePlace(n), "", "unless needs an order: it says what must not come between steps, or after the last")
	}
}

// readBy finds the step's key for each key of group_by: the one that by names, or the field of the same name.
func readBy(m *mapping, r *Rule, s *Step) {
	by := &mapping{}
	if n := m.take("by"); n != nil {
		block, ok := m.mapping(n, "by")
		if !ok {
			return
		}
		by = block
	}
	s.By = make([]Key, len(r.GroupBy))
	gives := 0
	for i, g := range r.GroupBy {
		if n := by.take(g.Name); n != nil {
			k, ok := m.key(n, "each of by", s.Class)
			if !ok {
				continue
			}
			s.By[i] = k
		} else if k, bad := parseKey(g.Name, s.Class); bad == nil && s.Class != event.None {
			s.By[i] = k
			s.Capture = append(s.Capture, k)
		}
		if s.Gives(i) {
			gives++
		}
	}
	if _, err := NewElements(s.By); err != nil {
		m.report(m.places["by"], "", "%s", err)
	}
	for _, name := range by.order {
		if !contains(by.known, name) && !r.Sequence.groupless {
			m.report(by.places[name], nearest(name, keyNames(r.GroupBy)), "by maps keys of group_by, and %s is none", name)
		}
	}
	if gives == 0 && len(r.GroupBy) > 0 && by.order == nil && s.Class != event.None {
		m.report(m.at, "", "step %s gives no key of group_by: events of class %s have none of them; say with by which of theirs stands for it", s.Name, s.Class)
	}
}

// checkGroup reports a group of which no event ever says whole which it is.
func checkGroup(m *mapping, r *Rule) {
	for _, s := range r.Sequence.Steps {
		if !s.Unless && s.GivesAll() {
			return
		}
	}
	m.report(m.places["group_by"], "", "no step gives every key of group_by: one has to say whole which group it is")
}

// readShow reads the fields to show: each step shows those that its class has.
func readShow(m *mapping, r *Rule) {
	n := m.take("show")
	r.Show = m.keys(n, "show", m.anyKey, event.None)
	for _, k := range r.Show {
		shown := false
		for _, s := range r.Sequence.Steps {
			if own, bad := parseKey(k.Name, s.Class); bad == nil {
				s.Capture = union(s.Capture, []Key{own})
				shown = true
			}
		}
		if !shown {
			m.report(nodePlace(n), "", "no step's class has %s", k.Name)
		}
	}
}

// anyKey is key where the class is that of some step.
func (s *source) anyKey(n ast.Node, what string, _ event.Class) (Key, bool) {
	name, ok := s.text(n, what)
	if !ok {
		return Key{}, false
	}
	k, bad := parseKey(name, event.None)
	if bad != nil {
		s.report(s.inside(n, name, bad.offset), bad.hint, "%s", bad.message)
	}
	return k, bad == nil
}

// groupKey is anyKey for a key of group_by, which has one value.
func (s *source) groupKey(n ast.Node, what string, c event.Class) (Key, bool) {
	name, ok := s.text(n, what)
	if ok && !strings.ContainsAny(name, ".[") && event.Lookup(name) == nil {
		s.report(nodePlace(n), nearest(name, fieldNames(event.None)),
			"%q is no field: a sequence groups by a field or a path (request.name), and each step says with by which of its own stands for it", name)
		return Key{}, false
	}
	k, ok := s.anyKey(n, what, c)
	if ok && k.Several() {
		s.report(nodePlace(n), "", "%s names one value: let a step say with by where it has several", what)
		return k, false
	}
	return k, ok
}

// Step returns the step of that name, nil when there is none.
func (q *Sequence) Step(name string) *Step {
	for _, s := range q.Steps {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// stepKey finds what {name} stands for: a key of the group, or step.key, which that step then captures.
func (r *Rule) stepKey(name string) (Key, *mistake) {
	for _, g := range r.GroupBy {
		if g.Name == name {
			return g, nil
		}
	}
	first, rest, _ := strings.Cut(name, ".")
	s := r.Sequence.Step(first)
	var steps []string
	for _, s := range r.Sequence.Steps {
		steps = append(steps, s.Name)
	}
	switch {
	case s == nil && event.Lookup(name) != nil:
		return Key{}, &mistake{message: fmt.Sprintf("%s of which step? Write {step.%[1]s}, the steps being %s", name, strings.Join(steps, ", "))}
	case s == nil:
		return Key{}, &mistake{message: fmt.Sprintf("no step is named %q, and no key of group_by", first), hint: nearest(first, append(steps, keyNames(r.GroupBy)...))}
	case s.Unless:
		return Key{}, &mistake{message: fmt.Sprintf("step %s is unless: an alert has no event of it", first)}
	}
	k, bad := parseKey(rest, s.Class)
	if bad != nil {
		bad.offset += len(first) + 1
		return Key{}, bad
	}
	s.Capture = union(s.Capture, []Key{k})
	return k, nil
}

// identify writes what decides which alert a sequence's match belongs to.
func (q *Sequence) identify(b *strings.Builder) {
	fmt.Fprintf(b, "sequence\x00%d\x00%t", q.Within, q.Ordered)
	for _, s := range q.Steps {
		fmt.Fprintf(b, "\x00step\x00%s\x00%s\x00%s\x00%s\x00%t", s.Name, s.Class, s.Outcome, s.cond.canonical(), s.Unless)
		for _, k := range s.By {
			b.WriteString("\x00" + k.Name)
		}
	}
}
