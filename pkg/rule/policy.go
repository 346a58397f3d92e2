package rule

import (
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

// maxEncoded is how many times over a document may be percent-encoded.
const maxEncoded = 2

// text reports whether holds is true of some statement that allows, of a document as text.
func (p *policies) text(s string, holds func(*fastjson.Value) bool) bool {
	if len(s) > maxPolicy {
		return false
	}
	parser := p.parsers.Get().(*fastjson.Parser)
	defer p.parsers.Put(parser)
	for range maxEncoded + 1 {
		s = strings.TrimSpace(strings.TrimPrefix(s, "\ufeff"))
		if strings.HasPrefix(s, "{") {
			if v, err := parser.Parse(s); err == nil {
				return allowing(v, holds)
			}
		}
		decoded, err := url.QueryUnescape(s)
		if err != nil || decoded == s {
			return false
		}
		s = decoded
	}
	return false
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
		everybody = everybody || is(p, "*") || some(p.Get("AWS"), anybody)
	}
	return everybody && !narrowed(s.Get("Condition"))
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
		some(s.Get("Action"), func(v *fastjson.Value) bool { return onlyWild(string(v.GetStringBytes())) })
}
