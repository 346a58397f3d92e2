package rule

import (
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/valyala/fastjson"
)

// narrowed reports whether a condition keeps strangers out: some operator compares a key of the caller's account,
// organisation, network or identity with values that say whose. Conditions hold together, so one is enough.
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
			found = found || narrows(strings.ToLower(string(key)), values)
		})
	})
	return found
}

// narrowing are operators that demand a value. Those with IfExists, or ForAllValues: before them, hold where the caller
// has no such key, which strangers do not.
var narrowing = []string{
	"StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike", "IpAddress",
}

// everywhere is the part of all addresses from which on networks together are most of the internet, and no place in it.
const everywhere = 1.0 / 128

// narrows reports whether a condition key, in lower case as AWS does not tell cases apart, says who or where the caller is,
// and none of the values is one that strangers have. aws:username is no such key: anybody may have a user eva.
func narrows(key string, values *fastjson.Value) bool {
	covered := 0.0
	var known func(string) bool
	switch key {
	case "aws:sourceaccount", "aws:sourceowner", "aws:principalaccount", "kms:calleraccount", "s3:dataaccesspointaccount",
		"aws:sourceorgid", "aws:sourceorgpaths", "aws:principalorgid", "aws:principalorgpaths", "aws:sourcevpc", "aws:sourcevpce", "aws:userid":
		known = knownID
	case "aws:sourcearn", "aws:principalarn", "aws:sourcevpcarn", "s3:dataaccesspointarn":
		known = knownARN
	case "aws:sourceip", "aws:vpcsourceip":
		known = func(v string) bool {
			covered += coverage(v)
			return covered < everywhere && !onlyWild(v)
		}
	default:
		return false
	}
	return !some(values, func(v *fastjson.Value) bool {
		s := string(v.GetStringBytes())
		return onlyWild(s) || variable(s) || !known(s)
	})
}

// anybody reports whether a principal is everybody, or everybody's something: arn:aws:iam::*:root.
func anybody(v *fastjson.Value) bool {
	s := string(v.GetStringBytes())
	return strings.ContainsAny(s, "*?") && !knownARN(s)
}

// onlyWild reports whether a pattern says nothing at all.
func onlyWild(s string) bool { return strings.Trim(s, "*?:") == "" }

// variable reports whether a value is something that the caller brings along: compared with itself it is always equal. What
// the resource brings along is the owner's.
func variable(s string) bool {
	s = strings.ToLower(s)
	return strings.Count(s, "${") > strings.Count(s, "${aws:resource")
}

// knownID reports whether an id, which begins a path (o-1/r-1/*) or a session (AROA1:*), is said whole: one that begins with o-,
// vpce- or AROA everybody has.
func knownID(s string) bool {
	if at := strings.IndexAny(s, "/:"); at >= 0 {
		s = s[:at]
	}
	return s != "" && !strings.ContainsAny(s, "*?")
}

// knownARN reports whether a pattern of ARNs says whose they are: an account or, where ARNs have none, the beginning of a name.
// arn:aws:iam::*:role/x is anybody's x.
func knownARN(s string) bool {
	if !strings.ContainsAny(s, "*?") {
		return s != ""
	}
	parts := strings.SplitN(s, ":", 6)
	if slices.ContainsFunc(parts[:min(5, len(parts))], isAccount) {
		return true
	}
	return len(parts) == 6 && parts[4] == "" && parts[5] != "" && strings.IndexAny(parts[5], "*?") != 0
}

// isAccount reports whether s is the number of an account.
func isAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// coverage is which part of its family's addresses a network is; 0 for what is none. Of IPv6, what is given to somebody begins
// at a /16 or so.
func coverage(s string) float64 {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return 0
	}
	switch p = unmapped(p); {
	case p.Addr().Is4():
		return math.Ldexp(1, -p.Bits())
	}
	return math.Ldexp(everywhere, 15-p.Bits())
}
