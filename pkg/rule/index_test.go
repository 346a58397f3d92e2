package rule

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/event"
)

// The index decides only which rules are tried, never which match.
func TestIndexChangesNothing(t *testing.T) {
	t.Parallel()
	indexed := 0
	rapid.Check(t, func(t *rapid.T) {
		var rules []*Rule
		for i := range rapid.IntRange(1, 12).Draw(t, "rules") {
			r := &Rule{ID: fmt.Sprintf("r%02d", i), Class: event.API, Mode: Live}
			r.Outcome = oneOf(t, "any", "any", "success", "failure")
			r.Mode = Mode(oneOf(t, "live", "live", "dry_run", "off"))
			r.cond = mustCompile(t, genIndexable(t)+genCondition(t, 1, "")+")")
			rules = append(rules, r)
		}
		set := NewSet(rules)
		indexed += len(set.indexes[event.API].texts) + len(set.indexes[event.API].ints)
		for range 8 {
			e := genEvent(t)
			var want []*Rule
			for _, r := range set.Rules() {
				if r.matches(e) {
					want = append(want, r)
				}
			}
			got := set.Match(e, nil)
			if fmt.Sprint(ids(got)) != fmt.Sprint(ids(want)) {
				t.Fatalf("%s: the index gives %v, all rules %v", e.AppendJSON(nil), ids(got), ids(want))
			}
		}
	})
	if indexed == 0 {
		t.Error("no rule was indexed")
	}
}

// genIndexable opens a condition of which the generated rest is one part.
func genIndexable(t *rapid.T) string {
	switch rapid.IntRange(0, 6).Draw(t, "indexable") {
	case 0:
		return "event_name == " + quoted(t) + " and ("
	case 1:
		return "event_name in [" + quoted(t) + ", " + quoted(t) + "] and src_asn in [22, 200, 0] and ("
	case 2:
		return "(bytes_in == 0 or bytes_in == 22 or error_code == " + quoted(t) + ") and ("
	case 3:
		return "(actor_type == " + quoted(t) + " or actor_type == " + quoted(t) + ") and ("
	case 4:
		return "bytes_in == 22 or ("
	case 5:
		return "bytes_in in [0, 22, 200] and src_asn != 1 and ("
	}
	return "("
}

func ids(rules []*Rule) []string {
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.ID
	}
	return ids
}

func TestMatchAllocatesNothing(t *testing.T) {
	var rules []*Rule
	for i, source := range []string{`event_name == "PutBucketPolicy"`, `bytes_out > 1`, `event_source in ["s3.amazonaws.com", "x"]`} {
		rules = append(rules, &Rule{ID: fmt.Sprint("r", 3-i), Class: event.API, Outcome: "any", Mode: Live, cond: mustCompile(t, source)})
	}
	set, e, dst := NewSet(rules), sampleEvent(), make([]*Rule, 0, 8)
	if n := testing.AllocsPerRun(100, func() { dst = set.Match(e, dst[:0]) }); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
	if got := fmt.Sprint(ids(dst)); got != "[r1 r2 r3]" {
		t.Errorf("matched %s, want [r1 r2 r3]", got)
	}
}
