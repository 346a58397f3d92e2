// Package s3access reads S3 server access logs: 18 to 27 columns, grown over the years, and whatever comes after.
//
// A record is one line; one event of class http comes out. The line is split from both ends, because neither the
// request nor the agent has its quotes escaped: eight plain columns from the left, the request up to a quote that a
// status follows, the agent up to the last quote of the line, plain columns behind it. Start reading at split.
// As CloudWatch Logs delivers them they are JSON objects instead, json.go.
// What no field holds is in unmapped: key (as logged, when decoding changed it), requester (as logged, when actor is
// its role), extra_N (columns behind the 27th).
package s3access

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
	"github.com/shrike-sec/shrike/pkg/internal/bstr"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "s3access", Class: event.HTTP, New: New, Version: 3, Sniff: sniff}
}

type parser struct {
	event  event.Event
	cols   columns
	actors map[string]actor // by requester as logged
	json   jsonrec.Walker
	table  *jsonrec.Schema
}

// New returns a parser.
func New() format.Parser { return &parser{actors: map[string]actor{}, table: table()} }

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	if len(r.Raw) > 0 && r.Raw[0] == '{' {
		return p.parseJSON(r, emit)
	}
	e := &p.event
	e.Reset(event.HTTP, r)
	if err := p.cols.split(accessline.TrimEnd(bstr.String(r.Raw))); err != nil {
		return err
	}
	e.SetText(event.Provider, "aws")
	if err := p.cols.fill(e); err != nil {
		return err
	}
	p.setActor(e, accessline.Value(p.cols[requester]))
	emit(e)
	return nil
}

// fill sets the fields. Columns up to the turn-around time must be what they should be: another text there means
// that the line was cut wrongly, and a shifted event is worse than a dead letter.
func (c *columns) fill(e *event.Event) error {
	ns, ok := accessline.CLFTime(c[time])
	if !ok {
		return format.Errorf(record.ReasonBadTime, "column 3 (time): not a time: %q", c[time])
	}
	e.SetUnixNano(event.EventTime, ns)
	accessline.SetSource(e, c[remoteIP])
	setKey(e, accessline.Value(c[key]))
	if accessline.Value(c[requestURI]) != "" { // a lifecycle action has no request, which is not a bad request
		accessline.SetRequest(e, c[requestURI], nil)
	}
	if !accessline.SetStatus(e, c[status]) {
		return format.Errorf(record.ReasonSyntax, "column 10 (http_status): not a number: %q", c[status])
	}
	for _, n := range numbers {
		if err := n.set(e, c[n.column]); err != nil {
			return err
		}
	}
	for _, t := range texts {
		e.SetText(t.field, accessline.Value(c[t.column]))
	}
	if c[aclRequired] == "Yes" {
		e.SetBool(event.ACLRequired, true)
	} else {
		accessline.Keep(e, "aclRequired", c[aclRequired])
	}
	accessline.Extras(e, c[extra])
	return nil
}

// actor is who a requester is.
type actor struct {
	id, name string
	role     bool // id is not the requester as logged
}

// maxActors bounds the cache of requesters. Sessions make new ones, so it is emptied when full.
const maxActors = 4096

func (p *parser) setActor(e *event.Event, requester string) {
	if requester == "" {
		return
	}
	a, ok := p.actors[requester]
	if !ok {
		if len(p.actors) >= maxActors {
			clear(p.actors)
		}
		requester := strings.Clone(requester) // not the whole line, for as long as the cache lives
		a = parseActor(requester)
		p.actors[requester] = a
	}
	e.SetText(event.Actor, a.id)
	e.SetText(event.ActorName, a.name)
	if a.role {
		e.AddUnmapped("requester", requester)
	}
}

// parseActor names the requester by something that does not change with each session: the role of an assumed-role
// ARN. The role's path is not in such an ARN, so a role with a path has another ARN in CloudTrail.
func parseActor(s string) actor {
	if !strings.HasPrefix(s, "arn:") {
		if len(s) == 64 && accessline.IsHex(s) { // a canonical id is no name
			return actor{id: s}
		}
		return actor{id: s, name: s}
	}
	if i := strings.Index(s, ":assumed-role/"); i > 0 {
		role, _, _ := strings.Cut(s[i+len(":assumed-role/"):], "/")
		return actor{id: strings.Replace(s[:i], ":sts:", ":iam:", 1) + ":role/" + role, name: role, role: true}
	}
	return actor{id: s, name: s[strings.LastIndexAny(s, ":/")+1:]}
}

// setKey undoes the log's double encoding: a blank in a key is %2520.
func setKey(e *event.Event, s string) {
	decoded := accessline.PercentDecode(s, 2)
	e.SetText(event.ObjectKey, decoded)
	if decoded != s {
		e.AddUnmapped("key", s)
	}
}

// sniff looks for a canonical owner id, a bucket and a bracketed time, or for what only JSON of S3 has.
func sniff(raw []byte) int {
	if jsonrec.Has(raw, "schema_version_id", "bucket_arn") {
		return 95
	}
	const id = 64
	if len(raw) < id+40 || raw[id] != ' ' {
		return 0
	}
	for _, c := range raw[:id] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return 0
		}
	}
	for i := id + 1; i+4 < len(raw) && i < id+300; i++ { // bucket names have at most 255 characters
		if raw[i] == ' ' {
			if raw[i+1] == '[' && raw[i+4] == '/' {
				return 95
			}
			return 0
		}
	}
	return 0
}
