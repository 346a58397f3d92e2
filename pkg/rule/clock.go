package rule

import (
	"slices"
	"time"
	_ "time/tzdata" // a zone means the same on machines that have no zones, or old ones

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// clock is a function that gives a part of a time, in UTC or, of what local makes of the time, in a zone. What is from least
// to most, a time can be.
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

// local returns the time that clocks of UTC would have to show for those of a zone to be right.
func local(ns int64, zone *time.Location) int64 {
	_, offset := time.Unix(0, ns).In(zone).Zone()
	return ns + int64(offset)*int64(time.Second)
}

// clock checks hour(time), hour(time, "Europe/Zurich") and its like.
func (c *checker) clock(n *ast.CallNode, name string) operand {
	if len(n.Arguments) != 1 && len(n.Arguments) != 2 {
		c.report(n, "", "%s takes one time, and a time zone where it is not UTC", name)
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
	args := []ast.Node{o.node}
	if len(n.Arguments) == 2 {
		zone := c.zone(n.Arguments[1])
		if zone == nil {
			return operand{}
		}
		args = append(args, &ast.ConstantNode{Value: zone})
	}
	return operand{shape: whole, node: call(name, args...), may: o.may}
}

// zone checks the name of a time zone, nil when it is none.
func (c *checker) zone(n ast.Node) *time.Location {
	name, ok := n.(*ast.StringNode)
	if !ok {
		c.report(n, "", "a time zone is a literal, such as \"Europe/Zurich\"")
		return nil
	}
	zone, err := time.LoadLocation(name.Value)
	if err != nil || name.Value == "" || name.Value == time.Local.String() { // which would differ from machine to machine
		c.report(n, "", "%q is no time zone: they are called as in Europe/Zurich and America/New_York", name.Value)
		return nil
	}
	return zone
}

// number compiles the part of a time for closures.
func (c *clock) number(args []ast.Node) number {
	ns, of := numeric(args[0]).whole, c.of
	if len(args) == 1 {
		return number{whole: func(s scope) int64 { return of(ns(s)) }}
	}
	zone, _ := args[1].(*ast.ConstantNode).Value.(*time.Location)
	return number{whole: func(s scope) int64 { return of(local(ns(s), zone)) }}
}

// clockFunctions are all clocks for expr's machine.
func clockFunctions() []expr.Option {
	options := make([]expr.Option, len(clocks))
	for i, c := range clocks {
		options[i] = expr.Function(c.name, func(p ...any) (any, error) {
			ns := int64(p[0].(int))
			if len(p) == 2 {
				ns = local(ns, p[1].(*time.Location))
			}
			return int(c.of(ns)), nil
		}, new(func(int) int), new(func(int, any) int))
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
