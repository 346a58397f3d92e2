// Package webjson reads access logs that web servers write as JSON: one object a request, whose members the server's
// administrator named.
//
// It serves the formats nginx and apache and goes by the names that are usual: nginx's variables, the examples of both
// servers' documents and what log collectors suggest. A member of another name, or whose value is not what its name
// says, is in unmapped under its own name. Start reading at table, then Reader.
package webjson

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Reader fills an event from records. A parser owns one.
type Reader struct {
	w     jsonrec.Walker
	table *jsonrec.Schema
}

// NewReader returns a reader.
func NewReader() *Reader { return &Reader{table: table()} }

// Is reports whether the record is for a Reader and not a line of text.
func Is(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }

// Sniff reports whether raw has a client under one of those names, and the members that tell an access log.
func Sniff(raw []byte, clients ...string) bool {
	if !Is(raw) {
		return false
	}
	client, request, status := false, false, false
	for c := format.NewCursor(raw); c.Next(); {
		switch name := string(c.Key); name {
		case "status", "status_code", "response":
			status = true
		case "request", "request_uri", "request_method", "method", "verb", "uri", "url":
			request = true
		default:
			for _, want := range clients {
				client = client || name == want
			}
		}
		if client && request && status {
			return true
		}
	}
	return false
}

// Read returns the record's event, which is valid until the next Read. The provider is the caller's to set.
func (p *Reader) Read(r *record.Record) (*event.Event, error) {
	w, e := &p.w, &p.w.Event
	w.Reset(event.HTTP, r)
	e.SetText(event.Outcome, event.Unknown)
	if err := w.Walk(p.table, r.Raw); err != nil {
		return nil, err
	}
	if err := w.Finish("time"); err != nil {
		return nil, err
	}
	p.request()
	p.client()
	p.sizes()
	return e, nil
}

// request takes the request line apart and fills in what is logged beside it.
func (p *Reader) request() {
	w, e := &p.w, &p.w.Event
	line := accessline.Value(w.Plain(w.Noted(noteRequest)))
	switch {
	case strings.HasPrefix(line, "/"): // only the path, as Apache's %U
		p.url("request", w.Noted(noteRequest))
	case line != "":
		method, version := e.Text(event.Method), e.Text(event.HTTPVersion)
		accessline.SetRequest(e, line, nil)
		said, saidVersion := e.Text(event.Method), e.Text(event.HTTPVersion)
		if method != "" && said != method || version != "" && saidVersion != version {
			e.SetText(event.Method, first(method, said))
			e.SetText(event.HTTPVersion, first(version, saidVersion))
			e.AddUnmapped("request", line)
		}
	}
	p.url("request_uri", w.Noted(noteTarget))
	p.url("uri", w.Noted(notePath))
	query := strings.TrimPrefix(accessline.Value(w.Plain(w.Noted(noteQuery))), "?")
	if e.Text(event.URLQuery) == "" {
		e.SetText(event.URLQuery, query)
	} else if query != "" && query != e.Text(event.URLQuery) {
		e.AddUnmapped("query", query)
	}
	if host := w.Noted(noteServer); e.Text(event.URLHost) == "" {
		jsonrec.Host(event.URLHost, event.URLPort)(w, host)
	} else if name := w.Plain(host); name != e.Text(event.URLHost) {
		w.Unmapped("server_name", host)
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// url sets path and query, unless there are others already: the path that a server rewrote is kept aside.
func (p *Reader) url(name string, v jsonrec.Value) {
	e := &p.w.Event
	text := accessline.Value(p.w.Plain(v))
	path, query, some := strings.Cut(text, "?")
	switch have := e.Text(event.URLPath); {
	case have == "":
		e.SetText(event.URLPath, path)
		e.SetText(event.URLQuery, query)
	case path != "" && have != path, some && e.Text(event.URLQuery) != query:
		e.AddUnmapped(name, text)
	}
}

// client: the member host is the client in some logs and the virtual host in others.
func (p *Reader) client() {
	w, e := &p.w, &p.w.Event
	host := w.Noted(noteHost)
	switch {
	case host.Null():
	case !e.Addr(event.SrcIP).IsValid() && e.Text(event.SrcHost) == "":
		accessline.SetSource(e, w.Plain(host))
	case !jsonrec.Host(event.URLHost, event.URLPort)(w, host):
		w.Unmapped("host", host)
	}
}

// sizes: what nginx calls bytes_sent counts the headers too.
func (p *Reader) sizes() {
	w := &p.w
	if sent := w.Noted(noteSent); !jsonrec.Int(event.BytesOut, 0, 1<<62)(w, sent) && !sent.Null() {
		w.Unmapped("bytes_sent", sent)
	}
}
