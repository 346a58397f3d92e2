package azure

import (
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
)

// What the walk notes for after it.
const (
	noteResource = iota
	noteURI
	noteIdentity
	noteCaller
	noteObject
	noteUPN
	noteName
	noteApp
	noteTenant
	noteAddress
	noteMethods
	noteType
	noteSignature
	noteDescription
	noteLocation
)

// table lists the members of a record in both shapes.
func table() *jsonrec.Schema {
	at, text, note := jsonrec.At, jsonrec.Text, jsonrec.NoteText
	members := []jsonrec.Member{
		at("time", when),
		at("eventTimestamp", when),
		at("eventDataId", text(event.NativeID)),
		at("correlationId", text(event.CorrelationID)),
		at("operationName", text(event.NativeName)),
		at("operationName.value", text(event.NativeName)),
		at("category", text(event.EventCategory)),
		at("category.value", text(event.EventCategory)),
		at("operationVersion", text(event.APIVersion)),
		at("resultType", text(event.Result)),
		at("status", text(event.Result)),
		at("status.value", text(event.Result)),
		at("resultSignature", note(noteSignature)),
		at("subStatus.value", note(noteSignature)),
		at("resultDescription", note(noteDescription)),
		at("durationMs", jsonrec.Float(event.DurationMS)),
		at("level", text(event.Severity)),
		at("Level", text(event.Severity)),
		at("location", note(noteLocation)),
		at("resourceId", note(noteResource)),
		at("resourceUri", note(noteURI)),
		at("resourceType", lower(event.ResourceType)),
		at("resourceType.value", lower(event.ResourceType)),
		at("subscriptionId", lower(event.AccountID)),
		at("tenantId", text(event.TenantID)),
		at("callerIpAddress", jsonrec.Addr(event.SrcIP, event.SrcHost)),
		at("httpRequest.clientIpAddress", jsonrec.Addr(event.SrcIP, event.SrcHost)),
		at("httpRequest.clientRequestId", text(event.RequestID)),
		at("caller", note(noteCaller)),
		at("identity", note(noteIdentity)),
		at("identity.authorization.action", permission),
		at("authorization.action", permission),
		at("properties", properties),
	}
	for claim, set := range claims() {
		members = append(members, jsonrec.AtKeys(set, "identity", "claims", claim), jsonrec.AtKeys(set, "claims", claim),
			jsonrec.AtKeys(set, "identity", "claim", claim)) // Key Vault's
	}
	return jsonrec.New(members...)
}

// claims are those of the caller's token that fields are made of, by their long and their short names.
func claims() map[string]jsonrec.Set {
	const soap, microsoft = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/", "http://schemas.microsoft.com/identity/claims/"
	note := jsonrec.NoteText
	return map[string]jsonrec.Set{
		microsoft + "objectidentifier": note(noteObject), "oid": note(noteObject),
		soap + "upn": note(noteUPN), "upn": note(noteUPN),
		soap + "name": note(noteName), "name": note(noteName),
		"appid": note(noteApp), "azp": note(noteApp),
		microsoft + "tenantid": note(noteTenant), "tid": note(noteTenant),
		"ipaddr": note(noteAddress),
		"http://schemas.microsoft.com/claims/authnmethodsreferences": jsonrec.Note(noteMethods), "amr": jsonrec.Note(noteMethods),
		"idtyp":                        note(noteType),
		microsoft + "identityprovider": jsonrec.Text(event.ActorIdentityProvider), "idp": jsonrec.Text(event.ActorIdentityProvider),
	}
}

func lower(f event.TextField) jsonrec.Set {
	return func(w *jsonrec.Walker, v jsonrec.Value) bool {
		if v.Nested() {
			return false
		}
		text := w.Lower(w.Plain(v))
		if have := w.Event.Text(f); have != "" {
			return have == text
		}
		w.Event.SetText(f, text)
		return true
	}
}

func permission(w *jsonrec.Walker, v jsonrec.Value) bool {
	if v.Quoted() && !v.Empty() {
		w.Event.AddList(event.Permissions, w.Lower(w.Plain(v)))
	}
	return v.Quoted()
}

// properties takes an object, or the text of one.
func properties(w *jsonrec.Walker, v jsonrec.Value) bool {
	object, ok := w.Within(v)
	return ok && jsonrec.Tree(event.Additional, 0)(w, object)
}
