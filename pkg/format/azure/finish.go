package azure

import (
	"slices"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
)

// operation names the call: MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE. Other logs write a title in its place, which stays
// as it is.
func (p *parser) operation() {
	w, e := &p.w, &p.w.Event
	name := e.Text(event.NativeName)
	namespace, _, ok := strings.Cut(name, "/")
	if !ok || strings.IndexByte(name, ' ') >= 0 {
		e.SetText(event.EventName, name)
		return
	}
	name = w.Lower(name)
	e.SetText(event.EventName, name)
	e.SetText(event.EventSource, name[:len(namespace)])
	switch name[strings.LastIndexByte(name, '/')+1:] {
	case "read":
		e.SetBool(event.ReadOnly, true)
	case "write", "delete":
		e.SetBool(event.ReadOnly, false)
	}
}

// resource takes the resource's path apart: /subscriptions/S/resourcegroups/G/providers/NAMESPACE/TYPE/NAME/….
func (p *parser) resource() {
	w, e := &p.w, &p.w.Event
	for _, v := range [...]jsonrec.Value{w.Noted(noteResource), w.Noted(noteURI)} {
		id := w.Lower(w.Plain(v))
		if id != "" && !slices.Contains(e.List(event.Resources), id) {
			e.AddList(event.Resources, id)
		}
	}
	p.location()
	ids := e.List(event.Resources)
	if len(ids) == 0 {
		return
	}
	if e.Text(event.AccountID) == "" {
		e.SetText(event.AccountID, segment(ids[0], "/subscriptions/"))
	}
	if e.Text(event.TenantID) == "" {
		e.SetText(event.TenantID, segment(ids[0], "/tenants/"))
	}
	const providers = "/providers/"
	at := strings.LastIndex(ids[0], providers)
	if at < 0 {
		return
	}
	namespace, rest, _ := strings.Cut(ids[0][at+len(providers):], "/")
	if e.Text(event.EventSource) == "" {
		e.SetText(event.EventSource, namespace)
	}
	if kind, _, _ := strings.Cut(rest, "/"); kind != "" && e.Text(event.ResourceType) == "" {
		e.SetText(event.ResourceType, ids[0][at+len(providers):at+len(providers)+len(namespace)+1+len(kind)])
	}
}

// location is that of the resource, but of a sign-in the country of who signed in.
func (p *parser) location() {
	w, e := &p.w, &p.w.Event
	location := w.Plain(w.Noted(noteLocation))
	switch {
	case !strings.HasSuffix(e.Text(event.EventCategory), "SignInLogs"):
		e.SetText(event.Region, location)
	case len(location) == 2:
		e.SetText(event.SrcCountry, location)
	default:
		w.Unmapped("location", w.Noted(noteLocation))
	}
}

// segment returns the part of a path behind mark.
func segment(path, mark string) string {
	_, rest, _ := strings.Cut(path, mark)
	part, _, _ := strings.Cut(rest, "/")
	return part
}

// actor: the object id names the caller for ever. A user's token without it has the user's name, and the id of the
// application that the user worked with, which says nothing; that of an application has only its own.
func (p *parser) actor() {
	w, e := &p.w, &p.w.Event
	object, upn, app := w.Plain(w.Noted(noteObject)), w.Plain(w.Noted(noteUPN)), w.Plain(w.Noted(noteApp))
	caller, name, identity := w.Plain(w.Noted(noteCaller)), w.Plain(w.Noted(noteName)), w.Plain(w.Noted(noteIdentity))
	isApp := false
	if object == "" && upn == "" && app == "" {
		object, upn, isApp = p.directory()
	}
	e.SetText(event.ActorPrincipalID, object)
	e.SetText(event.Actor, first(object, upn, app, caller, identity, name))
	e.SetText(event.ActorName, first(upn, caller, identity, name, app))
	for _, spare := range [...]struct {
		key  string
		note int
	}{{"claims.name", noteName}, {"claims.appid", noteApp}, {"caller", noteCaller}, {"identity", noteIdentity}} {
		if v := w.Noted(spare.note); w.Plain(v) != e.Text(event.ActorName) && w.Plain(v) != e.Text(event.Actor) {
			w.Unmapped(spare.key, v)
		}
	}
	kind := w.Plain(w.Noted(noteType))
	switch {
	case kind == "app", isApp, kind == "" && upn == "" && name == "" && app != "":
		e.SetText(event.ActorType, "ServicePrincipal")
	case kind == "user", upn != "", strings.IndexByte(caller, '@') > 0:
		e.SetText(event.ActorType, "User")
	default:
		e.SetText(event.ActorType, kind)
	}
	if methods := w.Noted(noteMethods); !methods.Null() {
		e.SetBool(event.MFA, strings.Contains(w.Plain(methods), "mfa"))
		w.Unmapped("claims.authnmethodsreferences", methods)
	}
}

// directory returns who acted by the properties: those of the directory's own logs, sign-ins and audit, have no token's claims,
// and a name for people in place of the identity. Of an application, object is the id and upn its name.
func (p *parser) directory() (object, upn string, isApp bool) {
	properties := p.w.Event.Object(event.Additional).Value
	if properties == nil {
		return "", "", false
	}
	text := func(keys ...string) string { return p.w.Text(properties.GetStringBytes(keys...)) }
	if id := text("userId"); id != "" {
		return id, text("userPrincipalName"), false
	}
	if id := text("initiatedBy", "user", "id"); id != "" {
		return id, text("initiatedBy", "user", "userPrincipalName"), false
	}
	if id := text("initiatedBy", "app", "servicePrincipalId"); id != "" {
		return id, text("initiatedBy", "app", "displayName"), true
	}
	id := text("servicePrincipalId")
	return id, text("servicePrincipalName"), id != ""
}

// origin falls back on what the token says of the caller's address and directory.
func (p *parser) origin() {
	w, e := &p.w, &p.w.Event
	address, tenant := w.Noted(noteAddress), w.Noted(noteTenant)
	if e.Addr(event.SrcIP).IsValid() || e.Text(event.SrcHost) != "" {
		if w.Plain(address) != e.Addr(event.SrcIP).String() {
			w.Unmapped("claims.ipaddr", address)
		}
	} else if !address.Null() && !jsonrec.Addr(event.SrcIP, event.SrcHost)(w, address) {
		w.Unmapped("claims.ipaddr", address)
	}
	if !tenant.Null() && !jsonrec.Text(event.TenantID)(w, tenant) {
		w.Unmapped("claims.tenantid", tenant)
	}
}

// result works out the outcome and why it is a failure. A start and an acceptance have none yet.
func (p *parser) result() {
	w, e := &p.w, &p.w.Event
	properties := e.Object(event.Additional).Value
	if e.Text(event.Result) == "" && properties != nil { // the directory's audit
		e.SetText(event.Result, w.Text(properties.GetStringBytes("result")))
	}
	e.SetText(event.Outcome, outcome(w.Lower(e.Text(event.Result))))
	if properties.GetInt("httpStatusCode") >= 400 { // Key Vault answers so with success
		e.SetText(event.Outcome, event.Failure)
	}
	signature, description := w.Noted(noteSignature), w.Noted(noteDescription)
	w.Unmapped("resultSignature", signature)
	failed := e.Text(event.Outcome) == event.Failure
	if !failed {
		w.Unmapped("resultDescription", description)
	}
	p.text(properties, "requestbody", event.Request, 1)
	p.text(properties, "requestBody", event.Request, 1)
	p.text(properties, "responseBody", event.Response, 2)
	if !failed {
		return
	}
	p.message(properties)
	if e.Text(event.ErrorMessage) == "" {
		e.SetText(event.ErrorMessage, w.Plain(description))
	} else if w.Plain(description) != e.Text(event.ErrorMessage) {
		w.Unmapped("resultDescription", description)
	}
	if e.Text(event.ErrorCode) == "" {
		code := w.Plain(signature)
		if _, status, ok := strings.Cut(code, "."); ok { // Failed.Forbidden
			code = status
		}
		if (code == "" || code == "None") && e.Text(event.Result) != "" && e.Text(event.Result)[0] <= '9' {
			code = e.Text(event.Result) // sign-ins have a number
		}
		e.SetText(event.ErrorCode, code)
	}
}

// outcome of the result in lower case.
func outcome(result string) string {
	switch result {
	case "success", "succeeded", "0":
		return event.Success
	case "failure", "failed", "fail", "error":
		return event.Failure
	}
	if result != "" && strings.Trim(result, "0123456789") == "" { // the error of a sign-in
		return event.Failure
	}
	return event.Unknown
}

// text parses a property that holds an object as text.
func (p *parser) text(properties *fastjson.Value, name string, f event.ObjectField, tree int) {
	if properties == nil {
		return
	}
	if object, ok := p.w.Held(properties.GetStringBytes(name)); ok {
		jsonrec.Tree(f, tree)(&p.w, object)
	}
}

// message reads code and message out of {"error":{"code":…,"message":…}}, which properties hold as text, or out of the
// properties themselves.
func (p *parser) message(properties *fastjson.Value) {
	if properties == nil {
		return
	}
	w, e := &p.w, &p.w.Event
	if object, ok := w.Held(properties.GetStringBytes("statusMessage")); ok {
		if v, err := p.status.Parse(object.JSON()); err == nil {
			e.SetText(event.ErrorCode, w.Text(v.GetStringBytes("error", "code")))
			e.SetText(event.ErrorMessage, w.Text(v.GetStringBytes("error", "message")))
		}
	}
	if status := properties.Get("status", "failureReason"); status != nil && e.Text(event.ErrorMessage) == "" {
		e.SetText(event.ErrorMessage, w.Text(status.GetStringBytes()))
	}
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
