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
	if i := strings.Index(s, " - "); i > 0 {
		return s[:i], "-", strings.TrimSpace(s[i+3:])
	}
	// "host ident -", or "host ident user": count from the left, as nothing else is certain.
	host, rest := Bare(s)
	ident, user = Bare(rest)
	return host, ident, strings.TrimSpace(user)
}

// setAddresses reads [vhost] [X-Forwarded-For] [host]. A comma or a quote makes a list, and a list is what the
// first of the proxies in front said. Of two single columns the first is the virtual host. With a list, src_ip is
// its first entry and the peer that connected is unmapped.peer_ip.
func setAddresses(e *event.Event, s string) {
	vhost, list, s := "", "", strings.TrimSpace(s)
	first, rest, isList := cutAddress(s)
	if !isList && rest != "" {
		vhost = first
		first, rest, isList = cutAddress(rest)
	}
	peer := first
	if isList {
		list = first
		peer, rest, _ = cutAddress(rest)
	}
	if vhost != "" {
		SetHostPort(e, vhost)
	}
	SetForwarded(e, list)
	if forwarded := e.List(event.ForwardedFor); len(forwarded) > 0 {
		SetSource(e, forwarded[0])
		Keep(e, "peer_ip", peer)
	} else {
		SetSource(e, peer)
	}
	Keep(e, "prefix", strings.TrimSpace(rest))
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
