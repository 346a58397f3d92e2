// Package apache reads Apache httpd access logs: common, combined, vhost_combined, with an X-Forwarded-For list
// in front, and the log of TLS requests (ssl.go).
//
// A record is one line, or a JSON object (internal/webjson); one event of class http comes out. Apache escapes with
// backslashes (\" \\ \n \xhh). The shape itself is in internal/accessline, web.go. Most combined lines could be nginx's as
// well and go there; sniff names the marks that only Apache leaves. What no field holds is in unmapped: ident, peer_ip,
// prefix, suffix, userinfo, extra_N.
package apache

import (
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/format/internal/webjson"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "apache", Class: event.HTTP, New: New, Version: 3, Sniff: sniff}
}

type parser struct {
	event event.Event
	json  *webjson.Reader
}

// New returns a parser.
func New() format.Parser { return &parser{json: webjson.NewReader()} }

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	if webjson.Is(r.Raw) {
		e, err := p.json.Read(r)
		if err != nil {
			return err
		}
		e.SetText(event.Provider, "apache")
		emit(e)
		return nil
	}
	p.event.Reset(event.HTTP, r)
	p.event.SetText(event.Provider, "apache")
	if isSSL(r.Raw) {
		if err := ssl(&p.event, bstr.String(r.Raw)); err != nil {
			return err
		}
		emit(&p.event)
		return nil
	}
	if err := accessline.Web(&p.event, bstr.String(r.Raw), accessline.UnescapeC); err != nil {
		return err
	}
	emit(&p.event)
	return nil
}

// sniff is sure when the line has a mark that only Apache leaves. Of the others it is nearly as sure as nginx: they are
// nginx's until a mark was seen in the same object, and Apache's from then on.
func sniff(raw []byte) int {
	switch {
	case webjson.Sniff(raw, "remoteIP", "remoteip", "remote_ip", "clientip", "client_ip", "clientIP"):
		return 75
	case isSSL(raw):
		return 80
	case !accessline.WebTime(raw):
		return 0
	case accessline.ApacheOnly(raw):
		return 70
	}
	return 50
}
