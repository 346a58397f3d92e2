package cloudfront

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
)

// DefaultLayout is the layout of standard logging's files, whose #Fields line is all that says so.
const DefaultLayout = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) " +
	"cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes " +
	"time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status " +
	"fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len " +
	"sc-range-start sc-range-end"

// oldest is how many of the default columns the first version had; all others were appended.
const oldest = 12

// delimiterWord, in front of a layout's names, says what divides the values: "delimiter=| date time c-ip". Without it
// they are divided by tabs or, in a line that has none, blanks.
const delimiterWord = "delimiter="

// layout is an order of columns, ready to parse with.
type layout struct {
	text      string
	delimiter string // "" when the line decides
	columns   []column
	fewest    int // a line of fewer columns is cut or of another layout
	times     timeSet
}

// compile makes a layout of names that are divided by blanks. It cannot fail: a name that is not known yet is a column
// whose values go to unmapped.
func compile(text string) *layout {
	known := columnsByName()
	l := &layout{text: strings.Clone(text)}
	for i, name := range strings.Fields(l.text) {
		if delimiter, ok := strings.CutPrefix(name, delimiterWord); ok && i == 0 {
			l.delimiter = delimiter
			continue
		}
		c := known[strings.ToLower(name)] // unmapped when unknown
		c.name = name
		l.columns = append(l.columns, c)
		l.times.add(c.kind)
	}
	l.fewest = len(l.columns)
	return l
}

// hasColumn knows the names in a layout; the delimiter in front of them counts as one.
func hasColumn(name string) bool {
	_, ok := columnsByName()[strings.ToLower(name)]
	return ok || strings.HasPrefix(name, delimiterWord)
}

const fields = "#Fields:"

// Header recognises a #Fields line and returns its names as a layout. At least two names, or all, must be CloudFront's
// and none what only other writers of the same shape have: IIS divides by blanks and counts milliseconds.
func Header(line []byte) (text string, ok bool) {
	if !bytes.HasPrefix(line, []byte(fields)) || len(line) > 8192 {
		return "", false
	}
	rest := strings.Trim(string(line[len(fields):]), " \t\r\n")
	delimiter := firstDelimiter(rest)
	names := strings.Fields(rest)
	if delimiter != "" {
		names = strings.Split(rest, delimiter)
	}
	known, byName := 0, columnsByName()
	for _, name := range names {
		if !isName(name) {
			return "", false
		}
		name = strings.ToLower(name)
		if _, ok := byName[name]; ok {
			known++
		}
		switch name {
		case "s-port", "s-sitename", "s-computername", "cs-username", "sc-substatus", "sc-win32-status":
			return "", false
		}
	}
	if known == 0 || known < 2 && known < len(names) {
		return "", false
	}
	text = strings.Join(names, " ")
	if delimiter != "" {
		text = delimiterWord + delimiter + " " + text
	}
	return text, true
}

// firstDelimiter returns what stands between the first two names, "" when that is blanks or nothing.
func firstDelimiter(s string) string {
	start := 0
	for start < len(s) && isNameByte(s[start]) {
		start++
	}
	end := start
	for end < len(s) && !isNameByte(s[end]) {
		end++
	}
	return strings.Trim(s[start:end], " \t")
}

func isName(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isNameByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isNameByte(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '(' || c == ')'
}

// set sets a column's field; false when v is not what the column holds.
func (p *parser) set(c *column, v string) (ok bool) {
	e := &p.event
	switch c.kind {
	case text:
		e.SetText(c.text, v)
	case encoded:
		e.SetText(c.text, p.decode(v))
	case integer:
		return accessline.SetCount(e, c.int, c.max, v)
	case seconds:
		return accessline.SetSeconds(e, c.float, v)
	case client:
		accessline.SetSource(e, v)
	case host:
		accessline.SetHostPort(e, p.decode(v))
	case forwarded:
		accessline.SetForwarded(e, p.decode(v))
	case version:
		e.SetText(event.HTTPVersion, strings.TrimPrefix(v, "HTTP/"))
	case status:
		if strings.Trim(v, "0") == "" { // the client left before there was one
			e.AddUnmapped("sc-status", v)
			return true
		}
		return accessline.SetStatus(e, v)
	case date:
		p.times.date = v
	case clock:
		p.times.clock = v
	case stamp:
		p.times.stamp = v
	case stampMS:
		p.times.stampMS = v
	default:
		e.AddUnmapped(c.name, v)
	}
	return true
}
