package gcp

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
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
	members := []jsonrec.Member{
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
	}
	return jsonrec.New(append(append(members, payload("protoPayload.")...), payload(exported+".")...)...)
}

// exported is where the tables that BigQuery gets have the payload, with free-form members as text under names of their own:
// https://cloud.google.com/logging/docs/export/bigquery#log-field-name-rules.
const exported = "protopayload_auditlog"

// payload lists the members of an AuditLog.
func payload(in string) []jsonrec.Member {
	text, note := jsonrec.Text, jsonrec.NoteText
	at := func(path string, set jsonrec.Set) jsonrec.Member { return jsonrec.At(in+path, set) }
	return []jsonrec.Member{
		at("@type", jsonrec.Says(auditType)),
		at("serviceName", text(event.EventSource)),
		at("methodName", text(event.NativeName)),
		at("resourceName", jsonrec.List(event.Resources)),
		at("status.code", note(noteCode)),
		at("status.message", text(event.ErrorMessage)),
		at("authenticationInfo.principalEmail", text(event.ActorName)),
		at("authenticationInfo.principalSubject", text(event.ActorPrincipalID)),
		at("authenticationInfo.serviceAccountKeyName", note(noteKey)),
		at("authenticationInfo.serviceAccountDelegationInfo", jsonrec.Note(noteDelegates)),
		at("authorizationInfo", jsonrec.Note(notePermissions)),
		at("requestMetadata.callerIp", jsonrec.Addr(event.SrcIP, event.SrcHost)),
		at("requestMetadata.callerSuppliedUserAgent", text(event.UserAgent)),
		at("request", jsonrec.Tree(event.Request, 0)),
		at("response", jsonrec.Tree(event.Response, 1)),
		at("metadata", jsonrec.Tree(event.Additional, 2)),
		at("serviceData", jsonrec.Tree(event.Additional, 3)),
		at("requestJson", within(event.Request, 0)),
		at("responseJson", within(event.Response, 1)),
		at("metadataJson", within(event.Additional, 2)),
	}
}

// within takes a free-form member that is held as text.
func within(f event.ObjectField, i int) jsonrec.Set {
	set := jsonrec.Tree(f, i)
	return func(w *jsonrec.Walker, v jsonrec.Value) bool {
		object, ok := w.Within(v)
		return ok && set(w, object)
	}
}

// timestamp is also a part of the entry's identity, as it is written. BigQuery writes it "2026-03-01 09:00:00.123456 UTC".
func timestamp(w *jsonrec.Walker, v jsonrec.Value) bool {
	if date, clock, ok := exportedTime(w.Plain(v)); ok {
		if ns, ok := accessline.UTCTime(date, clock); ok {
			w.Event.SetUnixNano(event.EventTime, ns)
			return jsonrec.NoteText(noteTime)(w, v)
		}
	}
	return jsonrec.Time(event.EventTime)(w, v) && jsonrec.NoteText(noteTime)(w, v)
}

// exportedTime takes BigQuery's text of a time apart.
func exportedTime(text string) (date, clock string, ok bool) {
	date, clock, ok = strings.Cut(text, " ")
	return date, strings.TrimSuffix(clock, " UTC"), ok
}
