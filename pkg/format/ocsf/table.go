package ocsf

import (
	"math"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format/internal/jsonrec"
)

// What the walk notes for after it.
const (
	noteProvider = iota
	noteStatusID
	noteStatus
	noteActionID
	noteAction
	noteDirectionID
	noteDirection
	noteVersionID
	noteSrcBehind
	noteDstBehind
	noteUserID
	noteUserName
	noteActivity
	noteActivityID
	noteStart
	noteCode
	noteHeaders
	noteDispositionID
	noteDisposition
	noteVersion
	noteAnswerCode
)

const most = math.MaxInt64

// list collects the members of a table; a field may have several names.
type list []jsonrec.Member

func (l *list) add(set jsonrec.Set, paths ...string) {
	for _, path := range paths {
		*l = append(*l, jsonrec.At(path, set))
	}
}

// known takes "-" for missing, as the logs that flows are made of write it.
func known(set jsonrec.Set) jsonrec.Set { return jsonrec.Unless("-", set) }

// table lists the members of a class.
func table(c event.Class) *jsonrec.Schema {
	var l list
	l.common()
	switch c {
	case event.API:
		l.api()
	case event.Flow:
		l.flow()
	case event.HTTP:
		l.http()
	default:
		l.dns()
	}
	return jsonrec.New(l...)
}

func (l *list) common() {
	text, note := jsonrec.Text, jsonrec.NoteText
	l.add(when, "time", "time_dt")
	l.add(text(event.NativeID), "metadata.uid")
	l.add(text(event.AccountID), "cloud.account.uid", "cloud.account_uid")
	l.add(text(event.Region), "cloud.region")
	l.add(note(noteProvider), "cloud.provider")
	l.add(note(noteStatusID), "status_id")
	l.add(note(noteStatus), "status")
	l.add(known(jsonrec.OnlyAddr(event.SrcIP)), "src_endpoint.ip")
	l.add(text(event.SrcHost), "src_endpoint.domain", "src_endpoint.hostname")
	l.add(text(event.SrcCountry), "src_endpoint.location.country")
	l.add(jsonrec.Int(event.SrcASN, 0, math.MaxUint32), "src_endpoint.autonomous_system.number")
}

func (l *list) api() {
	text, note := jsonrec.Text, jsonrec.NoteText
	l.add(text(event.NativeName), "api.operation")
	l.add(text(event.EventSource), "api.service.name")
	l.add(text(event.APIVersion), "api.version")
	l.add(text(event.RequestID), "api.request.uid")
	l.add(tree(event.Request, 0), "api.request.data")
	l.add(tree(event.Response, 1), "api.response.data")
	l.add(text(event.ErrorCode), "api.response.error")
	l.add(text(event.ErrorMessage), "api.response.message", "api.response.error_message")
	l.add(note(noteAnswerCode), "api.response.code")
	l.add(text(event.EventType), "metadata.event_code", "unmapped.eventType")
	l.add(text(event.EventVersion), "metadata.version")
	l.add(text(event.CorrelationID), "metadata.correlation_uid")
	l.add(category, "metadata.product.feature.name")
	l.add(text(event.Severity), "severity")
	l.add(identity, "actor.user.uid", "actor.user.uid_alt", "actor.user.uuid")
	l.add(text(event.ActorName), "actor.user.name")
	l.add(text(event.ActorType), "actor.user.type")
	l.add(text(event.ActorAccountID), "actor.user.account.uid", "actor.user.account_uid")
	l.add(text(event.AccessKeyID), "actor.user.credential_uid", "actor.session.credential_uid")
	l.add(text(event.ActorIssuerARN), "actor.session.issuer")
	l.add(text(event.ActorSessionName), "actor.session.uid")
	l.add(jsonrec.Bool(event.MFA), "actor.session.is_mfa", "actor.session.mfa", "is_mfa", "mfa")
	l.add(jsonrec.Millis(event.SessionCreatedTime), "actor.session.created_time")
	l.add(jsonrec.Time(event.SessionCreatedTime), "actor.session.created_time_dt")
	l.add(text(event.ActorInvokedBy), "actor.invoked_by")
	l.add(text(event.ActorIdentityProvider), "actor.idp.name")
	l.add(note(noteUserID), "user.uid")
	l.add(note(noteUserName), "user.name")
	l.add(note(noteActivity), "activity_name")
	l.add(note(noteActivityID), "activity_id")
	l.add(jsonrec.List(event.Resources), "resources[].uid", "resources[].arn")
	l.add(text(event.VPCEndpointID), "src_endpoint.uid")
	l.add(text(event.UserAgent), "http_request.user_agent")
	l.add(jsonrec.Float(event.DurationMS), "duration")
	l.add(text(event.TenantID), "cloud.org.uid")
	l.traffic()
	// What version 1 has no place for.
	l.add(text(event.AccountID), "unmapped.recipientAccountId")
	l.add(tree(event.Request, 0), "unmapped.requestParameters")
	l.add(tree(event.Response, 1), "unmapped.responseElements")
	l.add(jsonrec.Bool(event.ReadOnly), "unmapped.readOnly")
	l.add(jsonrec.Bool(event.Management), "unmapped.managementEvent")
	l.add(jsonrec.Bool(event.SessionFromConsole), "unmapped.sessionCredentialFromConsole")
	l.tls()
}

func (l *list) flow() {
	text, note := jsonrec.Text, jsonrec.NoteText
	l.actions()
	l.add(jsonrec.Int(event.SrcPort, 0, 65535), "src_endpoint.port")
	l.add(known(jsonrec.OnlyAddr(event.DstIP)), "dst_endpoint.ip")
	l.add(jsonrec.Int(event.DstPort, 0, 65535), "dst_endpoint.port")
	l.add(jsonrec.Note(noteSrcBehind), "src_endpoint.intermediate_ips")
	l.add(jsonrec.Note(noteDstBehind), "dst_endpoint.intermediate_ips")
	// Of the two sides only the interface's own has these.
	l.add(known(text(event.InterfaceID)), "src_endpoint.interface_uid", "dst_endpoint.interface_uid")
	l.add(known(text(event.VPCID)), "src_endpoint.vpc_uid", "dst_endpoint.vpc_uid")
	l.add(known(text(event.SubnetID)), "src_endpoint.subnet_uid", "dst_endpoint.subnet_uid")
	l.add(known(text(event.InstanceID)), "src_endpoint.instance_uid", "dst_endpoint.instance_uid")
	l.add(known(text(event.PktSrcService)), "src_endpoint.svc_name")
	l.add(known(text(event.PktDstService)), "dst_endpoint.svc_name")
	l.add(jsonrec.Int(event.Protocol, 0, 255), "connection_info.protocol_num")
	l.add(jsonrec.Int(event.TCPFlags, 0, 255), "connection_info.tcp_flags")
	l.add(note(noteVersionID), "connection_info.protocol_ver_id")
	l.add(known(note(noteVersion)), "connection_info.protocol_ver")
	l.add(boundary, "connection_info.boundary_id")
	l.add(note(noteDirectionID), "connection_info.direction_id")
	l.add(known(note(noteDirection)), "connection_info.direction")
	l.add(jsonrec.Int(event.Bytes, 0, most), "traffic.bytes")
	l.add(jsonrec.Int(event.Packets, 0, most), "traffic.packets")
	l.add(note(noteStart), "start_time", "start_time_dt")
	l.add(jsonrec.Millis(event.EndTime), "end_time")
	l.add(jsonrec.Time(event.EndTime), "end_time_dt")
	l.add(logStatus, "status_code", "unmapped.log_status")
	l.add(note(noteActivityID), "activity_id")
	l.add(text(event.AZID), "cloud.zone")
	l.add(jsonrec.Float(event.DurationMS), "duration")
	l.traffic()
	l.tls()
}

func (l *list) http() {
	text := jsonrec.Text
	l.actions()
	l.add(jsonrec.Int(event.SrcPort, 0, 65535), "src_endpoint.port")
	l.add(text(event.Method), "http_request.http_method")
	l.add(text(event.URLScheme), "http_request.url.scheme")
	l.add(text(event.URLHost), "http_request.url.hostname")
	l.add(jsonrec.Int(event.URLPort, 0, 65535), "http_request.url.port")
	l.add(text(event.URLPath), "http_request.url.path")
	l.add(text(event.URLQuery), "http_request.url.query_string", "http_request.args")
	l.add(text(event.UserAgent), "http_request.user_agent")
	l.add(text(event.Referer), "http_request.referrer")
	l.add(httpVersion, "http_request.version")
	l.add(text(event.RequestID), "http_request.uid")
	l.add(jsonrec.List(event.ForwardedFor), "http_request.x_forwarded_for")
	l.add(jsonrec.Note(noteHeaders), "http_request.http_headers")
	l.add(jsonrec.Int(event.BytesIn, 0, most), "http_request.length")
	l.add(jsonrec.NoteText(noteCode), "http_response.code", "http_status")
	l.add(jsonrec.Int(event.BytesOut, 0, most), "http_response.length")
	l.add(jsonrec.Int(event.BodyBytes, 0, most), "http_response.body_length")
	l.add(text(event.ContentType), "http_response.content_type")
	l.traffic()
	l.add(jsonrec.Float(event.DurationMS), "http_response.latency", "duration")
	l.add(text(event.ActorName), "actor.user.name")
	l.add(text(event.WAFACLID), "firewall_rule.uid")
	l.add(text(event.WAFRule), "firewall_rule.name")
	l.add(text(event.WAFRuleType), "firewall_rule.type")
	l.add(jsonrec.List(event.WAFLabels), "metadata.labels")
	l.add(known(text(event.WAFSource)), "src_endpoint.svc_name")
	l.add(known(text(event.WAFSourceID)), "dst_endpoint.uid")
	l.add(text(event.TLSJA3), "tls.ja3_hash.value")
	l.add(text(event.TLSJA4), "tls.ja4_fingerprint_list[].value")
	l.add(text(event.TLSCertARN), "tls.certificate.uid")
	l.tls()
}

func (l *list) dns() {
	text := jsonrec.Text
	l.actions()
	l.add(jsonrec.Int(event.SrcPort, 0, 65535), "src_endpoint.port")
	l.add(text(event.VPCID), "src_endpoint.vpc_uid")
	l.add(text(event.InstanceID), "src_endpoint.instance_uid")
	l.add(text(event.ResolverInterfaceID), "src_endpoint.interface_uid", "dst_endpoint.interface_uid")
	l.add(text(event.ResolverEndpointID), "src_endpoint.uid", "dst_endpoint.instance_uid")
	l.add(queryName, "query.hostname")
	l.add(text(event.QueryType), "query.type")
	l.add(text(event.QueryClass), "query.class")
	l.add(responseCode, "rcode")
	l.add(jsonrec.List(event.Answers), "answers[].rdata")
	l.add(jsonrec.List(event.AnswerTypes), "answers[].type")
	l.add(jsonrec.Says("IN"), "answers[].class")
	l.add(text(event.Transport), "connection_info.protocol_name")
	l.add(text(event.FirewallRuleGroupID), "firewall_rule.uid", "unmapped.firewall_rule_group_id")
	l.add(text(event.FirewallDomainListID), "firewall_rule.type", "unmapped.firewall_domain_list_id")
}

func (l *list) actions() {
	l.add(jsonrec.NoteText(noteActionID), "action_id")
	l.add(jsonrec.NoteText(noteAction), "action")
	l.add(jsonrec.NoteText(noteDispositionID), "disposition_id")
	l.add(jsonrec.NoteText(noteDisposition), "disposition")
}

func (l *list) traffic() {
	l.add(jsonrec.Int(event.BytesIn, 0, most), "traffic.bytes_in")
	l.add(jsonrec.Int(event.BytesOut, 0, most), "traffic.bytes_out")
}

func (l *list) tls() {
	l.add(jsonrec.Text(event.TLSVersion), "tls.version")
	l.add(jsonrec.Text(event.TLSCipher), "tls.cipher")
	l.add(jsonrec.Text(event.TLSHost), "tls.sni")
}
