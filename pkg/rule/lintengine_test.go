package rule

import (
	"fmt"
	"testing"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Why the index cannot find a rule, and by what it can.
func TestNotIndexed(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`event_name == "x"`: "event_name (1)",
		`actor_type == "Root" and lower(event_name) contains "logging"`:  "event_name (1 parts)",
		`actor_type == "Root" and user_agent contains "-"`:               "actor_type (1)",
		`event_source == "x" and event_name in ["a", "b"]`:               "event_name (2)",
		`event_name == "x" or containsFold(user_agent, "pacu", "nimbo")`: "event_name (1) or user_agent (2 parts)",
		`bytes_in in 10..19 or bytes_in == 15 or bytes_in == 30`:         "bytes_in (11)",
		`inList(event_name, "plain")`:                                    "event_name (4)",
		`inList(event_name, "nets")`:                                     "why: " + notLookedUp,
		`isPrivate(src_ip) and bytes_in > 1`:                             "why: " + notLookedUp,
		`event_name != "x"`:                                              "why: it only says what an event must not be",
		`isPrivate(src_ip) and not (event_name == "x")`:                  "why: it only says what an event must not be",
		`event_name == "x" or isPrivate(src_ip)`:                         "why: one side of or: " + notLookedUp,
		`user_agent contains "-"`:                                        "why: texts shorter than three letters are not looked for",
		`user_agent contains "ǅ"`:                                        "why: texts beyond ASCII are not looked for",
		`actor_type == "AssumedRole"`:                                    "why: most events have the actor_type that it requires",
		`actor_type in ["IAMUser", "Root", "FederatedUser"]`:             "why: most events have the actor_type that it requires",
		`error_code == ""`:                                               "why: most events have the error_code that it requires",
	} {
		cond := mustCompile(t, source)
		r := &Rule{ID: "r", Class: event.API, Outcome: "any", Mode: Live, cond: cond}
		got := NewSet([]*Rule{r}).IndexedBy(r)[0]
		if n := needOf(cond.tree); n.why != "" {
			got = "why: " + n.why
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}

func TestLintOfTheEngine(t *testing.T) {
	t.Parallel()
	slow := &Rule{ID: "slow", Class: event.API, Outcome: "any", Mode: Live, cond: mustCompile(t, "event_name == \"x\"")}
	slow.cond.native = false
	broad := &Rule{ID: "broad", Class: event.API, Outcome: "any", Mode: Live, cond: mustCompile(t, "event_name != \"x\"")}
	silent := &Rule{ID: "silent", Class: event.API, Outcome: "any", Mode: Live, cond: broad.cond, ignore: []string{"not-indexed"}}
	var got []string
	for _, w := range NewSet([]*Rule{slow, broad, silent}).Lint(LintOptions{}) {
		if w.Code == "machine" || w.Code == "not-indexed" {
			got = append(got, w.Code+": "+w.Message)
		}
	}
	want := []string{
		"not-indexed: every event of class api is held against the condition: it only says what an event must not be",
		"machine: the condition runs on expr's machine, which is slow: say it more simply",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
