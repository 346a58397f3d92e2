package ruledoc

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

const tail = `group_by: [account_id, actor]
dedup: 26h
attack: [T1078.004, T9999]
tags: [a|b]
false_positives: ["A <b>bold</b> | *star* [x](y)"]
runbook: |
  1. ` + "```" + ` <script>
references: [https://example.com/]
tests:
  - name: "yes"
    logs: [{ raw: x }]
    alerts: [{ count: 1 }]
  - name: "no"
    logs: [{ raw: y }]
    alerts: []
`

const head = `severity: { success: high, failure: low }
class: api
outcome: any
when: |
  event_name == "CreateUser"
  or event_name == "` + "````" + `"
`

func load(t *testing.T, texts map[string]string) *rule.Set {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range texts {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, err := rule.LoadFS(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestPages(t *testing.T) {
	t.Parallel()
	set := load(t, map[string]string{
		"my-pack/one.yml": "id: one\ntitle: \"<i>{actor}</i>\"\nmode: dry_run\n" + head + tail, "two.yml": "id: two\ntitle: Two\n" + head + tail,
	})
	pages := Pages(set)
	if len(pages) != 2 || pages[0].Pack != "my-pack" || pages[1].Pack != "rules" {
		t.Fatalf("pages %+v", pages)
	}
	want := strings.ReplaceAll(`# Rules of my-pack

1 rules, by id.

## one

&lt;i>{actor}&lt;/i>

* Severity: high, low when refused
* Maturity: stable, mode: dry_run
* Alerts: on every match; one alert for each 'account_id' and 'actor' in 26 h.
* ATT&CK: [T1078.004](https://attack.mitre.org/techniques/T1078/004/) Valid Accounts: Cloud Accounts; T9999
* Tags: a\|b

Looks at events of class api, outcome any, where:

'''''text
event_name == "CreateUser"
or event_name == "''''"
'''''

False positives:

* A &lt;b>bold&lt;/b> \| \*star\* \[x](y)

Runbook:

''''text
1. ''' <script>
''''

Tests:

* yes: an alert
* no: no alert

References:

* https://example.com/
`, "'", "`")
	if pages[0].Text != want {
		t.Errorf("got\n%s\nwant\n%s", pages[0].Text, want)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for block, want := range map[string]string{
		"": "match|on every match; one alert for each `account_id` and `actor` in 26 h.",
		"threshold: { count: 3, within: 90s }": "threshold: 3 within 90 s|when one `account_id` and `actor` has at least 3 matches within 90 s; " +
			"one alert for each `account_id` and `actor` in 26 h.",
		"distinct: { of: region, count: 3, within: 2h }": "distinct: 3 of region within 2 h|when the matches of one `account_id` and `actor` have at least 3 different " +
			"`region` within 2 h; one alert for each `account_id` and `actor` in 26 h.",
		"sum: { of: bytes_out, total: 1.5GiB, within: 10m }": "sum: 1.5 GiB of bytes_out within 10 min|when `bytes_out` over the matches of one `account_id` and `actor` " +
			"adds up to at least 1.5 GiB within 10 min; one alert for each `account_id` and `actor` in 26 h.",
		"average: { of: bytes_out, above: 1MiB, bucket: 1h }": "average: mean of `bytes_out` above 1 MiB in 1 h|when the mean of `bytes_out` over the matches of " +
			"one `account_id` and `actor` in 1 h is above 1 MiB; one alert for each `account_id` and `actor` in 26 h.",
		"average: { of: bytes_out, quantile: 0.95, at_most: 10, count: 20, bucket: 5m }": "average: 0.95 quantile of `bytes_out` at most 10 in 5 min|" +
			"when the 0.95 quantile of `bytes_out` over the matches of one `account_id` and `actor` in 5 min is at most 10, and there are at least 20; " +
			"one alert for each `account_id` and `actor` in 26 h.",
		"first_seen: { value: [region, src_ip], learning: 14d, forget: 90d }": "first seen, after 14 days|when one `account_id` and `actor` has a `region` and `src_ip` that it " +
			"never had, once it has been watched for 14 days; what is not seen for 90 days is new again; one alert for each `account_id` and `actor` in 26 h.",
		"absence: { for: 2h, forget: 14d }": "absence: none for 2 h|when one `account_id` and `actor` had a match and then has none for 2 h; " +
			"one alert for each `account_id` and `actor` in 26 h.",
		"baseline: { of: bytes_out, bucket: 1h, past: 14d, learning: 3d, above: { quantile: 0.99, times: 3 }, at_least: 1GiB }": "baseline: bytes_out in 1 h against 14 days|" +
			"when `bytes_out` of one `account_id` and `actor` in 1 h is more than 3 times the 0.99 quantile of its own past 14 days, and at least 1 GiB; it learns for 3 days; " +
			"one alert for each `account_id` and `actor` in 26 h.",
		"baseline: { bucket: 1h, past: 14d, learning: 3d, above: { deviations: 4 }, at_least: 10 }": "baseline: matches in 1 h against 14 days|" +
			"when the number of matches of one `account_id` and `actor` in 1 h is more than 4 standard deviations above the mean of its own past 14 days, and at least 10; " +
			"it learns for 3 days; one alert for each `account_id` and `actor` in 26 h.",
	} {
		r := load(t, map[string]string{"x.yml": "id: x\ntitle: X\n" + head + block + "\n" + tail}).Rules()[0]
		if got := Kind(r) + "|" + Sentence(r); got != want {
			t.Errorf("%s:\n got %s\nwant %s", block, got, want)
		}
	}
	if got, want := looksAt(event.Alert, "any"), "alerts of other rules"; got != want { // alerts have no outcome
		t.Errorf("a rule over alerts looks at %s, want %s", got, want)
	}
	if got, want := Span(90*time.Millisecond)+Span(24*time.Hour)+Span(48*time.Hour), "90ms24 h2 days"; got != want {
		t.Errorf("spans %s, want %s", got, want)
	}
}
