package format

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/record"
)

// Tables are what consoles and queries save as CSV (RFC 4180): a line of names, then rows, in which a cell may be quoted and
// hold newlines. A row is its record where one column holds that (query.go); where none does, it is a dead letter that says
// what to save instead: an event of the few columns that were chosen would stand in the place of the whole one, under its id.
// Only whole objects are such, so that a reader who goes on in the middle of one need not know it: see Packed.
type table struct {
	column int    // that holds the record, -1 for none
	why    string // a row is no record
}

// isTable reports whether an object that begins with head is a table.
func isTable(head []byte) bool {
	line, _, whole := bytes.Cut(bytes.TrimPrefix(head, []byte(mark)), []byte("\n"))
	_, ok := tableHeader(bytes.TrimSuffix(line, []byte("\r")), func([]byte) bool { return false })
	return whole && ok
}

// tableHeader reads an object's first line, without its newline, as the names of a table that is known by them. All of it must
// be names: a client may have written some into the first line of a log, whose every line would then be a row.
func tableHeader(line []byte, isHeader func([]byte) bool) (t table, ok bool) {
	const room = len(mark) + len("\r\n")
	if len(line) > PackedHead-room {
		return t, false
	}
	t = table{column: -1, why: noRecordColumn}
	names := map[string]bool{}
	var bare []byte
	column := 0
	for c := (cells{row: line}); c.next(); column++ {
		if !c.quoted && !isName(c.text) {
			return t, false
		}
		name := string(c.text)
		names[strings.ToLower(name)] = true
		bare = append(append(bare, name...), ' ')
		if isRecordColumn(c.text) && t.column < 0 {
			t.column = column
		}
	}
	all := func(of ...string) bool {
		for _, name := range of {
			if !names[name] {
				return false
			}
		}
		return true
	}
	switch {
	case t.column >= 0 && (column == 1 || bytes.IndexByte(line, ',') > 0):
	case all("event name", "event time"):
		t.why = "CloudTrail's event history as CSV lacks most of each record: download it as JSON"
	case all("eventname", "eventtime"), all("eventname", "eventid"), all("@timestamp"), all("@ptr"):
	case column > 1 && isHeader(bare):
		t.why = "columns of a log as CSV are not read: read the log's own files"
	default:
		return t, false
	}
	return t, true
}

// isName reports whether a cell without quotes may be a column's name.
func isName(cell []byte) bool {
	for _, c := range cell {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == ' ', c == '_', c == '-', c == '.', c == '@', c == '(', c == ')', c == '*':
		default:
			return false
		}
	}
	return len(cell) > 0
}

// cells walks over the cells of a row.
type cells struct {
	row    []byte
	text   []byte // of the cell, without quotes; doubled ones are still there
	at     int    // where it begins in the row
	quoted bool
	i      int
	end    bool
}

func (c *cells) next() bool {
	if c.end {
		return false
	}
	quoted := at(c.row, c.i, '"')
	if c.quoted = quoted; quoted {
		c.i++
	}
	c.at = c.i
	end := len(c.row)
	for ; c.i < len(c.row); c.i++ {
		if quoted && c.row[c.i] == '"' {
			if at(c.row, c.i+1, '"') {
				c.i++
				continue
			}
			end, quoted = c.i, false
		} else if !quoted && c.row[c.i] == ',' {
			end = min(end, c.i)
			break
		}
	}
	c.text, c.end = c.row[c.at:end], c.i == len(c.row)
	c.i++
	return true
}

// tableRow ends before the newline behind a row.
type tableRow struct{ quoted, closed, inside bool }

func (r *tableRow) feed(b []byte) (int, bool) {
	for i, c := range b {
		switch {
		case r.quoted:
			r.quoted = c != '"'
			r.closed = !r.quoted
			continue
		case c == '\n':
			return i, true
		case c == '"':
			r.quoted = r.closed || !r.inside
		}
		r.inside, r.closed = c != ',', false
	}
	return len(b), false
}

// row takes the next row of a table.
func (s *splitter) row() error {
	var end tableRow
	for seen := 0; ; {
		u := s.head()
		n, done := end.feed(u[seen:])
		switch seen += n; {
		case done:
			return s.takeRow(u[:seen], seen)
		case seen == s.room()+2:
			return s.long(&tableRow{})
		case s.more():
		case s.err != nil || s.damage != "" || s.o.More:
			return s.unfinished("")
		case end.quoted:
			return s.unfinished("the table ends inside a cell")
		default:
			return s.takeRow(u, len(u))
		}
	}
}

// takeRow delivers the record in a row, which the first n unread bytes hold, and goes on behind them.
func (s *splitter) takeRow(row []byte, n int) error {
	err := s.rowRecord(bytes.TrimSuffix(row, []byte("\r")))
	s.pass(n)
	return err
}

func (s *splitter) rowRecord(row []byte) error {
	c := cells{row: row}
	for i := 0; s.table.column >= 0 && c.next(); i++ {
		if i != s.table.column || skipBlank(c.text, 0) == len(c.text) {
			continue
		}
		o := s.here()
		if !c.quoted || bytes.IndexByte(c.text, '"') < 0 {
			o.Offset += int64(c.at)
			return s.nested(c.text, o)
		}
		s.scratch = append(s.scratch[:0], bytes.ReplaceAll(c.text, []byte(`""`), []byte(`"`))...)
		return s.nested(s.scratch, o)
	}
	return s.bury(row, record.ReasonUnknownFormat, s.table.why)
}
