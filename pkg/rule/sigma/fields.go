package sigma

import (
	"regexp"
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// field is one of ours as it is.
func field(name string) operand {
	o := operand{text: name, key: name}
	f := event.Lookup(name)
	switch f.Type {
	case event.TypeText:
		o.kind = textKind
	case event.TypeInt:
		o.kind = number
	case event.TypeFloat:
		o.kind, o.real = number, true
	case event.TypeBool:
		o.kind = flag
	case event.TypeAddr:
		o.kind = address
		if name == "src_ip" {
			o.host = "src_host"
		}
	case event.TypeTime:
		o.kind = instant
	case event.TypeList:
		o.kind = listKind
	case event.TypeObject:
		o.kind = object
	}
	return o
}

// enriched are fields that rules of any source may name: pipelines add them to what logs have, and so do we.
const enriched = `
	src_ip src_ip
	src_country src_country
	src_asn src_asn`

// fieldsOf makes the table of fields from lines of Sigma's name and ours.
func fieldsOf(lines string) map[string]operand {
	table := map[string]operand{}
	for line := range strings.Lines(enriched + lines) {
		if names := strings.Fields(line); len(names) == 2 {
			o := field(names[1])
			o.name = names[0]
			table[fieldKey(names[0])] = o
		}
	}
	return table
}

// put adds a field to the table.
func (s *source) put(o operand) { s.fields[fieldKey(o.name)] = o }

// fieldKey is a field's name without what writers of rules differ in: case, and - or _ between words.
func fieldKey(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// only has a field where what else fills it is kept out.
func only(sigma, name, guard string) operand {
	o := field(name)
	o.name = sigma
	e := compared(guard, "")
	o.guard = &e
	return o
}

func cloudTrail() *source {
	s := &source{
		name: "CloudTrail", class: event.API, provider: "aws",
		objects: map[string]string{"requestParameters": "request", "responseElements": "response", "additionalEventData": "additional"},
		group:   []string{"account_id", "actor"},
		show:    []string{"event_source", "event_name", "region", "src_ip", "user_agent", "error_code"},
		fields: fieldsOf(`
			eventVersion event_version
			eventTime event_time
			eventSource event_source
			awsRegion region
			sourceIPAddress src_ip
			userAgent user_agent
			errorCode error_code
			errorMessage error_message
			requestID request_id
			eventID native_id
			eventType event_type
			eventCategory event_category
			readOnly read_only
			managementEvent management
			recipientAccountId account_id
			apiVersion api_version
			sharedEventID shared_event_id
			vpcEndpointId vpc_endpoint_id
			vpcEndpointAccountId vpc_endpoint_account_id
			sessionCredentialFromConsole session_from_console
			resources.ARN resources
			tlsDetails.tlsVersion tls_version
			tlsDetails.cipherSuite tls_cipher
			tlsDetails.clientProvidedHostHeader tls_host
			userIdentity.type actor_type
			userIdentity.principalId actor_principal_id
			userIdentity.arn actor_arn
			userIdentity.accountId actor_account_id
			userIdentity.accessKeyId access_key_id
			userIdentity.invokedBy actor_invoked_by
			userIdentity.identityProvider actor_identity_provider
			userIdentity.sessionContext.sourceIdentity actor_source_identity
			userIdentity.sessionContext.sessionIssuer.arn actor_issuer_arn
			userIdentity.sessionContext.attributes.mfaAuthenticated mfa
			userIdentity.sessionContext.attributes.creationDate session_created_time
			userIdentity.sessionContext.webIdFederationData.federatedProvider actor_identity_provider
			additionalEventData.bytesTransferredIn bytes_in
			additionalEventData.bytesTransferredOut bytes_out
			status outcome`),
	}
	const issuer = "userIdentity.sessionContext.sessionIssuer."
	s.put(eventName())
	const role = `actor_type == "AssumedRole"`
	s.put(only("userIdentity.userName", "actor_name", `not (actor_type in ["AssumedRole", "AWSService", "FederatedUser"])`))
	s.put(only(issuer+"userName", "actor_name", role))
	s.put(only(issuer+"accountId", "actor_account_id", `actor_issuer_arn != ""`))
	s.put(operand{kind: textKind, name: issuer + "type", text: "actor_issuer_arn", ask: issuerType})
	principal := only(issuer+"principalId", "actor_principal_id", role)
	principal.text, principal.key, principal.ask = "actor_issuer_arn", "", issuerPrincipal
	s.put(principal)
	return s
}

// versioned finds the API version that some names of calls end in, which event_name does not have.
var versioned = regexp.MustCompile(`\d{8}(v\d+)?\*?$`)

// eventName is the call without its API version, except where a rule may mean a part of one: a regular expression, and a
// search for digits.
func eventName() operand {
	o := field("event_name")
	o.name = "eventName"
	o.ask = func(t test) (string, test, bool) {
		s, _ := t.pattern.glob()
		asked := t.text + s
		if t.op == matches || versioned.MatchString(asked) || t.op != equals && strings.ContainsAny(asked, "0123456789") {
			return "native_name", t, true
		}
		return "event_name", t, true
	}
	return o
}

// issuerType: the issuer of a session is a role when the actor is an assumed one; other types have no field.
func issuerType(t test) (string, test, bool) {
	return "actor_type", test{op: equals, text: "AssumedRole"}, t.op == equals && strings.EqualFold(t.text, "Role")
}

// issuerPrincipal: the principal of a session is that of its issuer, a colon, and the session's name.
func issuerPrincipal(t test) (string, test, bool) {
	switch {
	case t.op == equals && t.text != "":
		return "actor_principal_id", test{op: startsWith, text: t.text + ":"}, true
	case t.op == startsWith && !strings.Contains(t.text, ":"):
		return "actor_principal_id", t, true
	}
	return "", test{}, false
}

func web(category, product, service string, at place) (*source, error) {
	s := &source{
		name: "access logs", class: event.HTTP, group: []string{"src_ip"}, dash: true,
		show: []string{"method", "url_host", "url_path", "url_query", "status", "user_agent"},
		fields: fieldsOf(`
			c-ip src_ip
			src_ip src_ip
			clientip src_ip
			client_ip src_ip
			dst_ip upstream_ip
			cs-method method
			method method
			cs-uri-stem url_path
			c-uri-stem url_path
			uri_path url_path
			cs-host url_host
			r-dns url_host
			host url_host
			vhost url_host
			cs-user-agent user_agent
			c-useragent user_agent
			cs-useragent user_agent
			useragent user_agent
			user_agent user_agent
			cs-referer referer
			cs-referrer referer
			c-referer referer
			referer referer
			referrer referer
			cs-cookie cookie
			cs-username actor_name
			cs-bytes bytes_in
			sc-bytes bytes_out
			sc-status status
			status status
			x-forwarded-for forwarded_for
			cs-x-forwarded-for forwarded_for
			time-taken duration_ms`),
	}
	for _, name := range []string{"cs-uri-query", "c-uri-query", "uri_query"} {
		s.put(operand{kind: target, name: name, text: urlPath, queried: true})
	}
	for _, name := range []string{"cs-uri", "uri", "request_uri"} {
		s.put(operand{kind: target, name: name, text: urlPath})
	}
	for _, name := range []string{"c-uri", "url"} {
		s.put(operand{kind: target, name: name, text: wholeURL})
	}
	extended := compared(urlPath+` matches "\\.[^/.]+$"`, "")
	s.put(operand{kind: textKind, name: "c-uri-extension", text: urlPath, there: &extended, ask: func(t test) (string, test, bool) {
		return urlPath, test{op: endsWith, text: "." + t.text}, t.op == equals && t.text != "" && !strings.ContainsAny(t.text, "./")
	}})
	s.put(operand{kind: textKind, name: "cs-version", text: "http_version", ask: func(t test) (string, test, bool) {
		const name = "HTTP/"
		if len(t.text) < len(name) || !strings.EqualFold(t.text[:len(name)], name) {
			return "", test{}, false
		}
		t.text = t.text[len(name):]
		return "http_version", t, t.op == equals && t.text != ""
	}})
	for _, word := range []string{product, service} {
		if word == "nginx" || word == "apache" {
			s.servers = true
		} else if word != "" {
			return nil, refuse(at, "no format of ours is that of logsource %s", logsource(product, service, category))
		}
	}
	return s, nil
}

func flows(product string) *source {
	s := &source{
		name: "flow logs", class: event.Flow, provider: product, group: []string{"src_ip", "dst_ip"}, dash: true,
		show: []string{"account_id", "src_ip", "dst_ip", "dst_port", "protocol", "action", "bytes"},
		fields: fieldsOf(`
			src_ip src_ip
			dst_ip dst_ip
			src_port src_port
			dst_port dst_port
			srcaddr src_ip
			dstaddr dst_ip
			srcport src_port
			dstport dst_port
			bytes bytes
			packets packets
			account-id account_id
			interface-id interface_id
			instance-id instance_id
			vpc-id vpc_id
			subnet-id subnet_id
			log-status log_status
			flow-direction direction
			tcp-flags tcp_flags`),
	}
	action := field("action")
	action.name, action.words = "action", actions
	s.put(action)
	for _, name := range []string{"protocol", "proto"} {
		o := field("protocol")
		o.name, o.words = name, protocols
		s.put(o)
	}
	return s
}

// actions are the words that firewalls have for what our logs call ACCEPT and REJECT.
var actions = map[string]string{
	"accept": "ACCEPT", "accepted": "ACCEPT", "allow": "ACCEPT", "allowed": "ACCEPT", "forward": "ACCEPT", "pass": "ACCEPT",
	"permit": "ACCEPT", "permitted": "ACCEPT",
	"block": "REJECT", "blocked": "REJECT", "denied": "REJECT", "deny": "REJECT", "drop": "REJECT", "dropped": "REJECT",
	"reject": "REJECT", "rejected": "REJECT",
}

// protocols are the numbers of protocols (https://www.iana.org/assignments/protocol-numbers) that rules name.
var protocols = map[string]string{
	"icmp": "1", "igmp": "2", "tcp": "6", "udp": "17", "gre": "47", "esp": "50", "ah": "51", "icmpv6": "58", "ipv6-icmp": "58", "sctp": "132",
}

func resolver(product string) *source {
	s := &source{
		name: "DNS logs", class: event.DNS, provider: product, group: []string{"src_ip"},
		show: []string{"query_name", "query_type", "rcode", "answers", "instance_id"},
		fields: fieldsOf(`
			record_type query_type
			query_type query_type
			qtype_name query_type
			rcode_name rcode
			answer answers
			answers answers
			QueryResults answers
			rcode rcode
			src_ip src_ip
			srcaddr src_ip
			srcport src_port
			transport transport
			vpc_id vpc_id
			account_id account_id
			region region`),
	}
	for _, name := range []string{"query", "query_name", "QueryName"} {
		o := field("query_name")
		o.name, o.ask = name, queryName
		s.put(o)
	}
	return s
}

// queryName: our names have no dot at their end.
func queryName(t test) (string, test, bool) {
	if name := strings.TrimSuffix(t.text, "."); name != "" && (t.op == equals || t.op == endsWith) {
		t.text = name
	}
	return "query_name", t, true
}

func azure() *source {
	return &source{
		name: "Azure activity logs", class: event.API, provider: "azure",
		objects: map[string]string{"properties": "additional"},
		group:   []string{"account_id", "actor"},
		show:    []string{"event_name", "resources", "src_ip", "result", "error_code"},
		fields: fieldsOf(`
			operationName native_name
			operationNameValue native_name
			category event_category
			categoryValue event_category
			resourceProviderValue event_source
			resultType result
			status result
			activityStatusValue result
			level severity
			location region
			correlationId correlation_id
			callerIpAddress src_ip
			resourceId resources
			subscriptionId account_id
			tenantId tenant_id
			eventDataId native_id`),
	}
}

func gcp() *source {
	s := &source{
		name: "Google audit logs", class: event.API, provider: "gcp", drop: []string{"data.", "gcp.audit.", "protoPayload."},
		objects: map[string]string{"request": "request", "response": "response", "metadata": "additional", "serviceData": "additional"},
		group:   []string{"account_id", "actor"},
		show:    []string{"event_source", "event_name", "resources", "src_ip", "user_agent", "error_code"},
		fields: fieldsOf(`
			method_name native_name
			methodName native_name
			service_name event_source
			serviceName event_source
			resource_name resources
			resourceName resources
			principalEmail actor_name
			authenticationInfo.principalEmail actor_name
			authenticationInfo.principalSubject actor_principal_id
			authorizationInfo.permission permissions
			requestMetadata.callerIp src_ip
			requestMetadata.callerSuppliedUserAgent user_agent
			status.message error_message
			severity severity
			resource.type resource_type`),
	}
	s.put(operand{kind: textKind, name: "logName", text: "event_category", ask: auditLog})
	all, denied := compared("len(permissions) > len(permissions_denied)", ""), compared("len(permissions_denied) > 0", "len(permissions_denied) == 0")
	asked := field("permissions").present()
	s.put(operand{kind: flag, name: "authorizationInfo.granted", text: "permissions", there: &asked, states: map[bool]expression{true: all, false: denied}})
	return s
}

// auditLog: the name of a log is projects/ID/logs/cloudaudit.googleapis.com%2FCATEGORY.
func auditLog(t test) (string, test, bool) {
	text := strings.NewReplacer("%2F", "/", "%2f", "/").Replace(t.text)
	_, category, ok := strings.Cut(text, "cloudaudit.googleapis.com/")
	return "event_category", test{op: pick(t.op == contains, startsWith, equals), text: category},
		ok && category != "" && (t.op == equals || t.op == contains || t.op == endsWith)
}
