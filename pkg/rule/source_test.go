package rule

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const taken = `id: taken
title: Taken over
severity: low
maturity: experimental
class: api
outcome: any
when: |
  event_name == "X"
runbook: Look.
source: { author: A. Person, licence: DRL-1.1, id: 0a51, date: 2020/02/12, url: "https://example.com/rule.yml" }
`

func TestSourceSaysWhereARuleComesFrom(t *testing.T) {
	t.Parallel()
	set, err := LoadTexts(Text{"taken.yml", []byte(taken)})
	if err != nil {
		t.Fatal(err)
	}
	want := &Source{Author: "A. Person", Licence: "DRL-1.1", ID: "0a51", Date: "2020/02/12", URL: "https://example.com/rule.yml"}
	if d := cmp.Diff(want, set.Rules()[0].Source); d != "" {
		t.Error(d)
	}
	for _, c := range []struct{ old, by, want string }{
		{"licence", "license", `taken.yml:10:30: unknown key "license" in source`},
		{"source: { author: A. Person", "source: [A. Person]\nmode: { x: y", "source must be a mapping"},
		{"maturity: experimental", "maturity: stable", "the rule has no attack"},
	} {
		_, err := LoadTexts(Text{"taken.yml", []byte(strings.Replace(taken, c.old, c.by, 1))})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.by, err, c.want)
		}
	}
}
