package flowline

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Kind is what a column holds.
type Kind uint8

// The kinds of columns.
const (
	Unmapped Kind = iota // no field holds it
	Text
	Tag // text, percent-encoded
	Integer
	Address
	Seconds // since 1970
	Action  // ACCEPT or REJECT, from which outcome follows
)

// Column says which field a column's values go to.
type Column struct {
	Kind Kind
	Max  int64 // of an integer
	Text event.TextField
	Int  event.IntField
	Addr event.AddrField
	Time event.TimeField

	name string // as the layout spells it
}

// Columns are those that a format knows, by name with underscores. It is not changed after it is in use.
type Columns map[string]Column

// layout is an order of columns, ready to parse with.
type layout struct {
	text    string
	columns []Column
	hasTime bool // it names start or end
}

// compile makes a layout of names that are divided by blanks. It cannot fail: a name that is not known yet is a
// column whose values go to unmapped.
func (known Columns) compile(names string) *layout {
	l := &layout{text: strings.Clone(names)}
	for name := range strings.FieldsSeq(l.text) {
		c := known[canonical(name)] // unmapped when unknown
		c.name = name
		l.columns = append(l.columns, c)
		l.hasTime = l.hasTime || name == "start" || name == "end"
	}
	return l
}

// Has says whether there is a column of that name.
func (known Columns) Has(name string) bool {
	_, ok := known[canonical(name)]
	return ok
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
			return format.Errorf(record.ReasonSyntax, "column %d (%s): not %s: %q", n+1, c.name, c.Kind, v)
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
func (k Kind) String() string {
	switch k {
	case Integer:
		return "a number in range"
	case Address:
		return "an address"
	case Seconds:
		return "seconds since 1970"
	}
	return "a text"
}

func (c *Column) set(e *event.Event, v string, tags tags) bool {
	switch c.Kind {
	case Text:
		e.SetText(c.Text, v)
	case Integer:
		n, ok := accessline.Int(v)
		if !ok || n < 0 || n > c.Max {
			return false
		}
		e.SetInt(c.Int, n)
	case Address:
		a, ok := accessline.Addr(v)
		if !ok {
			return false
		}
		e.SetAddr(c.Addr, a)
	case Seconds:
		n, ok := accessline.Int(v)
		if !ok || n < 0 || n > maxSeconds {
			return false
		}
		e.SetUnixNano(c.Time, n*1e9)
	case Action:
		e.SetText(event.Action, v)
		switch v {
		case "ACCEPT":
			e.SetText(event.Outcome, event.Success)
		case "REJECT":
			e.SetText(event.Outcome, event.Failure)
		}
	case Tag:
		e.SetText(c.Text, tags.decode(v))
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
func (known Columns) Header(line []byte) (layout string, ok bool) {
	if len(line) == 0 || line[0] < 'a' || line[0] > 'z' || len(line) > 4096 { // all lines of values, at once
		return "", false
	}
	line = bytes.TrimRight(line, " \t\r\n")
	if !bytes.ContainsAny(line[:min(len(line), 64)], " \t") {
		return "", false
	}
	text := bstr.String(line)
	words := 0
	for rest := text; ; words++ { // values seldom get past this, and it allocates nothing
		var w string
		if w, rest = accessline.Bare(rest); w == "" {
			break
		}
		if !isName(w) {
			return "", false
		}
	}
	count := 0
	for w := range strings.FieldsSeq(text) {
		if _, ok := known[canonical(w)]; ok {
			count++
		}
	}
	if words < 2 || count < words && count < 4 {
		return "", false
	}
	return strings.Clone(text), true
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
