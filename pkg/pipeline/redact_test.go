package pipeline

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/shrike-sec/shrike/pkg/bus"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/redact"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// What no table and no alert may hold.
const secret = "kJ8vTq-this-is-the-secret-Zw3xPm"

// secretRules match on the secret itself, and group by, remember and show it.
func secretRules(t *testing.T) *rule.Set {
	t.Helper()
	files := fstest.MapFS{}
	for id, kind := range map[string]string{"shown": "dedup: 1h", "remembered": "first_seen: { value: [user_agent], learning: 1m }"} {
		files[id+".yml"] = &fstest.MapFile{Data: fmt.Appendf(nil, `id: %s
title: "{user_agent} came"
severity: high
class: api
outcome: any
when: |
  response.credentials.sessionToken == "%s" or region == "%s"
group_by: [user_agent]
show: [response, request.url, response.credentials.sessionToken]
%s
attack: [T1580]
tags: [C01]
false_positives: [A test.]
runbook: Look.
tests:
  - { name: some, logs: [{ raw: "{}" }], alerts: [{ severity: high }] }
  - { name: none, logs: [{ raw: "{}" }], alerts: [] }
`, id, secret, "eu-west-1", kind)}
	}
	set, err := rule.LoadFS(files, ".")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// A secret that comes in records, broken records and records that never were is in no column of any table, nor in the
// topics of signals and alerts; rules match on it all the same.
func TestSecretsAreNotStored(t *testing.T) {
	t.Parallel()
	w := newWay(t, 1)
	db := newTables(t, w)
	now := time.Now().UTC()
	api, http := bus.TopicOf(event.API), bus.TopicOf(event.HTTP)
	send := func(topic, format, raw string) {
		t.Helper()
		r := record.Record{Raw: []byte(raw), Format: format, Received: now, Origin: record.Origin{Source: "test", Object: "https://u:" + secret + "@h/trail"}}
		m := bus.RecordMessage(topic, &r)
		m.Partition = 0
		w.send(m)
	}
	call := func(id string, at time.Time) string {
		return fmt.Sprintf(`{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/a","accountId":"111122223333"},`+
			`"eventTime":"%s","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.7",`+
			`"userAgent":"agent (https://u:%[3]s@h/?token=%[3]s)","requestParameters":{"url":"https://h/?X-Amz-Signature=%[3]s","password":"%[3]s"},`+
			`"responseElements":{"credentials":{"accessKeyId":"ASIAEXAMPLE","sessionToken":"%[3]s"}},"errorMessage":"not %[3]s",`+
			`"eventID":"%[2]s","eventType":"AwsApiCall","recipientAccountId":"111122223333","newThing":{"clientSecret":"%[3]s"}}`, at.Format(time.RFC3339), id, secret)
	}
	send(api, "cloudtrail", call("e-1", now.Add(-10*time.Minute)))
	send(api, "cloudtrail", call("e-2", now))
	send(api, "cloudtrail", `{"eventVersion":"1.11","password":"`+secret+`"`) // broken
	send(http, "apache", `198.51.100.7 - - [`+now.Format("02/Jan/2006:15:04:05 -0700")+`] "GET /a?password=`+secret+`&b=c HTTP/1.1" 200 5 "https://u:`+secret+`@h/" "curl/8"`)
	dead := bus.DeadLetterMessage(&record.DeadLetter{
		Record: record.Record{Raw: []byte("token: " + secret), Received: now, Origin: record.Origin{Source: "test"}},
		Reason: record.ReasonTruncated, Detail: `near "token=` + secret + `"`,
	})
	dead.Partition = 0
	w.send(dead)

	set := secretRules(t)
	w.run(func(ctx context.Context) error { return Detect(ctx, w.detect(set, 1)) })
	w.run(func(ctx context.Context) error { return Correlate(ctx, w.correlate(set, db.Store)) })
	w.store(db)
	seen := map[string]bool{}
	w.read(bus.Alerts, 0, func(m *bus.Message) bool {
		if strings.Contains(string(m.Value), secret) {
			t.Errorf("alert: %s", m.Value)
		}
		a, err := decodeAlert(m.Value)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(a.Title, redact.Mark) {
			t.Errorf("title %q", a.Title)
		}
		seen[a.RuleID] = true
		return seen["shown"]
	})
	for topic, n := range map[string]int64{api: 3, http: 1, bus.DeadLetter: 1, bus.Alerts: 1} {
		db.audited(w, topic, n)
	}
	for table, rows := range map[string]string{"api": "2 2", "http": "1 1", "dead_letter": "2 0", "alerts": "", "first_seen": "1"} {
		redacted := ", countIf(redacted)"
		if table != "api" && table != "http" {
			redacted = ", 0"
		}
		const all = "formatRowNoNewline('JSONEachRow', *)"
		got := db.query("SELECT countIf(position(" + all + ", '" + secret + "') > 0), count()" + redacted +
			" FROM " + table + " SETTINGS asterisk_include_alias_columns=1, asterisk_include_materialized_columns=1")
		if !strings.HasPrefix(got, "0 "+rows) || got == "0 0 0" {
			t.Errorf("table %s: rows with the secret, rows, redacted rows: %s, want 0 %s", table, got, rows)
		}
	}
	if got := db.query("SELECT countIf(isValidJSON(raw)), countIf(JSONExtractString(response_json, 'credentials', 'accessKeyId') = 'ASIAEXAMPLE'), uniq(event_uid) FROM api"); got != "2 2 2" {
		t.Errorf("raw that is JSON, access key ids, ids: %s, want 2 2 2", got)
	}
}
