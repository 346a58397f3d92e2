// Package nginx reads nginx access logs: combined, main (X-Forwarded-For behind the agent), with a virtual host or
// an X-Forwarded-For list in front, and ingress-nginx's upstream columns.
//
// A record is one line, or a JSON object (internal/webjson); one event of class http comes out. nginx writes `"`, `\` and
// bytes that cannot be printed as \xXX, and this package undoes exactly that. A line without any escape looks the same from
// Apache: it is nginx's unless its object holds what only Apache writes. The shape itself is in internal/accessline,
// web.go; what no field holds is in unmapped: ident, peer_ip, prefix (of what carried the line: syslog, a container),
// suffix, userinfo (user and password in a URL), extra_N and the ingress columns.
package nginx

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
	return format.Spec{Name: "nginx", Class: event.HTTP, New: New, Version: 2, Sniff: sniff}
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
		e.SetText(event.Provider, "nginx")
		emit(e)
		return nil
	}
	p.event.Reset(event.HTTP, r)
	p.event.SetText(event.Provider, "nginx")
	if err := accessline.Web(&p.event, bstr.String(r.Raw), accessline.UnescapeHex); err != nil {
		return err
	}
	emit(&p.event)
	return nil
}

// sniff is a little surer than Apache's of a line that both could have written, and leaves what has Apache's marks to
// that: undoing its escapes is not the same.
func sniff(raw []byte) int {
	switch {
	case webjson.Sniff(raw, "remote_addr"):
		return 80
	case !accessline.WebTime(raw):
		return 0
	case accessline.ApacheOnly(raw):
		return 40
	}
	return 60
}
