package accessline

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// SetRequest takes a request line apart into method, url_* and http_version. The method is cut from the left and
// the protocol from the right, because URLs hold raw spaces. What is no request ("-", one word, TLS bytes) stays
// whole in request_line with request_valid false; a missing line ("" or "-") leaves request_line out as well.
// unescape undoes the writer's escapes in the parts of the URL; nil when it writes none.
func SetRequest(e *event.Event, line string, unescape func(string) string) {
	method, url, version, ok := cutRequest(line)
	e.SetBool(event.RequestValid, ok)
	if !ok {
		e.SetText(event.RequestLine, Value(line))
		return
	}
	if unescape != nil {
		url = unescape(url)
	}
	e.SetText(event.Method, method)
	e.SetText(event.HTTPVersion, version)
	setURL(e, url, method == "CONNECT")
}

func cutRequest(line string) (method, url, version string, ok bool) {
	i := strings.IndexByte(line, ' ')
	if i <= 0 || !isMethod(line[:i]) {
		return "", "", "", false
	}
	method, url = line[:i], strings.TrimRight(line[i+1:], " ")
	// "GET /x" without protocol is what HTTP/0.9 and S3's copies log.
	if j := strings.LastIndex(url, " HTTP/"); j > 0 {
		version, url = url[j+6:], url[:j]
	}
	return method, url, version, isTarget(method, url)
}

// isMethod allows the letters, digits, dashes and underscores that registered methods are made of.
func isMethod(s string) bool {
	if len(s) > 32 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c != '-' && c != '_' && (c < '0' || c > '9'))) {
			return false
		}
	}
	return true
}

func isTarget(method, url string) bool {
	switch {
	case url == "":
		return false
	case url[0] == '/' || url == "*":
		return true
	case method == "CONNECT":
		return true
	}
	i := strings.Index(url, "://")
	return i > 0 && isMethod(url[:i])
}

// userinfo is where a URL's user and password are in unmapped, with the scheme in front: so a password there is known
// for one.
const userinfo = "userinfo"

// setURL cuts scheme://user:password@host:port/path?query, each part as sent.
func setURL(e *event.Event, url string, connect bool) {
	if connect && !strings.Contains(url, "://") {
		SetHostPort(e, url)
		return
	}
	if whole := url; url[0] != '/' {
		if i := strings.Index(url, "://"); i > 0 {
			e.SetText(event.URLScheme, url[:i])
			url = url[i+3:]
			end := strings.IndexAny(url, "/?")
			if end < 0 {
				end = len(url)
			}
			host := url[:end]
			if at := strings.LastIndexByte(host, '@'); at >= 0 {
				e.AddUnmapped(userinfo, whole[:len(whole)-len(url)+at+1])
				host = host[at+1:]
			}
			SetHostPort(e, host)
			url = url[end:]
		}
	}
	path, query, _ := strings.Cut(url, "?")
	e.SetText(event.URLPath, path)
	e.SetText(event.URLQuery, query)
}

// SetHostPort sets url_host and, where there is one, url_port from "host:port".
func SetHostPort(e *event.Event, s string) {
	host, port, ok := HostPort(s)
	e.SetText(event.URLHost, host)
	if ok {
		e.SetInt(event.URLPort, port)
	}
}

// HostPort cuts "host:port", "[v6]:port" or a lone host; ok says whether there was a port. Brackets are taken off.
func HostPort(s string) (host string, port int64, ok bool) {
	host = s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && (strings.IndexByte(s, ':') == i || s[i-1] == ']') {
		if p, valid := Port(s[i+1:]); valid {
			host, port, ok = s[:i], p, true
		}
	}
	if len(host) > 2 && host[0] == '[' && host[len(host)-1] == ']' {
		host = host[1 : len(host)-1]
	}
	return host, port, ok
}

// SetStatus sets status and, from it, outcome; ok is false when s is neither a status nor missing.
func SetStatus(e *event.Event, s string) (ok bool) {
	e.SetText(event.Outcome, event.Unknown)
	if Value(s) == "" {
		return true
	}
	v, ok := Int(s)
	if !ok || v < 0 || v > 999 {
		return false
	}
	e.SetInt(event.Status, v)
	if v >= 400 {
		e.SetText(event.Outcome, event.Failure)
	} else if v > 0 { // 000: the client left before there was one
		e.SetText(event.Outcome, event.Success)
	}
	return true
}

// SetSource sets src_ip, or src_host when s is no address; "-" and "" set nothing.
func SetSource(e *event.Event, s string) {
	if a, ok := Addr(s); ok {
		e.SetAddr(event.SrcIP, a)
		return
	}
	e.SetText(event.SrcHost, Value(s))
}
