package rule

import (
	"slices"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// clock is a function that gives a part of a time, in UTC. What is from least to most, a time can be.
type clock struct {
	name        string
	of          func(ns int64) int64 // of nanoseconds since 1970
	least, most int
	span        string // least and most in words
}

// clocks are those that conditions have.
var clocks = []clock{
	{fnMinute, func(ns int64) int64 { return mod(ns, nanosPerHour) / nanosPerMinute }, 0, 59, "0 to 59"},
	{fnHour, func(ns int64) int64 { return mod(ns, nanosPerDay) / nanosPerHour }, 0, 23, "0 to 23"},
	{fnDay, func(ns int64) int64 { return int64(utc(ns).Day()) }, 1, 31, "1 to 31"},
	{fnWeekday, weekdayOf, 1, 7, "1, Monday, to 7, Sunday"},
	{fnWeek, func(ns int64) int64 { _, week := utc(ns).ISOWeek(); return int64(week) }, 1, 53, "1 to 53"},
	{fnMonth, func(ns int64) int64 { return int64(utc(ns).Month()) }, 1, 12, "1 to 12"},
	{fnYear, func(ns int64) int64 { return int64(utc(ns).Year()) }, 1677, 2262, "1677 to 2262"}, // in 64 bits of nanoseconds
}

const (
	nanosPerMinute = int64(60e9)
	nanosPerHour   = 60 * nanosPerMinute
	nanosPerDay    = 24 * nanosPerHour
)

func utc(ns int64) time.Time { return time.Unix(0, ns).UTC() }

// weekdayOf returns the day of the week of a time, 1 for Monday; 1970 began on a Thursday.
func weekdayOf(ns int64) int64 {
	day := ns / nanosPerDay
	if ns%nanosPerDay < 0 {
		day--
	}
	return mod(day+3, 7) + 1
}

// mod is the remainder that is never below zero.
func mod(a, b int64) int64 {
	r := a % b
	if r < 0 {
		r += b
	}
	return r
}

// clockNamed returns the clock of that name, nil when there is none.
func clockNamed(name string) *clock {
	if i := slices.IndexFunc(clocks, func(c clock) bool { return c.name == name }); i >= 0 {
		return &clocks[i]
	}
	return nil
}

// clock checks hour(time) and its like.
func (c *checker) clock(n *ast.CallNode, name string) operand {
	if len(n.Arguments) != 1 {
		c.report(n, "", "%s takes one time", name)
		return operand{}
	}
	o := c.value(n.Arguments[0])
	if o.shape == bad {
		return o
	}
	if o.field == nil || o.field.Type != event.TypeTime {
		c.report(n, "", "%s is that of a time, not of %s", name, o.shape)
		return operand{}
	}
	return operand{shape: whole, node: call(name, o.node), may: o.may}
}

// number compiles the part of a time for closures.
func (c *clock) number(t ast.Node) number {
	ns, of := numeric(t).whole, c.of
	return number{whole: func(s scope) int64 { return of(ns(s)) }}
}

// clockFunctions are all clocks for expr's machine.
func clockFunctions() []expr.Option {
	options := make([]expr.Option, len(clocks))
	for i, c := range clocks {
		options[i] = expr.Function(c.name, func(p ...any) (any, error) { return int(c.of(int64(p[0].(int)))), nil }, new(func(int) int))
	}
	return options
}

// clocks warns of hours, days and the like that no time has.
func (l *linter) clocks(at site, n ast.Node) {
	switch n := n.(type) {
	case *ast.UnaryNode:
		l.clocks(at, n.Node)
	case *ast.BinaryNode:
		l.clocks(at, n.Left)
		l.clocks(at, n.Right)
		name, _ := called(n.Left)
		c := clockNamed(name)
		literals := []ast.Node{n.Right}
		if array, ok := n.Right.(*ast.ArrayNode); ok && n.Operator == "in" {
			literals = array.Nodes
		} else if n.Operator != "==" {
			return
		}
		for _, lit := range literals {
			if i, ok := lit.(*ast.IntegerNode); ok && c != nil && (i.Value < c.least || i.Value > c.most) {
				l.warnIn(at, lit, "", "%s is from %s, never %d", name, c.span, i.Value)
			}
		}
	}
}
