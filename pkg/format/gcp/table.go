package gcp

import (
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
)

// What the walk notes for after it.
const (
	noteID = iota
	noteTime
	noteLog
	noteCode
	noteLocation
	noteRegion
	noteZone
	noteKey
	noteDelegates
	notePermissions
)

// auditType is the type of every payload that this format takes.
const auditType = "type.googleapis.com/google.cloud.audit.AuditLog"

// table lists the members of a log entry.
func table() *jsonrec.Schema {
	at, text, note := jsonrec.At, jsonrec.Text, jsonrec.NoteText
	const payload = "protoPayload."
	return jsonrec.New(
		at("insertId", note(noteID)),
		at("timestamp", timestamp),
		at("logName", note(noteLog)),
		at("severity", text(event.Severity)),
		at("operation.id", text(event.CorrelationID)),
		at("resource.type", text(event.ResourceType)),
		at("resource.labels.project_id", text(event.AccountID)),
		at("resource.labels.organization_id", text(event.TenantID)),
		at("resource.labels.location", note(noteLocation)),
		at("resource.labels.region", note(noteRegion)),
		at("resource.labels.zone", note(noteZone)),
		at(payload+"@type", jsonrec.Says(auditType)),
		at(payload+"serviceName", text(event.EventSource)),
		at(payload+"methodName", text(event.NativeName)),
		at(payload+"resourceName", jsonrec.List(event.Resources)),
		at(payload+"status.code", note(noteCode)),
		at(payload+"status.message", text(event.ErrorMessage)),
		at(payload+"authenticationInfo.principalEmail", text(event.ActorName)),
		at(payload+"authenticationInfo.principalSubject", text(event.ActorPrincipalID)),
		at(payload+"authenticationInfo.serviceAccountKeyName", note(noteKey)),
		at(payload+"authenticationInfo.serviceAccountDelegationInfo", jsonrec.Note(noteDelegates)),
		at(payload+"authorizationInfo", jsonrec.Note(notePermissions)),
		at(payload+"requestMetadata.callerIp", jsonrec.Addr(event.SrcIP, event.SrcHost)),
		at(payload+"requestMetadata.callerSuppliedUserAgent", text(event.UserAgent)),
		at(payload+"request", jsonrec.Tree(event.Request, 0)),
		at(payload+"response", jsonrec.Tree(event.Response, 1)),
		at(payload+"metadata", jsonrec.Tree(event.Additional, 2)),
		at(payload+"serviceData", jsonrec.Tree(event.Additional, 3)),
	)
}

// timestamp is also a part of the entry's identity, as it is written.
func timestamp(w *jsonrec.Walker, v jsonrec.Value) bool {
	return jsonrec.Time(event.EventTime)(w, v) && jsonrec.NoteText(noteTime)(w, v)
}
