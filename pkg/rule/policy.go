package rule

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/valyala/fastjson"
)

// policies reads policy documents: JSON, perhaps percent-encoded, or an object of a log. What is none allows nothing. A
// condition owns its own, so that documents are read without garbage.
type policies struct{ parsers sync.Pool }

func newPolicies() *policies {
	return &policies{parsers: sync.Pool{New: func() any { return new(fastjson.Parser) }}}
}

// maxPolicy bounds what is read as a policy; AWS takes none above 20 kB.
const maxPolicy = 256 << 10

// text reports whether holds is true of some statement that allows, of a document as text.
func (p *policies) text(s string, holds func(*fastjson.Value) bool) bool {
	s = strings.TrimSpace(s)
	if len(s) > maxPolicy {
		return false
	}
	if strings.HasPrefix(s, "%") {
		decoded, err := url.PathUnescape(s)
		if err != nil {
			return false
		}
		s = decoded
	}
	if !strings.HasPrefix(s, "{") {
		return false
	}
	parser := p.parsers.Get().(*fastjson.Parser)
	defer p.parsers.Put(parser)
	v, err := parser.Parse(s)
	return err == nil && allowing(v, holds)
}

// value is text for a document at a place inside an object: text, or the document itself.
func (p *policies) value(v *fastjson.Value, holds func(*fastjson.Value) bool) bool {
	switch {
	case v == nil:
		return false
	case v.Type() == fastjson.TypeString:
		return p.text(leafText(v, nil), holds)
	case v.Type() == fastjson.TypeObject:
		return allowing(v, holds)
	}
	return false
}

// allowing reports whether holds is true of some statement with Effect Allow.
func allowing(policy *fastjson.Value, holds func(*fastjson.Value) bool) bool {
	return some(policy.Get("Statement"), func(s *fastjson.Value) bool {
		return s.Type() == fastjson.TypeObject && is(s.Get("Effect"), "Allow") && holds(s)
	})
}

// some reports whether holds is true of v, or of some element where v is an array: policies write one thing either way.
func some(v *fastjson.Value, holds func(*fastjson.Value) bool) bool {
	if v == nil {
		return false
	}
	if v.Type() != fastjson.TypeArray {
		return holds(v)
	}
	return slices.ContainsFunc(v.GetArray(), holds)
}

func is(v *fastjson.Value, text string) bool {
	return v != nil && v.Type() == fastjson.TypeString && string(v.GetStringBytes()) == text
}

// allowsPublic reports whether a statement lets everybody in: its principal is *, or everybody but some, and no condition
// narrows who that is.
func allowsPublic(s *fastjson.Value) bool {
	everybody := s.Exists("NotPrincipal")
	if p := s.Get("Principal"); p != nil {
		everybody = everybody || is(p, "*") || some(p.Get("AWS"), func(v *fastjson.Value) bool { return is(v, "*") })
	}
	return everybody && !narrowed(s.Get("Condition"))
}

// narrowed reports whether a condition keeps strangers out: some operator compares a key of the caller's account,
// organisation, network or identity with values of which none is everybody. Conditions hold together, so one is enough.
func narrowed(condition *fastjson.Value) bool {
	o := condition.GetObject()
	if o == nil {
		return false
	}
	found := false
	o.Visit(func(operator []byte, keys *fastjson.Value) {
		op := strings.TrimPrefix(string(operator), "ForAnyValue:")
		if found || !slices.Contains(narrowing, op) || keys.Type() != fastjson.TypeObject {
			return
		}
		keys.GetObject().Visit(func(key []byte, values *fastjson.Value) {
			if slices.Contains(callerKeys, strings.ToLower(string(key))) {
				found = found || !some(values, wide)
			}
		})
	})
	return found
}

// narrowing are operators that demand a value. Those with IfExists, or ForAllValues: before them, hold where the caller
// has no such key, which strangers do not.
var narrowing = []string{
	"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress",
}

// callerKeys are condition keys that say who or where the caller is, in lower case: AWS does not tell cases apart.
var callerKeys = []string{
	"aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourcevpc", "aws:sourcevpce",
	"aws:sourcevpcarn", "aws:sourceip", "aws:vpcsourceip", "aws:principalaccount", "aws:principalarn", "aws:principalorgid",
	"aws:principalorgpaths", "aws:userid", "aws:username", "kms:calleraccount", "s3:dataaccesspointaccount",
	"s3:dataaccesspointarn",
}

// wide reports whether a condition's value is everybody: only wildcards, or a network that is most of the internet.
func wide(v *fastjson.Value) bool {
	s := string(v.GetStringBytes())
	if strings.Trim(s, "*?:") == "" {
		return true
	}
	if parts := strings.SplitN(s, ":", 6); parts[0] == "arn" { // arn:aws:iam::*:role/x is anybody's x
		account := parts[min(4, len(parts)-1)]
		return account != "" && strings.Trim(account, "*?") == ""
	}
	p, err := netip.ParsePrefix(s)
	return err == nil && (p.Addr().Is4() && p.Bits() < 8 || p.Addr().Is6() && p.Bits() < 16)
}

// allowsAccount reports whether a statement names the account, or a principal of it.
func allowsAccount(s *fastjson.Value, account string) bool {
	return account != "" && some(s.Get("Principal").Get("AWS"), func(v *fastjson.Value) bool {
		if v.Type() != fastjson.TypeString {
			return false
		}
		b := v.GetStringBytes()
		if string(b) == account {
			return true
		}
		parts := strings.SplitN(string(b), ":", 6) // arn:aws:iam::111122223333:root
		return len(parts) == 6 && parts[0] == "arn" && parts[4] == account
	})
}

// allowsEveryAction reports whether a statement allows all that there is, or all but some.
func allowsEveryAction(s *fastjson.Value) bool {
	return s.Exists("NotAction") ||
		some(s.Get("Action"), func(v *fastjson.Value) bool { return is(v, "*") || is(v, "*:*") })
}
