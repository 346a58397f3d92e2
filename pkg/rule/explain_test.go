package rule

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
)

// joined is what an operator makes of parts.
func joined(p *Part) bool {
	all, some := true, false
	for _, part := range p.Parts {
		all, some = all && part.Holds, some || part.Holds
	}
	switch p.Operator {
	case "and":
		return all
	case "or":
		return some
	}
	return !some
}

// What is said of the whole is what Hits says; what is said of each part follows from its own parts; and as many parts are
// wrong as Distance counts, none when it matches. (Deleting `p.Operator = "not"` in divide.go makes it fail.)
func TestExplainIsWhatMatches(t *testing.T) {
	t.Parallel()
	divided := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		r := &Rule{ID: "r", Class: event.API, Mode: Live, Outcome: oneOf(t, "any", "success", "failure")}
		r.When = genCondition(t, 3, "")
		r.cond = mustCompile(t, r.When)
		set, x := NewSet([]*Rule{r}), r.Explainer()
		for range 4 {
			e := genEvent(t)
			v := x.Explain(e)[0]
			if got, want := v.Matches, len(set.Hits(e, nil)) == 1; got != want || v.Condition.Holds != r.cond.holds(scope{event: e}) {
				t.Fatalf("%s: explained as %t, matches %t", r.When, got, want)
			}
			if n, ok := v.Distance(); !ok || (n == 0) != v.Matches || v.Matches && !v.Condition.Near() {
				t.Fatalf("%s: %d parts from matching, near %t, and matches %t", r.When, n, v.Condition.Near(), v.Matches)
			}
			checkPart(t, r.When, v.Condition, divided)
		}
	})
	for _, operator := range []string{"and", "or", "not", ""} {
		if divided[operator] < 100 {
			t.Errorf("%d parts with operator %q", divided[operator], operator)
		}
	}
}

func checkPart(t *rapid.T, when string, p *Part, divided map[string]int) {
	divided[p.Operator]++
	if p.Operator != "" && (len(p.Parts) == 0 || joined(p) != p.Holds) {
		t.Fatalf("%s: %q is %t, which its parts joined by %s are not", when, p.Line(), p.Holds, p.Operator)
	}
	if !strings.Contains(when, p.Source) {
		t.Fatalf("%s: %q is not of it", when, p.Source)
	}
	for _, part := range p.Parts {
		checkPart(t, when, part, divided)
	}
}

func outline(p *Part) string {
	if p.Operator == "" {
		var values []string
		for _, v := range p.Values {
			values = append(values, v.Name+"="+v.JSON)
		}
		return fmt.Sprintf("[%s|%s]", p.Line(), strings.Join(values, " "))
	}
	var parts []string
	for _, part := range p.Parts {
		parts = append(parts, outline(part))
	}
	return p.Operator + "(" + strings.Join(parts, " ") + ")"
}

func TestDivide(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ when, want string }{
		{`event_name == "a"`, `[event_name == "a"|event_name="PutBucketPolicy"]`},
		{"event_name == \"a\" and // don't (\n  mfa == true && read_only != true\n", `and([event_name == "a"|event_name="PutBucketPolicy"] [mfa == true|mfa=false] [read_only != true|read_only=])`},
		{`(mfa == true or (mfa == false)) and not (raw contains ") and (" /* and */ )`, `and(or([mfa == true|mfa=false] [mfa == false|mfa=false]) not([raw contains ") and ("|]))`},
		{`"x" not in resources or not has(mfa) or 1 < bytes_in < 3`, `or(["x" not in resources|resources=["arn:aws:s3:::logs"]] not([has(mfa)|mfa=false]) [1 < bytes_in < 3|bytes_in=])`},
		{`any(request.items, .a == "(") and request["x:y"] == actor_name`, `and([any(request.items, .a == "(")|request.items=] [request["x:y"] == actor_name|request["x:y"]= actor_name=])`},
		{`request.ä == "ö" and request.items[].p == "22"`, `and([request.ä == "ö"|request.ä=] [request.items[].p == "22"|request.items[].p=])`},
		{`mfa == true ? read_only == true : bytes_in > 3 * KiB`, `[mfa == true ? read_only == true : bytes_in > 3 * KiB|mfa=false read_only= bytes_in=]`},
	} {
		r := &Rule{Class: event.API, Outcome: "any", When: c.when, cond: mustCompile(t, c.when)}
		got := outline(r.Explainer().Explain(sampleEvent())[0].Condition)
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.when, got, c.want)
		}
	}
}
