package rule

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/rule/attack"
)

// checkTechnique: a rule names techniques that ATT&CK has.
func checkTechnique(l *linter, r *Rule) {
	m := l.matrix()
	for i, id := range r.Attack {
		if m.Technique(id) != nil || m.Replacement(id) != "" {
			continue
		}
		parent, _, sub := strings.Cut(id, ".")
		if t := m.Technique(parent); sub && t != nil {
			l.warn(r, r.origin.attackPlace(i), `"`+parent+`"`, "ATT&CK %s has no sub-technique %s of %s, %s", attack.Version, id, parent, t.Name)
			continue
		}
		l.warn(r, r.origin.attackPlace(i), "", "ATT&CK %s has no technique %s", attack.Version, id)
	}
}

// checkRevoked: a technique that another has taken the place of is found under its new id only.
func checkRevoked(l *linter, r *Rule) {
	m := l.matrix()
	for i, id := range r.Attack {
		if now := m.Replacement(id); now != "" {
			l.warn(r, r.origin.attackPlace(i), `"`+now+`"`, "ATT&CK has revoked %s: it is %s now, %s", id, now, m.Name(now))
		}
	}
}

func (l *linter) matrix() *attack.Matrix {
	if l.attack == nil {
		l.attack = attack.Load()
	}
	return l.attack
}

// attackPlace returns where the i-th of attack stands; rules that were read from no file have no places.
func (o *origin) attackPlace(i int) place {
	if i >= len(o.attack) {
		return place{1, 1}
	}
	return o.attack[i]
}
