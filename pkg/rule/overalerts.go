package rule

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Rules over alerts read the alerts of other rules as events of class alert. A condition that requires rule_id to be one of
// some reads the alerts of those; any other reads the alerts of all rules over logs, and never those of rules over alerts.
// So who reads whom is known at load, and no rule may read, by however many others, itself.

// OverAlerts reports whether the rule, or a step of it, looks at alerts.
func (r *Rule) OverAlerts() bool { return slices.Contains(r.Classes(), event.Alert) }

// reads returns the ids of the rules whose alerts the target reads; named is false when it reads those of all rules over
// logs.
func (t *target) reads() (ids []string, named bool) {
	if t.cond == nil {
		return nil, false
	}
	for _, q := range requirements(t.cond.tree) {
		if q.field.Name == ruleIDField && !q.fold {
			return slices.Sorted(maps.Keys(q.texts)), true
		}
	}
	return nil, false
}

const (
	ruleIDField = "rule_id"
	trailDigest = "shrike-trail-digest" // of alerts that have no rule file and can be read; see package trail
)

// overLogs reports whether the alert that e is, is that of a rule over logs.
func overLogs(e *event.Event) bool {
	return !slices.Contains(e.List(event.AlertClasses), event.Alert.String())
}

// Levels returns the rules by how many alerts lie between them and the logs: first those over logs, then those that read
// their alerts, then those that read alerts of these too. Rules of one level do not read one another.
func (s *Set) Levels() [][]*Rule {
	g := newReading(s.rules)
	var levels [][]*Rule
	for _, r := range s.rules {
		level := g.level(r, nil)
		for len(levels) <= level {
			levels = append(levels, nil)
		}
		levels[level] = append(levels[level], r)
	}
	return levels
}

// reading is which rules read the alerts of which.
type reading struct {
	byID   map[string]*Rule
	levels map[*Rule]int
	circle []string // the first that was found: each reads the next, the last the first
}

func newReading(rules []*Rule) *reading {
	g := &reading{byID: make(map[string]*Rule, len(rules)), levels: map[*Rule]int{}}
	for _, r := range rules {
		g.byID[r.ID] = r
	}
	return g
}

// level returns how many alerts lie between the rule and the logs. above are the rules on the way here.
func (g *reading) level(r *Rule, above []string) int {
	if n, ok := g.levels[r]; ok {
		return n
	}
	if at := slices.Index(above, r.ID); at >= 0 {
		if g.circle == nil {
			g.circle = slices.Clone(above[at:])
		}
		return 0
	}
	level := 0
	above = append(above, r.ID)
	for _, t := range r.targets() {
		if t.class != event.Alert {
			continue
		}
		level = max(level, 1)
		ids, _ := t.reads()
		for _, id := range ids {
			if read := g.byID[id]; read != nil {
				level = max(level, 1+g.level(read, above))
			}
		}
	}
	g.levels[r] = level
	return level
}

// checkReading reports rules over alerts that read what there is not, what they do not get, or themselves.
func (l *loader) checkReading(rules []*Rule) {
	g := newReading(rules)
	var ids []string // of all rules that there are, also around those that were given
	told := false
	for _, r := range rules {
		if !r.OverAlerts() {
			continue
		}
		if ids == nil {
			ids = append(slices.Collect(maps.Keys(g.byID)), l.idsAround()...)
			ids = append(ids, trailDigest)
		}
		s := &source{file: r.File, lines: r.origin.lines, problems: &l.problems}
		for _, t := range r.targets() {
			if t.class == event.Alert && t.cond != nil {
				s.checkRead(g, t, ids)
			}
		}
		if g.level(r, nil); g.circle != nil && !told {
			told = true // one is enough: what else is found hangs on it
			at, ok := r.origin.keys["class"]
			if !ok {
				at = r.origin.keys["sequence"]
			}
			s.report(at, "", "rules read each other's alerts in a circle: %s", strings.Join(append(g.circle, g.circle[0]), " reads "))
		}
	}
}

// checkRead reports what a condition compares rule_id with and should not.
func (s *source) checkRead(g *reading, t *target, ids []string) {
	_, named := t.reads()
	literals(t.cond.tree, nil, func(lit literal) {
		if lit.field.Name != ruleIDField || lit.node.Value == "" {
			return
		}
		at := t.cond.places.at(t.cond.source, byteOffset(t.cond.source, lit.node.Location().From))
		r := g.byID[lit.node.Value]
		switch {
		case lit.prefix:
		case !contains(ids, lit.node.Value):
			s.report(at, nearest(lit.node.Value, ids), "there is no rule %s", lit.node.Value)
		case !named && r != nil && r.OverAlerts():
			s.report(at, "", "%s is a rule over alerts: its alerts reach only conditions that require rule_id to be one of some ids", r.ID)
		}
	})
}

// idsAround returns the ids of the rules in the packs of which only a part was given: a rule's file is named as the rule.
func (l *loader) idsAround() []string {
	var ids []string
	for _, t := range l.around {
		_ = fs.WalkDir(t, ".", func(p string, _ fs.DirEntry, err error) error {
			if err == nil && path.Ext(p) == ".yml" { // what cannot be read has no rules
				ids = append(ids, strings.TrimSuffix(path.Base(p), ".yml"))
			}
			return nil
		})
	}
	return ids
}
