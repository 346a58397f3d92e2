package format

import (
	"bytes"

	"github.com/shrike-sec/shrike/pkg/record"
)

// containerStream is where a container wrote a line to.
type containerStream uint8

const (
	streamNone containerStream = iota
	streamOut
	streamErr
	streams
)

func streamOf(name []byte) containerStream {
	switch string(name) {
	case "stdout":
		return streamOut
	case "stderr":
		return streamErr
	}
	return streamNone
}

// containerLine is one line of a container, or a piece of it: whoever keeps containers' output cuts lines of over 16 KiB.
// Docker's json-file writes {"log":"<line>\n","stream":"stdout","time":"…"}, and only a line's last piece has its newline
// (https://docs.docker.com/engine/logging/drivers/json-file/); Kubernetes' runtimes write `<time> stdout F <line>`, with P for
// all pieces but the last (https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md).
type containerLine struct {
	stream containerStream // streamNone: it is none
	cut    bool            // more of the line follows
	text   []byte
}

// runtimeLine reads what Kubernetes' runtimes write, and says how long the part in front of the text is. More tags than P and
// F may come to stand there, behind a colon.
func runtimeLine(line []byte) (l containerLine, front int) {
	n, _ := isoTime(line)
	if n == 0 {
		return l, 0
	}
	stream, rest := cutWord(line[n:])
	tags, text := cutWord(rest)
	if len(tags) == 0 || tags[0] != 'F' && tags[0] != 'P' || len(tags) > 1 && tags[1] != ':' {
		return l, 0
	}
	l = containerLine{stream: streamOf(stream), cut: tags[0] == 'P', text: text}
	return l, len(line) - len(text)
}

// cutWord cuts a word and the one blank behind it off a line that goes on.
func cutWord(line []byte) (word, rest []byte) {
	if i := bytes.IndexByte(line[:min(len(line), 64)], ' '); i >= 0 {
		return line[:i], line[i+1:]
	}
	return line, line[len(line):]
}

// isoTime returns how long a time as of RFC 3339 and the blank behind it are, and the number of digits of its seconds'
// fraction; 0 where the line does not begin so. The zone may be missing.
func isoTime(line []byte) (n, fraction int) {
	const shape = "0000-00-00T00:00:00"
	if len(line) <= len(shape) || line[4] != '-' || line[10] != 'T' {
		return 0, 0
	}
	for i := range len(shape) {
		if c := line[i]; shape[i] == '0' && (c < '0' || c > '9') || shape[i] != '0' && c != shape[i] {
			return 0, 0
		}
	}
	n = len(shape)
	if line[n] == '.' {
		end := digits(line, n+1)
		fraction, n = end-n-1, end
	}
	switch {
	case at(line, n, 'Z'):
		n++
	case len(line) > n+6 && (line[n] == '+' || line[n] == '-') && line[n+3] == ':':
		n += len("+00:00")
	}
	if !at(line, n, ' ') {
		return 0, 0
	}
	return n + 1, fraction
}

// cutLines is the lines whose pieces are being gathered.
type cutLines struct {
	of   [streams]cutLine
	from int64 // where what holds the first of these pieces begins: no line was open in front of it
}

// cutLine is one of them.
type cutLine struct {
	open bool
	at   record.Origin // of its first piece's text
	text []byte        // not more than a record may have and its newline
	size int64
}

// container takes a line of a container or a piece of one; from is its text's origin. The two streams' pieces may stand
// between each other's. In a list each element is by itself.
func (s *splitter) container(l containerLine, from record.Origin) error {
	if s.inList || !l.cut && (s.cut == nil || !s.cut.of[l.stream].open) {
		return s.nested(l.text, from)
	}
	if s.cut == nil {
		s.cut = new(cutLines)
	}
	if !s.cut.of[streamOut].open && !s.cut.of[streamErr].open {
		s.cut.from = s.base
	}
	whole := &s.cut.of[l.stream]
	if !whole.open {
		*whole = cutLine{open: true, at: from, text: whole.text[:0]}
	}
	whole.size += int64(len(l.text))
	whole.text = append(whole.text, l.text[:min(len(l.text), s.o.MaxRecord+1-len(whole.text))]...)
	if l.cut {
		return nil
	}
	return s.joined(whole)
}

// joined delivers a line whose pieces were gathered.
func (s *splitter) joined(l *cutLine) error {
	l.open = false
	size := l.size
	if size == int64(len(l.text)) && bytes.HasSuffix(l.text, []byte("\n")) {
		size--
	}
	if size <= int64(s.o.MaxRecord) {
		return s.nested(l.text[:size], l.at)
	}
	return s.letter(record.DeadLetter{
		Record: record.Record{Raw: l.text[:min(len(l.text), keepOfLong)], Origin: l.at},
		Reason: record.ReasonTooLong, Detail: s.tooLong(), Size: size,
	})
}

// leftOpen deals with lines whose last piece has not come. An object that may still grow is read again from where no line was
// open; what stands between the pieces is then delivered twice, under the same ids.
func (s *splitter) leftOpen() error {
	if s.err != nil || s.cut == nil {
		return s.err
	}
	for i := range s.cut.of {
		l := &s.cut.of[i]
		switch {
		case !l.open:
		case s.o.More && s.damage == "":
			s.base, s.stats.InList = s.cut.from, false
		default:
			if err := s.joined(l); err != nil {
				return err
			}
		}
	}
	return nil
}
