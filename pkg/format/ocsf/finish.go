package ocsf

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/format/internal/apiname"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
)

// when takes time in milliseconds and time_dt as text, the finer of the two where they agree.
func when(w *jsonrec.Walker, v jsonrec.Value) bool {
	ns, ok := accessline.ISOTime(w.Plain(v))
	if !ok {
		ns, ok = millis(w, v)
	}
	have, known := w.Event.Time(event.EventTime)
	switch {
	case !ok:
		return jsonrec.Millis(event.EventTime)(w, v) // which says why not
	case known && have.UnixMilli() != ns/1e6:
		return false
	}
	w.Event.SetUnixNano(event.EventTime, max(ns, w.Event.UnixNano(event.EventTime)))
	return true
}

func millis(w *jsonrec.Walker, v jsonrec.Value) (ns int64, ok bool) {
	ms, ok := w.Integer(v)
	return ms * 1e6, ok && 0 <= ms && ms < 1<<43
}

// tree takes a free-form member, which Security Lake holds as text.
func tree(f event.ObjectField, i int) jsonrec.Set {
	set := jsonrec.Tree(f, i)
	return func(w *jsonrec.Walker, v jsonrec.Value) bool {
		object, ok := w.Within(v)
		return ok && set(w, object)
	}
}

// identity sorts what the versions of OCSF have in different places: an ARN or an id.
func identity(w *jsonrec.Walker, v jsonrec.Value) bool {
	if strings.HasPrefix(w.Plain(v), "arn:") {
		return jsonrec.Text(event.ActorARN)(w, v)
	}
	return jsonrec.Text(event.ActorPrincipalID)(w, v)
}

func queryName(w *jsonrec.Walker, v jsonrec.Value) bool {
	name := w.Lower(w.Plain(v))
	if cut := strings.TrimSuffix(name, "."); cut != "" {
		name = cut
	}
	w.Event.SetText(event.QueryName, name)
	return v.Quoted()
}

// responseCode is in capitals, as the logs themselves write it and OCSF does not.
func responseCode(w *jsonrec.Walker, v jsonrec.Value) bool {
	w.Event.SetText(event.RCode, strings.ToUpper(w.Plain(v)))
	return v.Quoted()
}

func httpVersion(w *jsonrec.Walker, v jsonrec.Value) bool {
	w.Event.SetText(event.HTTPVersion, strings.TrimPrefix(w.Plain(v), "HTTP/"))
	return v.Quoted()
}

// category is that of CloudTrail's record, Management or Data; version 1 only says that it is of either or of Insights.
func category(w *jsonrec.Walker, v jsonrec.Value) bool {
	return strings.IndexByte(w.Plain(v), ',') < 0 && jsonrec.Text(event.EventCategory)(w, v)
}

// logStatus takes what flow logs say of themselves; others have codes of their own there.
func logStatus(w *jsonrec.Walker, v jsonrec.Value) bool {
	switch w.Plain(v) {
	case "OK", "NODATA", "SKIPDATA":
		return jsonrec.Text(event.LogStatus)(w, v)
	}
	return false
}

// boundary takes the numbers that flow logs call traffic paths: OCSF counts three of its own in front of them.
func boundary(w *jsonrec.Walker, v jsonrec.Value) bool {
	n, ok := w.Integer(v)
	if ok = ok && n > 3 && n < 12; ok {
		w.Event.SetInt(event.TrafficPath, n-3)
	}
	return ok
}

func (p *parser) common() {
	w, e := &p.w, &p.w.Event
	provider := w.Lower(w.Plain(w.Noted(noteProvider)))
	if provider == "" {
		provider = "ocsf"
	}
	e.SetText(event.Provider, provider)
	e.SetText(event.Outcome, event.Unknown)
	id, text := w.Plain(w.Noted(noteStatusID)), w.Lower(w.Plain(w.Noted(noteStatus)))
	switch {
	case id == "1" || id == "" && text == "success":
		e.SetText(event.Outcome, event.Success)
	case id == "2" || id == "" && text == "failure":
		e.SetText(event.Outcome, event.Failure)
	default:
		w.Unmapped("status_id", w.Noted(noteStatusID))
	}
	if text != e.Text(event.Outcome) {
		w.Unmapped("status", w.Noted(noteStatus))
	}
}

// api reads what its three classes have. Sign-ins say by their activity nothing of what was changed, and changes of accounts
// have another user beside the actor.
func (p *parser) api(class string) {
	w, e := &p.w, &p.w.Event
	activity := w.Noted(noteActivity)
	if e.Text(event.NativeName) == "" {
		e.SetText(event.NativeName, w.Plain(activity))
	} else {
		w.Unmapped("activity_name", activity)
	}
	e.SetText(event.EventName, apiname.WithoutVersion(e.Text(event.NativeName)))
	p.answer()
	if _, known := e.Bool(event.ReadOnly); !known && class != signIn {
		switch w.Plain(w.Noted(noteActivityID)) {
		case "2":
			e.SetBool(event.ReadOnly, true)
		case "1", "3", "4":
			e.SetBool(event.ReadOnly, false)
		}
	}
	w.Unmapped("activity_id", w.Noted(noteActivityID))
	p.user(class)
	p.actor()
	if e.Text(event.AccountID) == "" {
		e.SetText(event.AccountID, e.Text(event.ActorAccountID))
	}
}

// answer takes the outcome from the answer where the event does not say it.
func (p *parser) answer() {
	w, e := &p.w, &p.w.Event
	code, ok := w.Integer(w.Noted(noteAnswerCode))
	w.Unmapped("api.response.code", w.Noted(noteAnswerCode))
	switch {
	case e.Text(event.Outcome) != event.Unknown:
	case e.Text(event.ErrorCode) != "", ok && code >= 400 && code < 600:
		e.SetText(event.Outcome, event.Failure)
	case ok && code >= 200 && code < 400:
		e.SetText(event.Outcome, event.Success)
	}
}

// user: the one who signs in may stand beside the actor only; the one whose account is changed is no actor.
func (p *parser) user(class string) {
	w, e := &p.w, &p.w.Event
	user, name := w.Plain(w.Noted(noteUserID)), w.Plain(w.Noted(noteUserName))
	arn := e.Text(event.ActorARN)
	if class == signIn && arn == "" && e.Text(event.ActorName) == "" && e.Text(event.ActorPrincipalID) == "" {
		if strings.HasPrefix(user, "arn:") {
			e.SetText(event.ActorARN, user)
		} else {
			e.SetText(event.ActorPrincipalID, user)
		}
		e.SetText(event.ActorName, name)
		return
	}
	if user != arn {
		w.Unmapped("user.uid", w.Noted(noteUserID))
	}
	if name != e.Text(event.ActorName) {
		w.Unmapped("user.name", w.Noted(noteUserName))
	}
}

// actor: the role of a session, the service that called, else who it is. Version 1 has of a session the principal's id and
// the role only.
func (p *parser) actor() {
	e := &p.w.Event
	arn, issuer := e.Text(event.ActorARN), e.Text(event.ActorIssuerARN)
	id, principalSession, _ := strings.Cut(e.Text(event.ActorPrincipalID), ":") // AROA…:session
	role, roleName, session := p.role(arn)
	switch isRole := strings.HasPrefix(issuer, "arn:"); {
	case role != "" && isRole:
		role = issuer
	case arn == "" && isRole && e.Text(event.ActorType) == "AssumedRole":
		role, roleName, session = issuer, issuer[strings.LastIndexByte(issuer, '/')+1:], principalSession
	case role == "":
		role = arn
	}
	e.SetText(event.Actor, first(role, e.Text(event.ActorInvokedBy), id, e.Text(event.ActorName)))
	if e.Text(event.ActorName) == "" {
		e.SetText(event.ActorName, roleName)
	}
	if e.Text(event.ActorSessionName) == "" {
		e.SetText(event.ActorSessionName, session)
	}
}

// role takes arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION apart; other ARNs are none.
func (p *parser) role(arn string) (role, name, session string) {
	front, rest, ok := strings.Cut(arn, ":assumed-role/")
	partition, account, sts := strings.Cut(front, ":sts::")
	if !ok || !sts {
		return "", "", ""
	}
	name, session, _ = strings.Cut(rest, "/")
	return p.w.Join(partition, ":iam::", account, ":role/", name), name, session
}

func (p *parser) flow() {
	w, e := &p.w, &p.w.Event
	p.action("ACCEPT", "REJECT")
	if e.Text(event.Action) == "" && w.Plain(w.Noted(noteActivityID)) == "5" { // Refuse
		e.SetText(event.Action, "REJECT")
		e.SetText(event.Outcome, event.Failure)
	}
	w.Unmapped("activity_id", w.Noted(noteActivityID))
	p.ipVersion()
	p.direction()
	p.behind("src_endpoint.intermediate_ips", noteSrcBehind, event.SrcIP, event.PktSrcIP)
	p.behind("dst_endpoint.intermediate_ips", noteDstBehind, event.DstIP, event.PktDstIP)
	start := w.Noted(noteStart)
	ns, ok := accessline.ISOTime(w.Plain(start))
	if !ok {
		ns, ok = millis(w, start)
	}
	if !ok || ns != e.UnixNano(event.EventTime) {
		w.Unmapped("start_time", start)
	}
}

func (p *parser) ipVersion() {
	w, e := &p.w, &p.w.Event
	version := w.Plain(w.Noted(noteVersion))
	switch id := w.Plain(w.Noted(noteVersionID)); {
	case id == "4" || id == "" && version == "IPv4":
		e.SetText(event.TrafficType, "IPv4")
	case id == "6" || id == "" && version == "IPv6":
		e.SetText(event.TrafficType, "IPv6")
	default:
		w.Unmapped("connection_info.protocol_ver_id", w.Noted(noteVersionID))
	}
	if version != e.Text(event.TrafficType) {
		w.Unmapped("connection_info.protocol_ver", w.Noted(noteVersion))
	}
}

func (p *parser) direction() {
	w, e := &p.w, &p.w.Event
	word := w.Lower(w.Plain(w.Noted(noteDirection)))
	switch word {
	case "inbound":
		word = "ingress"
	case "outbound":
		word = "egress"
	}
	switch id := w.Plain(w.Noted(noteDirectionID)); {
	case id == "1" || id == "" && word == "ingress":
		e.SetText(event.Direction, "ingress")
	case id == "2" || id == "" && word == "egress":
		e.SetText(event.Direction, "egress")
	default:
		w.Unmapped("connection_info.direction_id", w.Noted(noteDirectionID))
	}
	if word != e.Text(event.Direction) {
		w.Unmapped("connection_info.direction", w.Noted(noteDirection))
	}
}

// behind: where a gateway stands between, the endpoint's address is that of the packet and the gateway's is beside it.
func (p *parser) behind(name string, note int, addr, packet event.AddrField) {
	w, e := &p.w, &p.w.Event
	list := w.Noted(note)
	count := 0
	w.Elements(list, func(v jsonrec.Value) {
		a, ok := accessline.Addr(w.Plain(v))
		if count++; ok && count == 1 {
			e.SetAddr(packet, e.Addr(addr))
			e.SetAddr(addr, a)
		}
	})
	if count != 1 || !e.Addr(packet).IsValid() {
		w.Unmapped(name, list)
	}
}

// action names what was done as the log itself does, and takes the outcome from it. Version 1 has a disposition in its place.
func (p *parser) action(allowed, denied string) {
	w, e := &p.w, &p.w.Event
	id, text := w.Plain(w.Noted(noteActionID)), w.Lower(w.Plain(w.Noted(noteAction)))
	w.Unmapped("disposition_id", w.Noted(noteDispositionID))
	w.Unmapped("disposition", w.Noted(noteDisposition))
	if id == "" && text == "" {
		id, text = p.disposition()
	}
	switch {
	case id == "1" || id == "" && text == "allowed":
		e.SetText(event.Action, allowed)
		e.SetText(event.Outcome, event.Success)
	case id == "2" || id == "" && text == "denied":
		e.SetText(event.Action, denied)
		e.SetText(event.Outcome, event.Failure)
	default:
		e.SetText(event.Action, w.Plain(w.Noted(noteAction)))
		w.Unmapped("action_id", w.Noted(noteActionID))
		return
	}
	if text != "allowed" && text != "denied" || (text == "allowed") != (e.Text(event.Action) == allowed) {
		w.Unmapped("action", w.Noted(noteAction))
	}
}

// disposition returns the action that it speaks of; all but two of them speak of none.
func (p *parser) disposition() (id, text string) {
	w := &p.w
	switch id, text := w.Plain(w.Noted(noteDispositionID)), w.Lower(w.Plain(w.Noted(noteDisposition))); {
	case id == "1", id == "" && text == "allowed":
		return "1", "allowed"
	case id == "2", id == "" && text == "blocked":
		return "2", "denied"
	}
	return "", ""
}

func (p *parser) http() {
	w, e := &p.w, &p.w.Event
	p.action("ALLOW", "BLOCK")
	outcome := e.Text(event.Outcome)
	code := w.Noted(noteCode)
	if !accessline.SetStatus(e, w.Plain(code)) {
		w.Unmapped("http_response.code", code)
	}
	if outcome == event.Failure || e.Text(event.Outcome) == event.Unknown {
		e.SetText(event.Outcome, outcome)
	}
	headers := w.Noted(noteHeaders)
	odd := !headers.List()
	w.Elements(headers, func(header jsonrec.Value) {
		name, value := "", ""
		w.Members(header, func(key []byte, v jsonrec.Value) {
			switch string(key) {
			case "name":
				name = w.Lower(w.Plain(v))
			case "value":
				value = w.Plain(v)
			default:
				odd = true
			}
		})
		if name == "" {
			odd = true
			return
		}
		e.AddList(event.Headers, w.Join(name, ": ", value))
	})
	if odd {
		w.Unmapped("http_request.http_headers", headers)
	}
}

func (p *parser) dns() {
	e := &p.w.Event
	p.action("ALLOW", "BLOCK")
	code := e.Text(event.RCode)
	switch {
	case e.Text(event.Action) == "BLOCK" || code == "":
	case code == "NOERROR":
		e.SetText(event.Outcome, event.Success)
	default:
		e.SetText(event.Outcome, event.Failure)
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
