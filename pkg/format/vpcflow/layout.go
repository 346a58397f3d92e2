package vpcflow

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/record"
)

// DefaultLayout is the layout of flow logs that nobody customised.
const DefaultLayout = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"

const defaultColumns = 14

type kind uint8

const (
	unmapped kind = iota // no field holds it
	text
	tag // text, percent-encoded
	integer
	address
	seconds
	action
)

type column struct {
	name string // as the layout spells it; with underscores in columnsByName
	kind kind
	max  int64 // of an integer
	text event.TextField
	int  event.IntField
	addr event.AddrField
	time event.TimeField
}

// layout is an order of columns, ready to parse with.
type layout struct {
	text    string
	columns []column
	hasTime bool // it names start or end
}

// compile makes a layout of names that are divided by blanks. It cannot fail: a name that is not known yet is a
// column whose values go to unmapped.
func compile(names string) *layout {
	known := columnsByName()
	l := &layout{text: strings.Clone(names)}
	for _, name := range strings.Fields(l.text) {
		c := known[canonical(name)] // unmapped when unknown
		c.name = name
		l.columns = append(l.columns, c)
		l.hasTime = l.hasTime || name == "start" || name == "end"
	}
	return l
}

func canonical(name string) string { return strings.ReplaceAll(name, "-", "_") }

// fill sets the fields from the values of a line.
func (l *layout) fill(e *event.Event, line string, tags tags) error {
	n := 0
	for rest := line; ; n++ {
		var v string
		if v, rest = accessline.Bare(rest); v == "" {
			break
		}
		if n >= len(l.columns) {
			return countError(line, len(l.columns))
		}
		if v == "-" {
			continue
		}
		if c := &l.columns[n]; !c.set(e, v, tags) {
			return format.Errorf(record.ReasonSyntax, "column %d (%s): not %s: %q", n+1, c.name, c.kind, v)
		}
	}
	if n != len(l.columns) {
		return countError(line, len(l.columns))
	}
	return nil
}

func countError(line string, want int) error {
	return format.Errorf(record.ReasonFieldCount, "%d columns, the layout has %d", len(strings.Fields(line)), want)
}

// String says what a column must hold, for error texts.
func (k kind) String() string {
	switch k {
	case integer:
		return "a number in range"
	case address:
		return "an address"
	case seconds:
		return "seconds since 1970"
	}
	return "a text"
}

func (c *column) set(e *event.Event, v string, tags tags) bool {
	switch c.kind {
	case text:
		e.SetText(c.text, v)
	case integer:
		n, ok := accessline.Int(v)
		if !ok || n < 0 || n > c.max {
			return false
		}
		e.SetInt(c.int, n)
	case address:
		a, ok := accessline.Addr(v)
		if !ok {
			return false
		}
		e.SetAddr(c.addr, a)
	case seconds:
		n, ok := accessline.Int(v)
		if !ok || n < 0 || n > maxSeconds {
			return false
		}
		e.SetUnixNano(c.time, n*1e9)
	case action:
		e.SetText(event.Action, v)
		switch v {
		case "ACCEPT":
			e.SetText(event.Outcome, event.Success)
		case "REJECT":
			e.SetText(event.Outcome, event.Failure)
		}
	case tag:
		e.SetText(c.text, tags.decode(v))
	default:
		e.AddUnmapped(c.name, v)
	}
	return true
}

// tags remembers decoded tags: a log has few, on every line.
type tags map[string]string

// maxTags bounds the memory; it is emptied when full.
const maxTags = 4096

func (t tags) decode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	v, ok := t[s]
	if !ok {
		if len(t) >= maxTags {
			clear(t)
		}
		v = accessline.PercentDecode(s, 1)
		t[strings.Clone(s)] = v // not the whole line, for as long as the memory lives
	}
	return v
}

// maxSeconds is the last second of 2261, whose nanoseconds still fit 64 bits.
const maxSeconds = 9214646399

// Header recognises a line of column names and returns it as a layout. Every word must look like a name, and all of
// them, or at least four, must be names we know: a version that is yet to come adds names, and its logs should still
// be read.
func Header(line []byte) (layout string, ok bool) {
	line = bytes.TrimRight(line, " \t\r\n")
	if len(line) > 4096 || !bytes.ContainsAny(line[:min(len(line), 64)], " \t") || line[0] < 'a' || line[0] > 'z' {
		return "", false
	}
	known, words, names := 0, 0, columnsByName()
	for rest := string(line); ; words++ {
		var w string
		if w, rest = accessline.Bare(rest); w == "" {
			break
		}
		if !isName(w) {
			return "", false
		}
		if _, ok := names[canonical(w)]; ok {
			known++
		}
	}
	if words < 2 || known < words && known < 4 {
		return "", false
	}
	return string(line), true
}

func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (i == 0 || c != '-' && c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return true
}
