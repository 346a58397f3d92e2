package accessline

import (
	"strconv"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Web reads a line in the shape that nginx and Apache share:
//
//	[prefix] [vhost[:port]] [X-Forwarded-For list] host ident user [time] "request" status bytes ["referer" "agent"] [rest …]
//
// unescape undoes the writer's escapes. The user is the client's own text and may hold blanks and brackets, but
// both writers escape its quotes: the first [time] that stands before a quote is the line's own.
func Web(e *event.Event, line string, unescape func(string) string) error {
	line = TrimEnd(line)
	open, ok := findTime(line)
	if !ok {
		return format.Errorf(record.ReasonSyntax, "no [time] before a quoted request")
	}
	ns, ok := CLFTime(line[open+1 : open+27])
	if !ok {
		return format.Errorf(record.ReasonBadTime, "not a time: %q", line[open+1:open+27])
	}
	e.SetUnixNano(event.EventTime, ns)
	front(e, strings.TrimRight(line[:open], " "), unescape)

	rest := line[open+29:] // past `[time] `
	end := requestEnd(rest)
	if end < 0 {
		return format.Errorf(record.ReasonSyntax, "the request's quote does not close before a status")
	}
	SetRequest(e, rest[1:end], unescape)
	return tail(e, after(rest, end+1), unescape)
}

// requestEnd finds the quote that closes the request in s (s[0] opens it): the first that is followed by a status.
func requestEnd(s string) int {
	for end := CloseQuote(s, 1); end > 0; end = CloseQuote(s, end+1) {
		status, _ := Bare(s[end+1:])
		if status == "-" || len(status) == 3 && digits(status) >= 0 {
			return end
		}
	}
	return -1
}

// tail reads `status bytes ["referer" "agent"] rest`.
func tail(e *event.Event, s string, unescape func(string) string) error {
	status, s := Bare(s)
	if !SetStatus(e, status) {
		return format.Errorf(record.ReasonSyntax, "status: not a number: %q", status)
	}
	if size, rest := Bare(s); size != "" && size[0] != '"' {
		s = rest
		if v, ok := Int(size); ok && v >= 0 {
			e.SetInt(event.BytesOut, v)
		} else if size != "-" {
			return format.Errorf(record.ReasonSyntax, "bytes: not a number: %q", size)
		}
	}
	tok, rest, ok := Next(s)
	if !ok {
		return nil
	}
	if tok.Quoted {
		e.SetText(event.Referer, unescape(tok.Value()))
		if tok, s, ok = Next(rest); ok && tok.Quoted {
			e.SetText(event.UserAgent, unescape(tok.Value()))
		} else {
			s = rest
		}
	}
	extras(e, s, unescape)
	return nil
}

// extras keeps what stands behind the agent: a quoted list of addresses is the X-Forwarded-For of nginx's main
// format; nine columns with two in brackets are ingress-nginx's upstream info; the rest has no name.
func extras(e *event.Event, s string, unescape func(string) string) {
	if ingress(e, s) {
		return
	}
	for n := 1; ; n++ {
		tok, rest, ok := Next(s)
		if !ok {
			return
		}
		s = rest
		if tok.Value() == "" {
			continue
		}
		if tok.Quoted && len(e.List(event.ForwardedFor)) == 0 && isAddrList(tok.Text) {
			SetForwarded(e, tok.Text)
			continue
		}
		e.AddUnmapped(ExtraName(n), unescape(tok.Text))
	}
}

// ExtraName names trailing columns without allocating for the usual few.
func ExtraName(n int) string {
	names := [...]string{
		"extra_1", "extra_2", "extra_3", "extra_4", "extra_5", "extra_6", "extra_7", "extra_8",
		"extra_9", "extra_10", "extra_11", "extra_12", "extra_13", "extra_14", "extra_15", "extra_16",
	}
	if n <= len(names) {
		return names[n-1]
	}
	return "extra_" + strconv.Itoa(n)
}

func isAddrList(s string) bool {
	first, _, _ := strings.Cut(s, ",")
	_, ok := Addr(strings.TrimSpace(first))
	return ok
}

// SetForwarded adds each part of a comma-separated list to forwarded_for.
func SetForwarded(e *event.Event, s string) {
	for s != "" {
		var part string
		part, s, _ = strings.Cut(s, ",")
		if part = strings.Trim(part, " "); Value(part) != "" {
			e.AddList(event.ForwardedFor, part)
		}
	}
}
