package accessline

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// front reads what stands before the time: addresses, ident, user. The ident is "-" almost everywhere, and always
// for nginx, so the first "-" after the first column divides addresses from the user, who may hold blanks.
func front(e *event.Event, s string, unescape func(string) string) {
	addresses, ident, user := cutUser(s)
	if Value(ident) != "" {
		e.AddUnmapped("ident", ident)
	}
	e.SetText(event.ActorName, unescape(Value(user)))
	setAddresses(e, addresses)
}

func cutUser(s string) (addresses, ident, user string) {
	start := syslogHeader(s)
	if i := strings.Index(s[start:], " - "); i > 0 {
		return s[:start+i], "-", strings.TrimSpace(s[start+i+3:])
	}
	// "host ident -", or "host ident user": count from the left, as nothing else is certain.
	host, rest := Bare(s)
	ident, user = Bare(rest)
	return host, ident, strings.TrimSpace(user)
}

// syslogHeader returns the length of a header of RFC 5424, `<190>1 2026-03-01T09:14:07Z web1 nginx - - - `, whose dashes are
// no ident; 0 where there is none.
func syslogHeader(s string) int {
	if s == "" || s[0] != '<' || !strings.Contains(s[:min(len(s), 6)], ">1") {
		return 0
	}
	at := 0
	for range 7 {
		i := strings.IndexByte(s[at:], ' ')
		if i < 0 {
			return 0
		}
		at += i + 1
	}
	return at
}

// setAddresses reads [prefix] [vhost] [X-Forwarded-For] [host]. A comma or a quote makes a list, and a list is what the
// first of the proxies in front said. A single column in front of list or host is the virtual host. With a list, src_ip
// is its first entry and the peer that connected is unmapped.peer_ip.
func setAddresses(e *event.Event, s string) {
	s = strings.TrimSpace(s)
	lead, list, peer, rest := "", "", "", s
	for {
		column, behind, isList := cutAddress(rest)
		if isList {
			lead, list = s[:len(s)-len(rest)], column
			peer, rest, _ = cutAddress(behind)
			break
		}
		if behind = strings.TrimLeft(behind, " "); behind == "" {
			lead, peer, rest = s[:len(s)-len(rest)], column, ""
			break
		}
		rest = behind
	}
	setLead(e, strings.TrimRight(lead, " "))
	SetForwarded(e, list)
	if forwarded := e.List(event.ForwardedFor); len(forwarded) > 0 {
		SetSource(e, forwarded[0])
		Keep(e, "peer_ip", peer)
	} else {
		SetSource(e, peer)
	}
	Keep(e, "suffix", strings.TrimSpace(rest))
}

// setLead reads what stands in front of the addresses: a virtual host, or what carried the line, such as syslog's
// "Mar  1 09:14:07 web1 nginx:", the "stdout F" of container logs or the "web-1 |" of composed ones, and then perhaps one.
func setLead(e *event.Event, s string) {
	if s == "" {
		return
	}
	vhost := s
	for _, mark := range [...]string{": ", " | ", " F ", " P "} {
		if strings.HasSuffix(vhost, mark[:len(mark)-1]) {
			vhost = ""
		} else if i := strings.LastIndex(vhost, mark); i >= 0 {
			vhost = vhost[i+len(mark):]
		}
	}
	if strings.IndexByte(vhost, ' ') >= 0 {
		vhost = ""
	}
	if vhost != "" {
		SetHostPort(e, vhost)
	}
	Keep(e, "prefix", strings.TrimRight(s[:len(s)-len(vhost)], " "))
}

// cutAddress cuts one column: a quoted list, a list whose commas stand before blanks, or a single word.
func cutAddress(s string) (text, rest string, isList bool) {
	s = strings.TrimLeft(s, " ")
	if s != "" && s[0] == '"' {
		if end := strings.IndexByte(s[1:], '"'); end >= 0 {
			return s[1 : end+1], s[end+2:], true
		}
	}
	i := 0
	for i < len(s) {
		for i < len(s) && s[i] != ' ' {
			i++
		}
		if i == len(s) || s[i-1] != ',' {
			break
		}
		isList = true
		for i < len(s) && s[i] == ' ' {
			i++
		}
	}
	text = s[:i]
	if strings.IndexByte(text, ',') >= 0 {
		isList = true
	}
	return text, s[i:], isList
}
