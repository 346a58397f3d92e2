package apache

import (
	"bytes"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/record"
)

// isSSL reports whether the line is of the log that the usual ssl.conf writes beside the access log:
//
//	[time] host protocol cipher "request" bytes
func isSSL(raw []byte) bool {
	if len(raw) < 30 || raw[0] != '[' || raw[3] != '/' || raw[12] != ':' || raw[27] != ']' || raw[28] != ' ' {
		return false
	}
	_, rest := accessline.Word(raw[29:])
	protocol, rest := accessline.Word(rest)
	_, rest = accessline.Word(rest)
	tls := bytes.HasPrefix(protocol, []byte("TLSv")) || bytes.HasPrefix(protocol, []byte("SSLv")) || string(protocol) == "-"
	return tls && bytes.HasPrefix(rest, []byte(` "`))
}

// ssl reads such a line. It has no status: the access log tells the outcome.
func ssl(e *event.Event, line string) error {
	line = accessline.TrimEnd(line)
	ns, ok := accessline.CLFTime(line[1:27])
	if !ok {
		return format.Errorf(record.ReasonBadTime, "not a time: %q", line[1:27])
	}
	e.SetUnixNano(event.EventTime, ns)
	host, rest := accessline.Bare(line[29:])
	accessline.SetSource(e, host)
	protocol, rest := accessline.Bare(rest)
	e.SetText(event.TLSVersion, accessline.Value(protocol))
	cipher, rest := accessline.Bare(rest)
	e.SetText(event.TLSCipher, accessline.Value(cipher))
	end := strings.LastIndexByte(rest, '"')
	if end < 1 {
		return format.Errorf(record.ReasonSyntax, "the request's quote does not close")
	}
	accessline.SetRequest(e, rest[1:end], accessline.UnescapeC)
	size, more := accessline.Bare(rest[end+1:])
	if v, ok := accessline.Int(size); ok && v >= 0 {
		e.SetInt(event.BytesOut, v)
	} else if accessline.Value(size) != "" {
		return format.Errorf(record.ReasonSyntax, "bytes: not a number: %q", size)
	}
	accessline.Extras(e, more)
	e.SetText(event.Outcome, event.Unknown)
	return nil
}
