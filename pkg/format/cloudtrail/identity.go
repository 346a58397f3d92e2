package cloudtrail

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
)

// identity is what of userIdentity decides, together, who acted.
type identity struct {
	issuerType, issuerName, issuerPrincipal, issuerAccount string
	userID, identityStore                                  string // of Identity Center
}

func (p *parser) identity(v value) {
	if !v.object() {
		p.unmapped("userIdentity", v)
		return
	}
	p.each(v, func(key []byte, member value) {
		switch string(key) {
		case "type":
			p.set(event.ActorType, "userIdentity.type", member)
		case "principalId":
			p.set(event.ActorPrincipalID, "userIdentity.principalId", member)
		case "arn":
			p.set(event.ActorARN, "userIdentity.arn", member)
		case "accountId":
			p.set(event.ActorAccountID, "userIdentity.accountId", member)
		case "accessKeyId":
			p.set(event.AccessKeyID, "userIdentity.accessKeyId", member)
		case "userName":
			p.set(event.ActorName, "userIdentity.userName", member)
		case "invokedBy":
			p.set(event.ActorInvokedBy, "userIdentity.invokedBy", member)
		case "identityProvider":
			p.set(event.ActorIdentityProvider, "userIdentity.identityProvider", member)
		case "sessionContext":
			p.session(member)
		case "onBehalfOf":
			p.onBehalfOf(member)
		default:
			p.unmapped(p.arena.Join("userIdentity.", p.arena.Text(key)), member)
		}
	})
}

func (p *parser) session(v value) {
	const at = "userIdentity.sessionContext"
	if !v.object() {
		p.unmapped(at, v)
		return
	}
	p.each(v, func(key []byte, member value) {
		switch string(key) {
		case "sessionIssuer":
			p.issuer(member)
		case "attributes":
			p.attributes(member)
		case "sourceIdentity":
			p.set(event.ActorSourceIdentity, at+".sourceIdentity", member)
		case "webIdFederationData":
			p.federation(member)
		default:
			p.unmapped(p.arena.Join(at+".", p.arena.Text(key)), member)
		}
	})
}

func (p *parser) issuer(v value) {
	const at = "userIdentity.sessionContext.sessionIssuer"
	if !v.object() {
		p.unmapped(at, v)
		return
	}
	p.each(v, func(key []byte, member value) {
		switch string(key) {
		case "arn":
			p.set(event.ActorIssuerARN, at+".arn", member)
		case "type":
			p.id.issuerType = p.plain(member)
		case "userName":
			p.id.issuerName = p.plain(member)
		case "principalId":
			p.id.issuerPrincipal = p.plain(member)
		case "accountId":
			p.id.issuerAccount = p.plain(member)
		default:
			p.unmapped(p.arena.Join(at+".", p.arena.Text(key)), member)
		}
	})
}

func (p *parser) attributes(v value) {
	const at = "userIdentity.sessionContext.attributes"
	if !v.object() {
		p.unmapped(at, v)
		return
	}
	p.each(v, func(key []byte, member value) {
		switch string(key) {
		case "mfaAuthenticated":
			p.setBool(event.MFA, at+".mfaAuthenticated", member)
		case "creationDate":
			if ns, ok := nanos(p.plain(member)); ok {
				p.e.SetUnixNano(event.SessionCreatedTime, ns)
				return
			}
			p.unmapped(at+".creationDate", member)
		default:
			p.unmapped(p.arena.Join(at+".", p.arena.Text(key)), member)
		}
	})
}

// federation: the member is there, and empty, in most sessions that have nothing to do with it.
func (p *parser) federation(v value) {
	const at = "userIdentity.sessionContext.webIdFederationData"
	p.each(v, func(key []byte, member value) {
		if string(key) == "federatedProvider" && p.e.Text(event.ActorIdentityProvider) == "" {
			p.set(event.ActorIdentityProvider, at+".federatedProvider", member)
			return
		}
		p.unmapped(p.arena.Join(at+".", p.arena.Text(key)), member)
	})
	if !v.object() {
		p.unmapped(at, v)
	}
}

func (p *parser) onBehalfOf(v value) {
	p.unmapped("userIdentity.onBehalfOf", v)
	p.each(v, func(key []byte, member value) {
		switch string(key) {
		case "userId":
			p.id.userID = p.plain(member)
		case "identityStoreArn":
			p.id.identityStore = p.plain(member)
		}
	})
}

// identify works out who acted: actor is what stays the same from session to session.
func (p *parser) identify() {
	e := &p.e
	arn, principal := e.Text(event.ActorARN), e.Text(event.ActorPrincipalID)
	unique, session, _ := strings.Cut(principal, ":")
	role, roleName, roleSession := p.assumedRole(arn)
	isSession := e.Text(event.ActorType) == "AssumedRole" || role != ""
	if isSession {
		if roleSession != "" {
			session = roleSession
		}
		e.SetText(event.ActorSessionName, session)
		e.SetText(event.ActorName, first(p.id.issuerName, e.Text(event.ActorName), roleName))
	}
	e.SetText(event.Actor, first(p.stable(unique, role), arn, unique, e.Text(event.ActorInvokedBy), e.Text(event.ActorAccountID)))
	if e.Text(event.ActorName) == "" {
		e.SetText(event.ActorName, p.name(arn))
	}
	p.keepIssuer(unique)
}

// stable is the identity that the type of actor prescribes, "" where the record lacks its parts.
func (p *parser) stable(unique, role string) string {
	e := &p.e
	switch e.Text(event.ActorType) {
	case "AssumedRole":
		return first(e.Text(event.ActorIssuerARN), role, unique)
	case "AWSAccount":
		if account := e.Text(event.ActorAccountID); account != "" && unique != "" {
			return p.arena.Join(account, ":", unique)
		}
	case "AWSService":
		return e.Text(event.ActorInvokedBy)
	case "IdentityCenterUser":
		if p.id.userID != "" {
			return p.arena.Join(p.id.userID, "@", p.id.identityStore)
		}
	case "SAMLUser", "WebIdentityUser":
		if name := e.Text(event.ActorName); name != "" {
			return p.arena.Join(e.Text(event.ActorIdentityProvider), ":", name)
		}
		return e.Text(event.ActorPrincipalID)
	default:
		return role
	}
	return ""
}

// assumedRole takes arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION apart; role is the ARN of the role itself, without
// its path, which a session's ARN does not carry.
func (p *parser) assumedRole(arn string) (role, name, session string) {
	const mark = ":assumed-role/"
	at := strings.Index(arn, mark)
	if at < 0 || !strings.HasPrefix(arn, "arn:") {
		return "", "", ""
	}
	name = arn[at+len(mark):]
	if slash := strings.LastIndexByte(name, '/'); slash >= 0 {
		name, session = name[:slash], name[slash+1:]
	}
	front := arn[:at] // arn:aws:sts::ACCOUNT
	parts := strings.Index(front, ":sts:")
	if parts < 0 || name == "" {
		return "", name, session
	}
	if issuer := p.e.Text(event.ActorIssuerARN); issuer != "" {
		return issuer, name, session
	}
	return p.arena.Join(front[:parts], ":iam::", front[strings.LastIndexByte(front, ':')+1:], ":role/", name), name, session
}

// name is the actor's name where userName is missing.
func (p *parser) name(arn string) string {
	switch p.e.Text(event.ActorType) {
	case "AWSService":
		return p.e.Text(event.ActorInvokedBy)
	case "IAMUser", "FederatedUser":
		return arn[strings.LastIndexByte(arn, '/')+1:]
	}
	return ""
}

// keepIssuer keeps of the session's issuer what the fields do not already say.
func (p *parser) keepIssuer(unique string) {
	const at = "userIdentity.sessionContext.sessionIssuer."
	e := &p.e
	keep := func(key, text, said string) {
		if text != said {
			p.keepText(key, text)
		}
	}
	said := "Role"
	if e.Text(event.ActorType) != "AssumedRole" {
		said = ""
	}
	keep(at+"type", p.id.issuerType, said)
	keep(at+"userName", p.id.issuerName, e.Text(event.ActorName))
	keep(at+"principalId", p.id.issuerPrincipal, unique)
	keep(at+"accountId", p.id.issuerAccount, e.Text(event.ActorAccountID))
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
