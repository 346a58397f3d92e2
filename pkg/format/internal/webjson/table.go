package webjson

import (
	"math"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
)

// What the walk notes for after it.
const (
	noteRequest = iota
	noteTarget
	notePath
	noteQuery
	noteServer
	noteHost
	noteSent
)

// table lists the members that have fields. "-" is missing everywhere, as in the text logs.
func table() *jsonrec.Schema {
	text, note := jsonrec.Text, jsonrec.NoteText
	var members []jsonrec.Member
	add := func(set jsonrec.Set, names ...string) {
		for _, name := range names {
			members = append(members, jsonrec.At(name, jsonrec.Unless("-", set)))
		}
	}
	size := func(f event.IntField) jsonrec.Set { return jsonrec.Int(f, 0, 1<<62) }
	add(when, "time_iso8601", "time_local", "time", "timestamp", "@timestamp", "msec", "date", "ts")
	add(jsonrec.Addr(event.SrcIP, event.SrcHost), "remote_addr", "remote_ip", "remoteIP", "remoteip", "client_ip", "clientip", "clientIP", "client", "remote")
	add(jsonrec.Int(event.SrcPort, 0, 65535), "remote_port")
	add(text(event.ActorName), "remote_user", "user", "remoteUser")
	add(note(noteRequest), "request")
	add(note(noteTarget), "request_uri")
	add(note(notePath), "uri", "url", "path")
	add(note(noteQuery), "args", "query", "query_string")
	add(text(event.Method), "request_method", "method", "verb")
	add(version, "server_protocol", "protocol", "http_version", "httpversion")
	add(status, "status", "status_code", "response")
	add(size(event.BytesOut), "body_bytes_sent", "size", "bytes")
	add(note(noteSent), "bytes_sent")
	add(size(event.BytesIn), "request_length", "bytes_received")
	add(text(event.Referer), "http_referer", "http_referrer", "referer", "referrer")
	add(text(event.UserAgent), "http_user_agent", "user_agent", "userAgent", "useragent", "agent")
	add(jsonrec.Commas(event.ForwardedFor), "http_x_forwarded_for", "x_forwarded_for", "xff")
	add(jsonrec.Host(event.URLHost, event.URLPort), "http_host", "vhost", "virtual_host", "server")
	add(note(noteServer), "server_name")
	add(note(noteHost), "host")
	add(text(event.URLScheme), "scheme")
	add(text(event.TLSVersion), "ssl_protocol")
	add(text(event.TLSCipher), "ssl_cipher")
	add(text(event.TLSHost), "ssl_server_name")
	add(text(event.RequestID), "request_id", "req_id", "requestID")
	add(millis(event.DurationMS), "request_time")
	add(millis(event.UpstreamMS), "upstream_response_time")
	add(upstream, "upstream_addr")
	add(upstreamStatus, "upstream_status")
	return jsonrec.New(members...)
}

// when reads any of the times that servers write: ISO 8601, that of the text logs with or without its brackets, or
// seconds since 1970, of which milliseconds are told by their size. Of several that agree to the second, the finest.
func when(w *jsonrec.Walker, v jsonrec.Value) bool {
	text := strings.Trim(w.Plain(v), "[]")
	ns, ok := accessline.ISOTime(text)
	if !ok {
		ns, ok = accessline.CLFTime(text)
	}
	if !ok {
		ns, ok = seconds(text)
	}
	if !ok {
		return jsonrec.Time(event.EventTime)(w, v) // which says why not
	}
	if have, known := w.Event.Time(event.EventTime); known {
		if have.Unix() != ns/1e9 {
			return false
		}
		ns = max(ns, have.UnixNano())
	}
	w.Event.SetUnixNano(event.EventTime, ns)
	return true
}

// seconds reads "1772355600.123" exactly.
func seconds(s string) (ns int64, ok bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	sec, ok := accessline.Int(whole)
	if !ok || sec < 0 || len(fraction) > 9 {
		return 0, false
	}
	if sec > 1e11 && fraction == "" {
		return sec * 1e6, sec < maxMillis
	}
	if sec > maxMillis/1000 {
		return 0, false
	}
	ns = sec * 1e9
	scale := int64(1e8)
	for _, c := range []byte(fraction) {
		if c < '0' || c > '9' {
			return 0, false
		}
		ns += int64(c-'0') * scale
		scale /= 10
	}
	return ns, true
}

// maxMillis is the end of 2261, whose nanoseconds still fit 64 bits.
const maxMillis = 9214646399_999

func status(w *jsonrec.Walker, v jsonrec.Value) bool {
	if _, known := w.Event.Int(event.Status); known || v.Nested() {
		return false
	}
	return accessline.SetStatus(&w.Event, w.Plain(v))
}

func version(w *jsonrec.Walker, v jsonrec.Value) bool {
	number := strings.TrimPrefix(w.Plain(v), "HTTP/")
	if have := w.Event.Text(event.HTTPVersion); v.Nested() || have != "" && have != number {
		return false
	}
	w.Event.SetText(event.HTTPVersion, number)
	return true
}

// millis reads seconds as nginx writes them.
func millis(f event.FloatField) jsonrec.Set {
	return func(w *jsonrec.Walker, v jsonrec.Value) bool {
		text := w.Plain(v)
		if text == "" || text[0] < '0' || text[0] > '9' || strings.IndexByte(text, ',') >= 0 {
			return text == ""
		}
		ms, ok := accessline.Millis(text)
		if ok && !math.IsInf(ms, 0) {
			w.Event.SetFloat(f, ms)
		}
		return ok
	}
}

// upstream takes the server behind the proxy; after retries there are several.
func upstream(w *jsonrec.Walker, v jsonrec.Value) bool {
	if a, port, ok := accessline.Endpoint(w.Plain(v)); ok {
		w.Event.SetAddr(event.UpstreamIP, a)
		w.Event.SetInt(event.UpstreamPort, port)
		return true
	}
	return jsonrec.Commas(event.UpstreamList)(w, v)
}

func upstreamStatus(w *jsonrec.Walker, v jsonrec.Value) bool {
	return jsonrec.Int(event.UpstreamStatus, 0, 999)(w, v) || jsonrec.Commas(event.UpstreamStatusList)(w, v)
}
