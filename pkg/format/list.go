package format

import "bytes"

// listKind is what a list of records stands in.
type listKind uint8

const (
	listArray    listKind = iota // [ … ]
	listDocument                 // {"Records":[ … ]}
	listResumed                  // either; the start of it was read earlier
)

// list is the beginning of a list of records.
type list struct {
	kind listKind
	size int // of all in front of the first element

	// Members in front of the list, JSON strings or nil.
	messageType, logGroup, logStream []byte
}

// isListName knows the members that hold records: of CloudTrail, Lambda's events, Firehose, Azure, CloudWatch Logs and
// the answers of LookupEvents, FilterLogEvents, GetLogEvents, ReceiveMessage and of who pulls from Pub/Sub; as the first
// member also of the answers of Azure's Activity Logs and Google's entries.list.
func isListName(key []byte, first bool) bool {
	switch string(key) {
	case "Records", "records", "logEvents", "events", "Events", "Messages", "receivedMessages":
		return true
	case "value", "entries":
		return first
	}
	return false
}

// rowsBegin knows the members that hold the rows of a query's answer, which are lists of columns; first is behind the bracket.
func rowsBegin(key, b []byte, i int) (first int, state JSONState) {
	first = i
	var begin string
	switch string(key) {
	case "results":
		begin = `[{"field"`
	case "QueryResultRows":
		begin = `[{"`
	default:
		return 0, JSONInvalid
	}
	for k := range len(begin) {
		if k <= len(`[{`) {
			i = skipBlank(b, i)
		}
		switch {
		case i == len(b):
			return first, JSONIncomplete
		case b[i] != begin[k]:
			return 0, JSONInvalid
		}
		i++
	}
	return first, JSONDone
}

// isStatistics knows the members that tell of a query's rows.
func isStatistics(key []byte) bool {
	return string(key) == "statistics" || string(key) == "QueryStatistics"
}

// maxHead is how many members may stand in front of the list of a document.
const maxHead = 16

// listStart recognises `[{"` and documents with a list of objects, in front of which nothing but scalars and lists
// of scalars stand: whatever holds objects of its own is a record and no wrapping of records.
func listStart(b []byte) (l list, state JSONState) {
	if b[0] == '[' {
		l.size, state = arrayStart(b)
		return l, state
	}
	l.kind = listDocument
	i := 1
	for n := 0; n < maxHead; n++ {
		if i = skipBlank(b, i); n > 0 {
			if i == len(b) {
				return l, JSONIncomplete
			}
			if b[i] != ',' {
				return l, JSONInvalid
			}
			i = skipBlank(b, i+1)
		}
		start := i
		if i, state = scanKey(b, i); state != JSONDone {
			return l, state
		}
		key := keyAt(b, start)
		if i = skipBlank(b, i); i == len(b) {
			return l, JSONIncomplete
		}
		if b[i] == '[' && isListName(key, n == 0) {
			l.size = i + 1
			return l, firstElement(b, i+1, n == 0 && string(key) == "Records")
		}
		if b[i] == '[' {
			if first, st := rowsBegin(key, b, i+1); st != JSONInvalid {
				l.size = first
				return l, st
			}
		}
		start = i
		if isStatistics(key) {
			var sc scanner
			if i, state = sc.value(b, i); state != JSONDone {
				return l, state
			}
			continue
		}
		if i, state = scanFlat(b, i); state != JSONDone {
			return l, state
		}
		l.head(key, b[start:i])
	}
	return l, JSONInvalid
}

func (l *list) head(key, value []byte) {
	if value[0] != '"' {
		return
	}
	switch string(key) {
	case "messageType":
		l.messageType = value
	case "logGroup":
		l.logGroup = value
	case "logStream":
		l.logStream = value
	}
}

// keyAt is the name whose quote is at b[i].
func keyAt(b []byte, i int) []byte {
	key := b[i+1:]
	return key[:max(bytes.IndexByte(key, '"'), 0)]
}

func arrayStart(b []byte) (n int, state JSONState) {
	i := skipBlank(b, 1)
	if i < len(b) && b[i] != '{' {
		return 0, JSONInvalid
	}
	if i < len(b) {
		i = skipBlank(b, i+1)
	}
	if i == len(b) {
		return 0, JSONIncomplete
	}
	if b[i] != '"' && b[i] != '}' {
		return 0, JSONInvalid
	}
	return 1, JSONDone
}

// firstElement says whether a list begins with an object or is empty; CloudTrail's may hold anything.
func firstElement(b []byte, i int, anything bool) JSONState {
	if anything {
		return JSONDone
	}
	if i = skipBlank(b, i); i == len(b) {
		return JSONIncomplete
	}
	if b[i] != '{' && b[i] != ']' {
		return JSONInvalid
	}
	return JSONDone
}

// scanFlat scans a scalar or a list of scalars.
func scanFlat(b []byte, i int) (end int, state JSONState) {
	switch b[i] {
	case '{':
		return i, JSONInvalid
	case '[':
		var s scanner
		end, state = s.value(b, i)
		for k := i + 1; k < end; k++ {
			switch b[k] {
			case '"':
				if k, _ = scanString(b, k+1); k < end {
					k--
				}
			case '{', '[':
				return i, JSONInvalid
			}
		}
		return end, state
	}
	var s scanner
	return s.value(b, i)
}

// openList delivers the list that the unread bytes begin with.
func (s *splitter) openList(l list) error {
	start, object := s.base, s.o.Origin.Object
	s.control = string(l.messageType) == `"CONTROL_MESSAGE"`
	if l.logGroup != nil {
		name := append([]byte(object), '#')
		name = AppendUnquoted(name, l.logGroup[1:len(l.logGroup)-1])
		if l.logStream != nil {
			name = AppendUnquoted(append(name, ':'), l.logStream[1:len(l.logStream)-1])
		}
		s.o.Origin.Object = string(name)
	}
	s.pass(l.size)
	s.element, s.dealt = 0, 0
	err := s.list(l.kind, start)
	s.o.Origin.Object, s.control = object, false
	return err
}

// list delivers the elements of a list one by one. start is the offset of what it stands in.
func (s *splitter) list(kind listKind, start int64) error {
	s.inList, s.inArray, s.resume, s.inside = true, kind != listDocument, start, kind == listResumed
	defer func() { s.inList, s.inArray = false, false }()
	between := true // no element since the last comma
	for !s.over {
		if !s.skipBlank() {
			return s.unfinished("the document ends inside its list of records")
		}
		switch c := s.unread()[0]; {
		case c == ',':
			s.consume(1)
			between = true
		case c == ']':
			s.consume(1)
			return s.closeList(kind)
		// Not a list any more: what follows is looked at afresh. Somebody may have made a line of text begin like a list, with [{},
		// and the lines behind it, whose brackets close, would all be taken for elements.
		case c == '}', !between:
			return nil
		default:
			between = false
			if err := s.listElement(); err != nil {
				return err
			}
		}
	}
	return nil
}

// closeList goes behind the document's last brace. Members behind the list are the wrapping's like those in front of
// it; those that hold more than scalars are records.
func (s *splitter) closeList(kind listKind) error {
	if kind == listArray {
		return nil
	}
	for first := true; ; first = false {
		if !s.skipBlank() {
			if first && kind == listResumed && !s.o.More {
				return nil
			}
			return s.unfinished("the document ends before its last brace")
		}
		switch s.unread()[0] {
		case '}':
			s.consume(1)
			return nil
		case ',':
			if more, err := s.tailMember(); !more || err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// tailMember passes one comma and member behind a list; false where there is none.
func (s *splitter) tailMember() (more bool, err error) {
	for {
		u := s.head()
		value, st := scanKey(u, 1)
		if st == JSONDone {
			if value = skipBlank(u, value); value == len(u) {
				st = JSONIncomplete
			}
		}
		end := value
		if st == JSONDone {
			var sc scanner
			end, st = sc.value(u, value)
		}
		switch {
		case st == JSONDone:
			if _, flat := scanFlat(u, value); flat == JSONDone || isStatistics(keyAt(u, skipBlank(u, 1))) {
				s.pass(end)
				return true, nil
			}
			s.pass(value)
			return true, s.take(u[value:end], end-value)
		case st == JSONInvalid, len(u) == s.room()+2:
			return false, nil
		case !s.grow(len(u)):
			return false, s.unfinished("the document ends before its last brace")
		}
	}
}

// listElement takes one element: a JSON value or, where it is not valid, what its brackets and quotes hold together.
// A document has no lines to start again from.
func (s *splitter) listElement() error {
	s.element++
	for {
		u := s.head()
		end, st := ScanJSON(u)
		line := -1 // where its line ends, if it is no JSON and nothing closes it
		if st == JSONInvalid {
			var done bool
			if end, done = (&looseJSON{}).feed(u); !done {
				st, line = JSONIncomplete, bytes.IndexByte(u, '\n')
			}
		}
		if line >= 0 && (len(u) == s.room()+2 || s.ended && s.err == nil && s.damage == "" && !s.o.More) {
			end, st = line, JSONDone // its line alone: what stands behind it may be lines of text
		}
		switch {
		case st != JSONIncomplete:
			err := s.take(u[:end], end)
			s.resume, s.inside, s.dealt = s.base, true, s.element
			return err
		case len(u) == s.room()+2:
			err := s.long(&looseJSON{})
			if !s.over {
				s.resume, s.inside, s.dealt = s.base, true, s.element
			}
			return err
		case !s.grow(len(u)) && (line < 0 || s.err != nil || s.damage != "" || s.o.More):
			return s.unfinished("the document ends inside a record")
		}
	}
}
