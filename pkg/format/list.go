package format

// listKind is what a list of records stands in.
type listKind uint8

const (
	listArray    listKind = iota // [ … ]
	listDocument                 // {"Records":[ … ]}
	listResumed                  // either; the start of it was read earlier
)

// listStart recognises `{"Records":[` and `[{"` and returns where the first element is.
func listStart(b []byte) (kind listKind, n int, state JSONState) {
	if b[0] == '[' {
		i := skipBlank(b, 1)
		if i < len(b) && b[i] != '{' {
			return 0, 0, JSONInvalid
		}
		if i < len(b) {
			i = skipBlank(b, i+1)
		}
		if i == len(b) {
			return 0, 0, JSONIncomplete
		}
		if b[i] != '"' && b[i] != '}' {
			return 0, 0, JSONInvalid
		}
		return listArray, 1, JSONDone
	}
	i := 0
	for _, want := range [...]string{"{", `"Records"`, ":", "["} {
		i = skipBlank(b, i)
		for k := range len(want) {
			if i == len(b) {
				return 0, 0, JSONIncomplete
			}
			if b[i] != want[k] {
				return 0, 0, JSONInvalid
			}
			i++
		}
	}
	return listDocument, i, JSONDone
}

// list delivers the elements of a list one by one. start is the offset of what it stands in.
func (s *splitter) list(kind listKind, start int64) error {
	s.inList, s.resume, s.inside = true, start, kind == listResumed
	defer func() { s.inList = false }()
	for !s.over {
		if !s.skipBlank() {
			return s.unfinished("the document ends inside its list of records")
		}
		switch s.unread()[0] {
		case ',':
			s.consume(1)
		case ']':
			s.consume(1)
			return s.closeList(kind)
		case '}': // not a list any more: what follows is looked at afresh
			return nil
		default:
			if err := s.listElement(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *splitter) closeList(kind listKind) error {
	if kind == listArray {
		return nil
	}
	if !s.skipBlank() {
		if kind == listResumed && !s.o.More {
			return nil
		}
		return s.unfinished("the document ends before its last brace")
	}
	if s.unread()[0] == '}' {
		s.consume(1)
	}
	return nil
}

// listElement takes one element: a JSON value or, where it is not valid, what its brackets and quotes hold together.
// A document has no lines to start again from.
func (s *splitter) listElement() error {
	s.element++
	for {
		u := s.head()
		end, st := ScanJSON(u)
		if st == JSONInvalid {
			var done bool
			if end, done = (&looseJSON{}).feed(u); !done {
				st = JSONIncomplete
			}
		}
		switch {
		case st != JSONIncomplete:
			err := s.take(u[:end], end)
			s.resume, s.inside = s.base, true
			return err
		case len(u) == s.o.MaxRecord+2:
			err := s.long(&looseJSON{})
			if !s.over {
				s.resume, s.inside = s.base, true
			}
			return err
		case !s.grow(len(u)):
			return s.unfinished("the document ends inside a record")
		}
	}
}
