// Package coverage lays a rule set over the matrix of MITRE ATT&CK: which techniques its rules look for, by tactic, and
// how bad they are held to be.
//
// A set comes in, a Matrix goes out; as text it is printed by the command line, Layer is what ATT&CK Navigator loads, and
// HTML a page that needs nothing but itself. Rules of mode off cover nothing. Start reading at Of.
package coverage

import (
	"cmp"
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/rule/attack"
)

// Matrix is what the rules of a set cover.
type Matrix struct {
	Columns []Column     // tactics in their order; those without rules too
	Rules   int          // of the set, those of mode off apart
	Without []*rule.Rule // rules that name no technique of this version of ATT&CK
}

// Column is a tactic with the techniques that rules look for, by id.
type Column struct {
	attack.Tactic
	Cells []Cell
}

// Cell is a technique, or a sub-technique, that at least one rule names. A technique stands above its sub-techniques also
// when no rule names itself.
type Cell struct {
	*attack.Technique
	Sub      bool
	Rules    []*rule.Rule // that name it, by id
	Severity string       // the worst of them; "" without rules
}

// Techniques counts the techniques and sub-techniques that rules name, each once, whatever tactics they belong to.
func (m *Matrix) Techniques() int {
	ids := map[string]bool{}
	for _, c := range m.Columns {
		for _, cell := range c.Cells {
			if len(cell.Rules) > 0 {
				ids[cell.ID] = true
			}
		}
	}
	return len(ids)
}

// Covered counts the tactics that have a technique.
func (m *Matrix) Covered() int {
	n := 0
	for _, c := range m.Columns {
		if len(c.Cells) > 0 {
			n++
		}
	}
	return n
}

// Of returns what a set covers. A technique stands under each of its tactics: a rule does not say for which of them.
func Of(set *rule.Set) *Matrix {
	known := attack.Load()
	m := &Matrix{}
	cells := map[string]*Cell{}
	cell := func(t *attack.Technique) *Cell {
		if cells[t.ID] == nil {
			cells[t.ID] = &Cell{Technique: t, Sub: t.ID != t.Parent()}
		}
		return cells[t.ID]
	}
	for _, r := range set.Rules() {
		if r.Mode == rule.Off {
			continue
		}
		m.Rules++
		named := false
		for _, id := range r.Attack {
			t := known.Technique(cmp.Or(known.Replacement(id), id))
			if t == nil {
				continue
			}
			named = true
			cell(t).add(r)
			cell(known.Technique(t.Parent()))
		}
		if !named {
			m.Without = append(m.Without, r)
		}
	}
	for _, tactic := range attack.Tactics() {
		column := Column{Tactic: tactic}
		for _, c := range cells {
			if slices.Contains(c.Tactics, tactic.Short) {
				column.Cells = append(column.Cells, *c)
			}
		}
		slices.SortFunc(column.Cells, func(a, b Cell) int { return strings.Compare(a.ID, b.ID) })
		m.Columns = append(m.Columns, column)
	}
	return m
}

func (c *Cell) add(r *rule.Rule) {
	if slices.Contains(c.Rules, r) {
		return
	}
	c.Rules = append(c.Rules, r)
	if worst := r.Severity.Highest(); rule.SeverityRank(worst) > rule.SeverityRank(c.Severity) {
		c.Severity = worst
	}
}
