package format

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/shrike-sec/shrike/pkg/record"
)

// SplitOptions says where the bytes come from and what is known of them.
type SplitOptions struct {
	// Origin's Source and Object go to every record. Offset and Line say where the reader stands in the uncompressed
	// object: 0 and 0 at its start; after a record, its Offset plus length and its Line.
	Origin   record.Origin
	Received time.Time
	Format   string // "" recognises each record by its content
	Layout   string // columns for formats that have them; a header line overrides it
	// Last is the format of the record in front of Offset, "" when there is none: of formats that are about as sure of a
	// record it keeps it.
	Last string
	// MaxRecord is the longest record in bytes; 0 means DefaultMaxRecord.
	MaxRecord int
	// MaxBytes is the most that the stream may be, uncompressed; 0 is no limit. What is over it makes Split return
	// ErrTooLarge: a few bytes of gzip may be any number of them.
	MaxBytes int64
	// Outside says that the reader does not stand in a list of records, though the next byte looks as if: a line of
	// text may begin with a comma or bracket. Without it, an Offset over 0 in front of one goes on with the list.
	Outside bool
	// Notice gets what S3 and CloudTrail tell of objects, where the caller fetches them: each is a control record. nil: such a notice is
	// a dead letter, for the logs that it speaks of are not there.
	Notice func(Notice) error
	// Tap, if not nil, is written the stream's uncompressed bytes, in order, whatever becomes of them. Its errors are not
	// looked at.
	Tap io.Writer
	// More says that the object may still grow: a line or value that is not finished is left alone, and Bytes of the
	// stats says where to go on.
	More bool
}

// ErrTooLarge is what Split returns when the stream is longer than SplitOptions.MaxBytes.
var ErrTooLarge = errors.New("uncompressed stream over the limit")

// DefaultMaxRecord is the default limit of one record in bytes: it fits a Kafka message of 1 MB with its headers.
const DefaultMaxRecord = 900_000

// keepOfLong is how many bytes of a too long record its dead letter keeps.
const keepOfLong = 64 << 10

// SplitStats counts what Split did.
type SplitStats struct {
	Records     int64
	DeadLetters int64
	Controls    int64 // header lines, which say what the columns of what follows are, and control messages of envelopes
	Bytes       int64 // of the uncompressed stream that are dealt with
	// Disagreements counts records whose content one format recognises while the caller's format, or the one that the
	// object's key speaks of, does not.
	Disagreements int64

	// InList says that Bytes ends inside a list of records, behind element number Element.
	InList  bool
	Element int64
	// Format, Layout and Last are what a Split that goes on behind Bytes is to be given: the options', or those of the
	// last header line and record.
	Format, Layout, Last string
}

// Split cuts a stream into records and calls emit for each, in order. It takes plain text lines, JSON values one
// after the other (on lines, pretty-printed or without anything between), the elements of JSON arrays and of documents
// such as {"Records":[…]} (list.go), the rows of Parquet files, and all of it inside what carries logs (envelope.go:
// {"message":"…"}, CloudWatch Logs, Firehose, Kinesis, SQS, SNS …; prefix.go: exports of CloudWatch Logs; pieces.go: lines
// of containers, put together again) and in gzip or zstd, some of each in each other; also UTF-16 with its byte order mark.
// An archive of another kind (zip, bzip2, xz, tar …) is one dead letter that says so. Blanks between records, byte order
// marks, lists and envelopes belong to no record.
//
// A record inside an envelope has its own bytes, unescaped, and the envelope's line. Its offset is the envelope's plus
// its own within the envelope's text; where that is compressed, its object is the envelope's with "@" and the
// envelope's offset, and offset and line are those in there. Behind "#" stand log group and stream, if known.
//
// emit's record is valid until emit returns; its Format is "" when nothing recognises it. dead gets what can never be
// a record: too long, cut short, or a delivery notice. Memory is bounded by MaxRecord. The error is emit's, dead's,
// the context's or the reader's; bad data is none.
func Split(ctx context.Context, in io.Reader, reg *Registry, o SplitOptions,
	emit func(record.Record) error, dead func(record.DeadLetter) error,
) (SplitStats, error) {
	if o.MaxRecord <= 0 {
		o.MaxRecord = DefaultMaxRecord
	}
	out := &output{recogniser: newRecogniser(reg, o), emit: emit, dead: dead}
	s := &splitter{
		window: window{ctx: ctx, base: o.Origin.Offset, left: o.MaxBytes, limited: o.MaxBytes > 0, tap: o.Tap, isHeader: out.isHeader},
		output: out, o: o, line: max(o.Origin.Line, 1),
	}
	s.open(in, o.Origin.Object)
	defer s.close()
	err := s.run()
	out.stats.Bytes = s.base - o.Origin.Offset
	out.stats.Format, out.stats.Layout = s.known()
	out.stats.Last = s.lastFormat()
	out.stats.Disagreements = out.disagreements
	return out.stats, err
}

// output is what the splitters of a stream and of the envelopes in it share.
type output struct {
	recogniser
	emit  func(record.Record) error
	dead  func(record.DeadLetter) error
	stats SplitStats
}

type splitter struct {
	window
	*output

	o       SplitOptions
	line    int64 // of the first unread byte
	element int64 // number of the last element of the list
	dealt   int64 // of the last one in front of resume
	inList  bool
	inArray bool  // that of no document
	resume  int64 // in a list: where it can be taken up again, the end of the last element
	inside  bool  // whether resume is inside the list and not in front of it
	over    bool  // the stream's end is dealt with, or left for later (SplitOptions.More)
	control bool  // the list is CloudWatch's test of a subscription

	depth   int       // envelopes around
	fixed   bool      // inside an envelope's text: Line is the envelope's
	inner   *splitter // for the envelopes in this stream, kept for the next one
	scratch []byte    // an envelope's text

	cut   *cutLines // nil before one
	table *table    // the object is one
}

func (s *splitter) run() error {
	if s.o.Origin.Offset > 0 && !s.o.Outside && s.skipBlank() && (s.unread()[0] == ',' || s.unread()[0] == ']') {
		s.element, s.dealt = s.o.Origin.Line, s.o.Origin.Line
		if err := s.list(listResumed, s.o.Origin.Offset); err != nil {
			return err
		}
	}
	for !s.over && s.skipBlank() {
		var err error
		switch c := s.unread()[0]; {
		case s.table != nil:
			err = s.row()
		case c == '{' || c == '[':
			err = s.value()
		default:
			err = s.text(nil)
		}
		if err != nil {
			return err
		}
	}
	if err := s.leftOpen(); err != nil {
		return err
	}
	if s.damage != "" {
		return s.unfinished("")
	}
	return nil
}

// skipBlank goes to the next byte of a record; false at the end of the stream.
func (s *splitter) skipBlank() bool {
	for {
		u := s.unread()
		i := 0
		for i < len(u) && isBlank(u[i]) {
			if u[i] == '\n' {
				s.line++
			}
			i++
		}
		s.consume(i)
		if i < len(u) {
			if !s.skipMark() {
				return true
			}
			continue
		}
		if !s.more() {
			return false
		}
	}
}

// mark is UTF-8's byte order mark.
const mark = "\xEF\xBB\xBF"

// skipMark skips a byte order mark of UTF-8 and reports whether there was one.
func (s *splitter) skipMark() bool {
	for {
		u := s.unread()
		if n := min(len(u), len(mark)); string(u[:n]) != mark[:n] {
			return false
		}
		if len(u) >= len(mark) {
			s.consume(len(mark))
			return true
		}
		if !s.more() {
			return false
		}
	}
}

// head is as much of the unread bytes as may belong to one record and the end of its line. All decisions are made on
// it alone, so that they do not depend on how much a read brought.
func (s *splitter) head() []byte {
	u := s.unread()
	return u[:min(len(u), s.room()+2)]
}

// room is how many bytes a value may have. Elements of lists and rows of tables may be envelopes, which are longer than what
// is in them: Firehose writes a record of 1 MB as base64.
func (s *splitter) room() int {
	if s.inList || s.table != nil {
		return 2 * s.o.MaxRecord
	}
	return s.o.MaxRecord
}

// grow reads until there is clearly more than n bytes, so that scanning again from the start costs little; false
// when nothing more comes.
func (s *splitter) grow(n int) bool {
	want := n + 1
	if n > 16<<10 {
		want = n + n/8
	}
	grown := false
	for len(s.unread()) < want && s.more() {
		grown = true
	}
	return grown
}

// text takes the rest of the line; given braces, only up to where they close.
func (s *splitter) text(braces *looseJSON) error {
	seen := 0
	for {
		u := s.head()
		part := u[seen:]
		end := bytes.IndexByte(part, '\n')
		if end >= 0 {
			part = part[:end]
		}
		if braces != nil {
			if n, done := braces.feed(part); done {
				return s.take(u[:seen+n], seen+n)
			}
		}
		if end >= 0 && s.base > int64(len(mark)) {
			return s.take(bytes.TrimSuffix(u[:seen+end], []byte("\r")), seen+end)
		}
		if end >= 0 {
			return s.takeFirst(u[:seen+end])
		}
		if seen = len(u); seen == s.o.MaxRecord+2 {
			return s.long(longLine{})
		}
		if s.more() {
			continue
		}
		if s.err != nil || s.damage != "" || s.o.More {
			return s.unfinished("")
		}
		return s.takeFirst(u)
	}
}

// takeFirst takes what may be an object's first line, without its newline: the names of a table, or a record.
func (s *splitter) takeFirst(line []byte) error {
	text := bytes.TrimSuffix(line, []byte("\r"))
	if s.base <= int64(len(mark)) && s.depth == 0 && s.o.Origin.Offset == 0 && s.stats == (SplitStats{}) {
		if t, ok := tableHeader(text, s.isHeader); ok && !s.recognised(text) {
			s.table = &t
			s.stats.Controls++
			s.pass(len(line))
			return nil
		}
	}
	return s.take(text, len(line))
}

// value takes the JSON value or opens the list that the unread bytes begin with, or a line where it is neither.
func (s *splitter) value() error {
	for {
		u := s.head()
		l, st := listStart(u)
		if st == JSONDone {
			return s.openList(l)
		}
		end := 0
		if st == JSONInvalid {
			if u[0] == '[' {
				return s.strings()
			}
			end, st = ScanJSON(u)
		}
		switch {
		case st == JSONDone:
			return s.take(u[:end], end)
		case st == JSONInvalid:
			return s.text(&looseJSON{})
		case len(u) == s.o.MaxRecord+2:
			return s.long(&looseJSON{resync: true})
		case !s.grow(len(u)):
			return s.unfinished("the document ends early")
		}
	}
}

// pass goes on behind the next n bytes.
func (s *splitter) pass(n int) {
	s.line += int64(bytes.Count(s.unread()[:n], []byte("\n")))
	s.consume(n)
}
