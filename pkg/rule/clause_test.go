package rule

import "testing"

// The same condition has one spelling, and no two that may differ have the same. (Where constant spells all lists alike, or
// add leaves out the type of a node, it fails.)
func TestSpell(t *testing.T) {
	t.Parallel()
	spelled := map[string]string{}
	for _, source := range []string{
		`src_asn == 1`, `src_asn == 1.0`, `event_name == "1"`, `event_name == actor`, `event_name == "actor"`, `event_name == "a; b"`,
		`inList(event_name, "plain")`, `inList(event_name, "nets")`, `inCIDR(src_ip, "10.0.0.0/8")`, `inCIDR(src_ip, "10.0.0.0/9")`,
		`src_ip == "10.0.0.0"`, `event_name in ["a", "b"]`, `event_name in ["a; b"]`, `has(mfa)`, `not has(mfa)`, `mfa == true`,
		`portsOverlap(request.a, request.b, 22)`, `portsOverlap(request.a, request.b, "22-23")`, `policyAllowsAccount(request.a, "b")`,
		`any(request.items, .p == "a")`, `all(request.items, .p == "a")`, `any(request.items, .q == "a")`, `one(request.items, .p == "a")`,
		`request.a == "b"`, `request["a.b"] == "b"`, `request.a.b == "b"`, `equalFold(actor, "a", "b")`, `equalFold(actor, "a")`,
		`hour(event_time) < 6`, `weekday(event_time) < 6`, `(has(mfa) ? has(actor) : has(region))`, `(has(mfa) ? has(region) : has(actor))`,
	} {
		one, ok := spell(mustCompile(t, source).tree)
		two, _ := spell(mustCompile(t, source).tree)
		if one != two && !(source == `inList(event_name, "plain")` || source == `inList(event_name, "nets")`) { // each has lists of its own
			t.Errorf("%s has two spellings: %s and %s", source, one, two)
		}
		if other := spelled[one]; !ok || other != "" {
			t.Errorf("%s is spelled %s (%v), as is %s", source, one, ok, other)
		}
		spelled[one] = source
	}
}
