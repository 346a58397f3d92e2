package rule

import "github.com/shrike-sec/shrike/pkg/event"

// Unindexed returns the set without its index: every rule is tried on every event of its class.
func (s *Set) Unindexed() *Set { return s.changed(func(*target) {}) }

// OnMachine returns the set with expr's machine in the place of closures, and without its index where unindexed.
func (s *Set) OnMachine(unindexed bool) *Set {
	machine := func(t *target) {
		cond := *t.cond
		cond.holds, cond.native = func(s scope) bool { return cond.machine.holds(s.event) }, false
		t.cond = &cond
	}
	if unindexed {
		return s.changed(machine)
	}
	changed := *s
	for c := range s.indexes {
		var targets []*target
		for _, r := range s.rules {
			for _, t := range r.targets() {
				if int(t.class) == c {
					machine(t)
					targets = append(targets, t)
				}
			}
		}
		changed.indexes[c] = newIndex(targets)
	}
	return &changed
}

func (s *Set) changed(change func(*target)) *Set {
	changed := *s
	for c := range s.indexes {
		changed.indexes[c] = &index{}
	}
	for _, r := range s.rules {
		for _, t := range r.targets() {
			change(t)
			ix := changed.indexes[t.class]
			ix.rest = append(ix.rest, unindexed(t))
		}
	}
	return &changed
}

// unindexed is the target where nothing is known of an event.
func unindexed(t *target) hung {
	return hung{target: t, rest: []*clause{{holds: func(s scope) bool { return t.matches(s.event) }}}}
}

// Match is Hits without steps and excepted hits: each rule comes once.
func (s *Set) Match(e *event.Event, dst []*Rule) []*Rule {
	var room [64]Hit
	var last *Rule
	for _, h := range s.Hits(e, room[:0]) {
		if h.Exception != nil || h.Rule == last {
			continue
		}
		dst = append(dst, h.Rule)
		last = h.Rule
	}
	return dst
}

// matches reports whether the target takes the event: class, outcome, then the condition.
func (t *target) matches(e *event.Event) bool {
	return t.class == e.Class && (t.outcome == anyOutcome || t.outcome == e.Text(event.Outcome)) && (!t.logs || overLogs(e)) &&
		t.cond.holds(scope{event: e})
}
