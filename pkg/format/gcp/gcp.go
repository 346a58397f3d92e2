// Package gcp reads Google Cloud audit logs: LogEntry objects whose protoPayload is an AuditLog, one JSON object each,
// as Pub/Sub and Cloud Storage exports deliver them and as the rows of BigQuery's exports are.
//
// An event of class api comes out. The actor is the principal's e-mail address, which a service account has too; where
// it is left out, the principal's subject. A permission that is not said to be granted was denied, for the writer
// leaves out what is false. Start reading at table, then Parse. What no field holds is in unmapped under its dotted
// path: the log's name, operation.first and .last, labels, authorizationInfo with more than permissions, and whatever a
// later version adds.
package gcp

import (
	"bytes"
	"slices"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
	"github.com/shrike-sec/shrike/pkg/record"
)

// Spec describes the format.
func Spec() format.Spec {
	return format.Spec{Name: "gcp", Class: event.API, New: New, Version: 3, Sniff: sniff}
}

type parser struct {
	w     jsonrec.Walker
	table *jsonrec.Schema
}

// New returns a parser.
func New() format.Parser { return &parser{table: table()} }

func (p *parser) Parse(r *record.Record, emit func(*event.Event)) error {
	p.w.Reset(event.API, r)
	if err := p.w.Walk(p.table, r.Raw); err != nil {
		return err
	}
	e := &p.w.Event
	if e.Text(event.NativeName) == "" && e.Text(event.EventSource) == "" {
		return format.Errorf(record.ReasonSyntax, "not an audit log: neither protoPayload.methodName nor .serviceName")
	}
	if err := p.w.Finish("timestamp"); err != nil {
		return err
	}
	e.SetText(event.Provider, "gcp")
	e.SetText(event.EventName, p.withoutVersion(e.Text(event.NativeName)))
	p.identify()
	p.status()
	p.log()
	p.place()
	p.actor()
	p.permissions()
	emit(e)
	return nil
}

// identify names the entry: ids are only unique among entries of one time.
func (p *parser) identify() {
	id, at := p.w.Plain(p.w.Noted(noteID)), p.w.Plain(p.w.Noted(noteTime))
	if date, clock, ok := exportedTime(at); ok {
		at = p.w.Join(date, "T", clock, "Z")
	}
	if id != "" {
		p.w.Event.SetText(event.NativeID, p.w.Join(id, "@", at))
	}
}

// codes are the names of google.rpc.Code.
var codes = [...]string{
	"", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
	"DATA_LOSS", "UNAUTHENTICATED",
}

// status: code 0 is left out by the writer, so that an empty or missing status is a success. Sign-ins to Google Workspace have
// none and say by their names how they ended (https://cloud.google.com/logging/docs/audit/gsuite-audit-logging).
func (p *parser) status() {
	w, e := &p.w, &p.w.Event
	code := w.Noted(noteCode)
	n, ok := w.Integer(code)
	switch {
	case code.Null() || ok && n == 0:
		e.SetText(event.Outcome, event.Success)
		if method := e.Text(event.NativeName); e.Text(event.EventSource) == "login.googleapis.com" &&
			(strings.HasSuffix(method, ".loginFailure") || strings.HasSuffix(method, "LoginFailed")) {
			e.SetText(event.Outcome, event.Failure)
		}
		return
	case ok && n > 0 && int(n) < len(codes):
		e.SetText(event.ErrorCode, codes[n])
	default:
		e.SetText(event.ErrorCode, w.Plain(code))
	}
	e.SetText(event.Outcome, event.Failure)
}

// log takes the log's name apart: projects/P/logs/cloudaudit.googleapis.com%2Factivity.
func (p *parser) log() {
	w, e := &p.w, &p.w.Event
	name := w.Plain(w.Noted(noteLog))
	w.Unmapped("logName", w.Noted(noteLog))
	container, id, _ := strings.Cut(name, "/")
	id, log, ok := strings.Cut(id, "/logs/")
	if !ok {
		return
	}
	if e.Text(event.AccountID) == "" {
		e.SetText(event.AccountID, id)
	}
	if container == "organizations" && e.Text(event.TenantID) == "" {
		e.SetText(event.TenantID, id)
	}
	for _, divider := range [...]string{"%2F", "%2f", "/"} {
		if _, category, ok := strings.Cut(log, divider); ok {
			e.SetText(event.EventCategory, category)
			break
		}
	}
	switch e.Text(event.EventCategory) {
	case "activity", "system_event":
		e.SetBool(event.Management, true)
	case "data_access":
		e.SetBool(event.Management, false)
	}
}

// place sets the region from the resource's location, region or zone, whichever its kind has.
func (p *parser) place() {
	w, e := &p.w, &p.w.Event
	location, region, zone := w.Noted(noteLocation), w.Noted(noteRegion), w.Noted(noteZone)
	e.SetText(event.Region, w.Plain(location))
	for _, label := range [...]struct {
		key   string
		value jsonrec.Value
	}{{"resource.labels.region", region}, {"resource.labels.zone", zone}} {
		text := w.Plain(label.value)
		if e.Text(event.Region) == "" {
			e.SetText(event.Region, text)
		}
		if text != e.Text(event.Region) {
			w.Unmapped(label.key, label.value)
		}
	}
	// The location of what is in one zone is that zone: us-central1-a.
	key, from := "resource.labels.location", location
	if location.Null() {
		key, from = "resource.labels.zone", zone
	}
	name := e.Text(event.Region)
	if i := len(name) - 2; i > 0 && name[i] == '-' && '0' <= name[i-1] && name[i-1] <= '9' && name == w.Plain(from) {
		e.SetText(event.Region, name[:i])
		w.Unmapped(key, from)
	}
}

// actor works out the stable identity and what kind of principal it is.
func (p *parser) actor() {
	w, e := &p.w, &p.w.Event
	email, subject := e.Text(event.ActorName), e.Text(event.ActorPrincipalID)
	e.SetText(event.Actor, email)
	if email == "" {
		e.SetText(event.Actor, subject)
	}
	kind, _, ok := strings.Cut(subject, ":")
	switch {
	case ok:
		e.SetText(event.ActorType, kind)
	case strings.HasSuffix(email, "gserviceaccount.com"), strings.HasPrefix(email, "system:serviceaccount:"):
		e.SetText(event.ActorType, "serviceAccount")
	case email != "":
		e.SetText(event.ActorType, "user")
	}
	key := w.Noted(noteKey)
	name := w.Plain(key)
	if i := strings.LastIndex(name, "/keys/"); i >= 0 {
		e.SetText(event.AccessKeyID, name[i+len("/keys/"):])
	}
	w.Unmapped("protoPayload.authenticationInfo.serviceAccountKeyName", key)
	p.delegates()
}

// delegates lists who stands behind a service account, the first caller first.
func (p *parser) delegates() {
	w := &p.w
	list := w.Noted(noteDelegates)
	w.Elements(list, func(element jsonrec.Value) {
		subject, email := "", ""
		w.Members(element, func(name []byte, v jsonrec.Value) {
			switch string(name) {
			case "principalSubject":
				subject = w.Plain(v)
			case "firstPartyPrincipal":
				w.Members(v, func(name []byte, v jsonrec.Value) {
					if string(name) == "principalEmail" {
						email = w.Plain(v)
					}
				})
			}
		})
		if email == "" {
			email = subject
		}
		if email != "" {
			w.Event.AddList(event.ActorDelegates, email)
		}
	})
	w.Unmapped("protoPayload.authenticationInfo.serviceAccountDelegationInfo", list)
}

// permissions lists what the call needed. Calls that only need permissions to read change nothing.
func (p *parser) permissions() {
	w, e := &p.w, &p.w.Event
	list := w.Noted(notePermissions)
	types, reads, odd := 0, 0, !list.List()
	w.Elements(list, func(element jsonrec.Value) {
		permission, granted := "", false
		w.Members(element, func(name []byte, v jsonrec.Value) {
			text := w.Plain(v)
			switch string(name) {
			case "permission":
				permission = text
			case "granted":
				granted = text == "true"
				odd = odd || !granted && text != "false"
			case "resource":
				p.resource(text)
			case "permissionType":
				types++
				if strings.HasSuffix(text, "_READ") {
					reads++
				}
			default:
				odd = odd || !v.Empty()
			}
		})
		if permission == "" {
			odd = true
			return
		}
		e.AddList(event.Permissions, permission)
		if !granted {
			e.AddList(event.PermissionsDenied, permission)
		}
	})
	if odd || types > 0 {
		w.Unmapped("protoPayload.authorizationInfo", list)
	}
	switch {
	case types > 0:
		e.SetBool(event.ReadOnly, reads == types)
	case e.Text(event.EventCategory) == "activity":
		e.SetBool(event.ReadOnly, false)
	}
}

func (p *parser) resource(name string) {
	if name != "" && !slices.Contains(p.w.Event.List(event.Resources), name) {
		p.w.Event.AddList(event.Resources, name)
	}
}

// withoutVersion leaves out the parts of a method's name that are an API's version: v1.compute.instances.insert,
// google.iam.admin.v1.SetIAMPolicy, beta.compute.disks.insert.
func (p *parser) withoutVersion(name string) string {
	for start := 0; ; {
		end := strings.IndexByte(name[start:], '.')
		if end < 0 {
			return name
		}
		end += start
		part := name[start:end]
		if isVersion(part) || start == 0 && (part == "beta" || part == "alpha") {
			return p.w.Join(name[:start], p.withoutVersion(name[end+1:]))
		}
		start = end + 1
	}
}

// isVersion knows v1, v2beta3, v1p4beta1 and the like.
func isVersion(s string) bool {
	rest, ok := strings.CutPrefix(s, "v")
	if !ok {
		return false
	}
	rest, ok = cutDigits(rest)
	if preview, is := strings.CutPrefix(rest, "p"); ok && is {
		rest, ok = cutDigits(preview)
	}
	for _, stage := range [...]string{"alpha", "beta"} {
		if after, is := strings.CutPrefix(rest, stage); is {
			rest, _ = cutDigits(after)
		}
	}
	return ok && rest == ""
}

func cutDigits(s string) (rest string, some bool) {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return s[i:], i > 0
}

// sniff asks for the type of the payload, which tells audit logs from all others of the same envelope.
func sniff(raw []byte) int {
	const mark = "google.cloud.audit.AuditLog"
	if !bytes.Contains(raw, []byte(mark)) {
		if bytes.Contains(raw, []byte(`"`+exported+`"`)) && jsonrec.Has(raw, exported, "logName") {
			return 95
		}
		return 0
	}
	payload := jsonrec.MemberOf(raw, "protoPayload")
	if payload == nil {
		return 0
	}
	if kind := jsonrec.MemberOf(payload, "@type"); !bytes.HasSuffix(kind, []byte(mark+`"`)) {
		return 0
	}
	return 95
}
