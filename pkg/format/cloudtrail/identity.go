package cloudtrail

import (
	"strings"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
)

// identity is what of userIdentity decides, together, who acted.
type identity struct {
	issuerType, issuerName, issuerPrincipal, issuerAccount string
	userID, identityStore                                  string // of Identity Center
}

func (p *parser) identity(c *format.Cursor) {
	child, ok := p.enter(c, "userIdentity")
	if !ok {
		return
	}
	for child.Next() {
		switch name := key(&child); string(name) {
		case "type":
			p.set(event.ActorType, "userIdentity.type", p.take(&child))
		case "principalId":
			p.set(event.ActorPrincipalID, "userIdentity.principalId", p.take(&child))
		case "arn":
			p.set(event.ActorARN, "userIdentity.arn", p.take(&child))
		case "accountId":
			p.set(event.ActorAccountID, "userIdentity.accountId", p.take(&child))
		case "accessKeyId":
			p.set(event.AccessKeyID, "userIdentity.accessKeyId", p.take(&child))
		case "userName":
			p.set(event.ActorName, "userIdentity.userName", p.take(&child))
		case "invokedBy":
			p.set(event.ActorInvokedBy, "userIdentity.invokedBy", p.take(&child))
		case "identityProvider":
			p.set(event.ActorIdentityProvider, "userIdentity.identityProvider", p.take(&child))
		case "sessionContext":
			p.session(&child)
		case "onBehalfOf":
			p.onBehalfOf(&child)
		default:
			p.unmapped(p.arena.Join("userIdentity.", p.arena.Text(name)), p.take(&child))
		}
	}
	c.Leave(&child)
}

func (p *parser) session(c *format.Cursor) {
	const at = "userIdentity.sessionContext"
	child, ok := p.enter(c, at)
	if !ok {
		return
	}
	for child.Next() {
		switch name := key(&child); string(name) {
		case "sessionIssuer":
			p.issuer(&child)
		case "attributes":
			p.attributes(&child)
		case "sourceIdentity":
			p.set(event.ActorSourceIdentity, at+".sourceIdentity", p.take(&child))
		case "webIdFederationData":
			p.federation(&child)
		default:
			p.unmapped(p.arena.Join(at+".", p.arena.Text(name)), p.take(&child))
		}
	}
	c.Leave(&child)
}

func (p *parser) issuer(c *format.Cursor) {
	const at = "userIdentity.sessionContext.sessionIssuer"
	child, ok := p.enter(c, at)
	if !ok {
		return
	}
	for child.Next() {
		switch name := key(&child); string(name) {
		case "arn":
			p.set(event.ActorIssuerARN, at+".arn", p.take(&child))
		case "type":
			p.id.issuerType = p.plain(p.take(&child))
		case "userName":
			p.id.issuerName = p.plain(p.take(&child))
		case "principalId":
			p.id.issuerPrincipal = p.plain(p.take(&child))
		case "accountId":
			p.id.issuerAccount = p.plain(p.take(&child))
		default:
			p.unmapped(p.arena.Join(at+".", p.arena.Text(name)), p.take(&child))
		}
	}
	c.Leave(&child)
}

func (p *parser) attributes(c *format.Cursor) {
	const at = "userIdentity.sessionContext.attributes"
	child, ok := p.enter(c, at)
	if !ok {
		return
	}
	for child.Next() {
		switch name := key(&child); string(name) {
		case "mfaAuthenticated":
			p.setBool(event.MFA, at+".mfaAuthenticated", p.take(&child))
		case "creationDate":
			v := p.take(&child)
			if ns, ok := nanos(p.plain(v)); ok {
				p.e.SetUnixNano(event.SessionCreatedTime, ns)
			} else {
				p.unmapped(at+".creationDate", v)
			}
		default:
			p.unmapped(p.arena.Join(at+".", p.arena.Text(name)), p.take(&child))
		}
	}
	c.Leave(&child)
}

// federation: the member is there, and empty, in most sessions that have nothing to do with it.
func (p *parser) federation(c *format.Cursor) {
	const at = "userIdentity.sessionContext.webIdFederationData"
	child, ok := p.enter(c, at)
	if !ok {
		return
	}
	for child.Next() {
		name := key(&child)
		if string(name) == "federatedProvider" && p.e.Text(event.ActorIdentityProvider) == "" {
			p.set(event.ActorIdentityProvider, at+".federatedProvider", p.take(&child))
			continue
		}
		p.unmapped(p.arena.Join(at+".", p.arena.Text(name)), p.take(&child))
	}
	c.Leave(&child)
}

func (p *parser) onBehalfOf(c *format.Cursor) {
	v := p.take(c)
	p.unmapped("userIdentity.onBehalfOf", v)
	p.each(v, func(name []byte, member value) {
		switch string(name) {
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
	if !isSession && !strings.HasPrefix(principal, "AROA") {
		unique = principal // what is behind the colon is no session: 111122223333:bob
	}
	id := unique
	if id == e.Text(event.ActorAccountID) {
		id = "" // whoever it is
	}
	e.SetText(event.Actor, first(p.stable(unique, role), arn, id, e.Text(event.ActorInvokedBy), p.named(), e.Text(event.ActorAccountID)))
	if e.Text(event.ActorName) == "" {
		e.SetText(event.ActorName, p.name(arn))
	}
	p.keepIssuer(unique)
}

// hiddenName stands for what was typed where a user's name is asked for and is none: it may be a password.
const hiddenName = "HIDDEN_DUE_TO_SECURITY_REASONS"

// named is the identity of a user of whom a sign-in has but the name: account:name, as a principal's id has it. The name that
// root has is the account's.
func (p *parser) named() string {
	account, name := p.e.Text(event.ActorAccountID), p.e.Text(event.ActorName)
	if account == "" || name == "" || name == hiddenName || p.e.Text(event.ActorType) == "Root" {
		return ""
	}
	return p.arena.Join(account, ":", name)
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
	front, name, ok := strings.Cut(arn, ":assumed-role/") // front: arn:aws:sts::ACCOUNT
	if !ok || !strings.HasPrefix(arn, "arn:") {
		return "", "", ""
	}
	if slash := strings.LastIndexByte(name, '/'); slash >= 0 {
		name, session = name[:slash], name[slash+1:]
	}
	partition, _, ok := strings.Cut(front, ":sts:")
	if !ok || name == "" {
		return "", name, session
	}
	if issuer := p.e.Text(event.ActorIssuerARN); issuer != "" {
		return issuer, name, session
	}
	return p.arena.Join(partition, ":iam::", front[strings.LastIndexByte(front, ':')+1:], ":role/", name), name, session
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
