package simulate

import "cmp"

// action is a call with its templates cut apart. The table below it is never written after the program has started.
type action struct {
	call
	host                                         string
	request, response, resources, extra, failure template
}

func compile(list []call) []*action {
	var all []*action
	for _, c := range list {
		all = append(all, &action{
			call: c, host: c.source + ".amazonaws.com",
			request: parseTemplate(c.request), response: parseTemplate(c.response), resources: parseTemplate(c.resources),
			extra: parseTemplate(c.extra), failure: parseTemplate(c.message),
		})
	}
	return all
}

var actions = compile(callTable)

// byClass gives each class of principals the calls that it makes of itself, by weight.
func byClass() map[class]*weighted[*action] {
	m := map[class]*weighted[*action]{}
	for _, c := range []class{instance, function, task, service, auditor, staff, builder} {
		w := &weighted[*action]{}
		for _, a := range actions {
			if a.who&c != 0 {
				w.add(a.weight, a)
			}
		}
		m[c] = w
	}
	return m
}

// invocation is one call about to be written.
type invocation struct {
	who    *principal
	what   *action
	region string // "" is the principal's own
	src    string // "" is the principal's own
	agent  string // "" is the principal's own
	bucket *bucket
	object object
	pick   uint64
	failed bool
	code   string // "" is the call's own
}

// invoke draws what a call of what by who is about, and whether it fails, which is as often as that call does.
func (g *Generator) invoke(who *principal, what *action) invocation {
	v := invocation{who: who, what: what, pick: g.co.zipfIface.Uint64(), failed: g.rng.IntN(10_000) < what.fails}
	v.bucket = g.co.buckets[g.co.zipfBucket.Uint64()]
	v.object = g.object(v.bucket)
	return v
}

// api writes one CloudTrail record.
func (g *Generator) api(dst *Log, at int64, v invocation) {
	who, what := v.who, v.what
	region, src, agent := cmp.Or(v.region, who.region), cmp.Or(v.src, who.src), cmp.Or(v.agent, who.agent)
	private := what.inside && who.private != "" && v.src == ""
	if private {
		src = who.private
	}
	s := scene{g: g, who: who, at: at, region: region, bucket: v.bucket, object: v.object, pick: v.pick}
	b := append(dst.Raw[:0], `{"eventVersion":"1.11","userIdentity":`...)
	b = who.appendIdentity(b, at)
	b = append(b, `,"eventTime":"`...)
	b = appendTime(b, at)
	b = add(b, `","eventSource":"`, what.host, `","eventName":"`, what.name, `","awsRegion":"`, region, `","sourceIPAddress":"`, src)
	b = add(b, `","userAgent":"`, agent, `"`)
	b = v.appendExchange(b, &s)
	b = append(b, `,"requestID":"`...)
	b = appendUUID(b, g.rng)
	b = append(b, `","eventID":"`...)
	b = appendUUID(b, g.rng)
	b = appendBool(append(b, `","readOnly":`...), !what.write)
	if what.call.resources != "" {
		b = append(b, `,"resources":`...)
		b = what.resources.append(b, &s)
	}
	b = append(b, `,"eventType":"AwsApiCall","managementEvent":`...)
	b = appendBool(b, !what.data)
	b = add(b, `,"recipientAccountId":"`, who.account.id, `"`)
	if private {
		b = add(b, `,"vpcEndpointId":"`, who.endpoint, `"`)
	}
	if what.data {
		b = append(b, `,"eventCategory":"Data"`...)
	} else {
		b = append(b, `,"eventCategory":"Management"`...)
	}
	switch {
	case who.console:
		b = append(b, `,"sessionCredentialFromConsole":"true"`...)
	case who.class != service && who.class != scaler:
		b = append(b, `,"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"`...)
		b = add(b, what.source, ".", region, `.amazonaws.com"}`)
	}
	dst.Raw = append(b, '}')
	dst.log("cloudtrail", at)
}

// appendExchange appends what was asked and answered.
func (v *invocation) appendExchange(b []byte, s *scene) []byte {
	what := v.what
	if v.failed {
		b = add(b, `,"errorCode":"`, cmp.Or(v.code, what.code), `","errorMessage":"`)
		b = append(what.failure.append(b, s), '"')
	}
	b = append(b, `,"requestParameters":`...)
	b = what.request.appendOr(b, s, "null")
	b = append(b, `,"responseElements":`...)
	if v.failed {
		b = append(b, "null"...)
	} else {
		b = what.response.appendOr(b, s, "null")
	}
	if what.call.extra != "" {
		b = append(b, `,"additionalEventData":`...)
		b = what.extra.append(b, s)
	}
	return b
}

// signIn writes a console sign-in. Those of the identity centre say that no second factor was used, as real ones do.
func (g *Generator) signIn(dst *Log, at int64, who *principal, mfa, succeeded bool) {
	b := append(dst.Raw[:0], `{"eventVersion":"1.11","userIdentity":`...)
	b = who.appendIdentity(b, at)
	b = append(b, `,"eventTime":"`...)
	b = appendTime(b, at)
	b = add(b, `","eventSource":"signin.amazonaws.com","eventName":"ConsoleLogin","awsRegion":"us-east-1","sourceIPAddress":"`, who.src)
	b = add(b, `","userAgent":"`, who.agent, `"`)
	if !succeeded {
		b = append(b, `,"errorMessage":"Failed authentication"`...)
	}
	b = append(b, `,"requestParameters":null,"responseElements":{"ConsoleLogin":"`...)
	if succeeded {
		b = append(b, "Success"...)
	} else {
		b = append(b, "Failure"...)
	}
	b = append(b, `"},"additionalEventData":{"LoginTo":"https://console.aws.amazon.com/console/home?hashArgs=%23&isauthcode=true&state=`...)
	b = appendHex(b, g.rng, 24)
	b = append(b, `","MobileVersion":"No","MFAUsed":"`...)
	if mfa {
		b = append(b, "Yes"...)
	} else {
		b = append(b, "No"...)
	}
	if len(who.role) > 15 && who.role[:15] == "AWSReservedSSO_" {
		b = add(b, `","SamlProviderArn":"arn:aws:iam::`, who.account.id, `:saml-provider/AWSSSO_`, who.account.detective)
	}
	b = append(b, `"},"eventID":"`...)
	b = appendUUID(b, g.rng)
	b = add(b, `","readOnly":false,"eventType":"AwsConsoleSignIn","managementEvent":true,"recipientAccountId":"`, who.account.id)
	b = append(b, `","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"signin.aws.amazon.com"}}`...)
	dst.Raw = b
	dst.log("cloudtrail", at)
}

// appendIdentity appends userIdentity as JSON.
func (p *principal) appendIdentity(b []byte, at int64) []byte {
	b = append(b, p.head...)
	if p.tail == nil {
		return b
	}
	began := p.began
	if began == 0 {
		began = at - at%int64(sessionLength)
	}
	return append(appendTime(b, began), p.tail...)
}

func (t *template) appendOr(dst []byte, s *scene, empty string) []byte {
	if len(t.parts) == 0 {
		return append(dst, empty...)
	}
	return t.append(dst, s)
}

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}
