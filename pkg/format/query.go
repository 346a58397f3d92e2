package format

import (
	"bytes"

	"github.com/shrike-sec/shrike/pkg/record"
)

// What queries answer are rows, and a row may have a whole record in one of its columns:
//
//	{"results":[[{"field":"@message","value":"<record>"}, …], …], …}   aws logs get-query-results
//	[{"@timestamp":"…","@message":"<record>"}, …]                      the same from the console; a JSON record is an object there
//	{"QueryResultRows":[[{"eventJson":"<record>"}, …], …], …}          aws cloudtrail get-query-results
//	["<record>", …]                                                    aws … --query 'Events[].CloudTrailEvent', 'events[].message'
//
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html,
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetQueryResults.html. What else is in a row was taken out
// of the record. A row without one has lost it: nothing is made of the rest.

// isRecordColumn knows the columns of queries that hold a record: of CloudWatch Logs Insights and of CloudTrail Lake, whose
// eventData is that of others' events.
func isRecordColumn(name []byte) bool {
	switch string(name) {
	case "@message", "eventJson", "eventjson", "eventData", "eventdata":
		return true
	}
	return false
}

const noRecordColumn = "a row of a query's answer without the record: query @message (CloudWatch Logs Insights) or eventJson (CloudTrail Lake), " +
	"or read the files that were queried (Athena)"

// row is what a row holds: a JSON string or object, at that place in it.
type row struct {
	is    bool // it is a row
	value []byte
	at    int
}

// pairsOf reads a row that is a list of columns.
func pairsOf(raw []byte) (r row) {
	columns := 0
	c := NewCursor(raw)
	for c.Next() {
		column, ok := c.Enter()
		if !ok {
			return row{}
		}
		var name, value []byte
		for members := 0; column.Next(); members++ {
			key := column.Key
			if column.First() != '"' || !column.Take() {
				return row{}
			}
			switch {
			case members == 0 && string(key) == "field":
				name = column.Value[1 : len(column.Value)-1]
			case members == 1 && name != nil && string(key) == "value":
				value = column.Value
			case members == 0:
				name, value = key, column.Value
			default:
				return row{}
			}
		}
		c.Leave(&column)
		if columns++; isRecordColumn(name) && len(value) > 2 && r.value == nil {
			r.value = value
		}
	}
	r.is = c.Done() && columns > 0
	return r
}

// insightOf reads a row of CloudWatch Logs Insights that is an object.
func insightOf(raw []byte) (r row) {
	own := 0
	pointer := false
	c := NewCursor(raw)
	for c.Next() {
		switch string(c.Key) {
		case "@message":
			if first := c.First(); (first == '"' || first == '{') && c.Take() && len(c.Value) > 2 {
				r.value, r.at = c.Value, c.At
			}
		case "@ptr":
			pointer = true
		case "@timestamp", "@ingestionTime", "@log", "@logStream":
			own++
		}
	}
	r.is = c.Done() && (pointer || own > 0 && r.value != nil)
	return r
}

// unwrapRow delivers what a row holds; done is false when raw is none.
func (s *splitter) unwrapRow(raw []byte) (done bool, err error) {
	var r row
	switch {
	case s.depth >= maxEnvelopes:
	case raw[0] == '[':
		r = pairsOf(raw)
	case at(raw, skipBlank(raw, 1), '"') && at(raw, skipBlank(raw, 1)+1, '@'), s.inArray && bytes.Contains(raw, []byte(`"@message"`)):
		r = insightOf(raw)
	}
	switch {
	case !r.is:
		return false, nil
	case r.value == nil:
		return true, s.bury(raw, record.ReasonUnknownFormat, noRecordColumn)
	case r.value[0] == '{':
		o := s.here()
		o.Offset += int64(r.at)
		return true, s.nested(r.value, o)
	}
	s.scratch = AppendUnquoted(s.scratch[:0], r.value[1:len(r.value)-1])
	if skipBlank(s.scratch, 0) == len(s.scratch) {
		return true, s.bury(raw, record.ReasonUnknownFormat, noRecordColumn)
	}
	return true, s.nested(s.scratch, s.here())
}

// strings opens the list of records in strings that the unread bytes begin with, or takes a line where it is none.
func (s *splitter) strings() error {
	for {
		u := s.head()
		switch s.stringsBegin(u) {
		case JSONDone:
			return s.openList(list{size: 1})
		case JSONInvalid:
			return s.text(nil)
		case JSONIncomplete:
		}
		switch {
		case len(u) == s.room()+2:
			return s.text(nil)
		case s.grow(len(u)):
		case s.o.More || s.err != nil || s.damage != "":
			return s.unfinished("")
		default:
			return s.text(nil)
		}
	}
}

// stringsBegin recognises `["`, a record, and the string's end.
func (s *splitter) stringsBegin(u []byte) JSONState {
	i := skipBlank(u, 1)
	if i == len(u) {
		return JSONIncomplete
	}
	if u[i] != '"' {
		return JSONInvalid
	}
	end, state := scanString(u, i+1)
	if state != JSONDone {
		return state
	}
	switch next := skipBlank(u, end); {
	case next == len(u):
		return JSONIncomplete
	case u[next] != ',' && u[next] != ']' || !s.isRecord(u[i:end]):
		return JSONInvalid
	}
	return JSONDone
}

// isRecord reports whether a JSON string holds a record, and leaves its text in scratch.
func (s *splitter) isRecord(quoted []byte) bool {
	s.scratch = AppendUnquoted(s.scratch[:0], quoted[1:len(quoted)-1])
	i := skipBlank(s.scratch, 0)
	return i < len(s.scratch) && (s.scratch[i] == '{' || s.recognised(s.scratch))
}

// unquoted delivers what a string in a list holds; done is false when that is no record.
func (s *splitter) unquoted(raw []byte) (done bool, err error) {
	if s.depth >= maxEnvelopes || !s.isRecord(raw) {
		return false, nil
	}
	return true, s.nested(s.scratch, s.here())
}
