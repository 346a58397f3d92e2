package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/notify/webhook"
	"github.com/shrike-sec/shrike/pkg/simulate"
	"github.com/shrike-sec/shrike/pkg/store"
	"github.com/shrike-sec/shrike/pkg/web"
)

func testDemo(out io.Writer) *demo { return &demo{screen: &screen{out: out}, began: time.Now()} }

// received makes a receiver that has got one alert of each rule.
func received(t *testing.T, rules []string) *receiver {
	t.Helper()
	r, err := newReceiver("k", func(*alert.Alert) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	for _, id := range rules {
		r.keep(&alert.Alert{ID: "of " + id, RuleID: id})
	}
	return r
}

func TestJudgement(t *testing.T) {
	t.Parallel()
	var all []string
	for _, a := range simulate.Attacks() {
		all = append(all, simulate.Expected(a)...)
	}
	for name, c := range map[string]struct {
		came    []string
		calm    bool
		stored  bool
		want    int
		mention string
	}{
		"all came":              {came: all, stored: true, want: ok, mention: "as expected"},
		"one is missing":        {came: all[1:], stored: true, want: surprise, mention: "MISSING     " + all[0]},
		"one too many":          {came: append([]string{"another"}, all...), stored: true, want: surprise, mention: "UNEXPECTED  another"},
		"a record is lost":      {came: all, want: surprise, mention: "not as expected"},
		"a quiet day":           {calm: true, stored: true, want: ok, mention: "as expected"},
		"a quiet day, an alert": {calm: true, came: all[:1], stored: true, want: surprise, mention: "UNEXPECTED  " + all[0]},
	} {
		var out bytes.Buffer
		d := testDemo(&out)
		d.WithoutAttacks, d.receiver = c.calm, received(t, c.came)
		if got := d.judge(c.stored); got != c.want || !strings.Contains(out.String(), c.mention) {
			t.Errorf("%s: status %d, want %d; said:\n%s", name, got, c.want, out.String())
		}
	}
}

func TestReceiverTakesSignedAlertsOnly(t *testing.T) {
	t.Parallel()
	fired := 0
	r, err := newReceiver("the key", func(*alert.Alert) { fired++ })
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	post := func(revision int64, key, secret string) int {
		body, _ := json.Marshal(&alert.Alert{ID: "a", Revision: revision, RuleID: "rule"})
		req, _ := http.NewRequest(http.MethodPost, r.url(), bytes.NewReader(body))
		req.Header.Set("Idempotency-Key", key)
		req.Header.Set(webhook.SignatureHeader, webhook.Sign([]byte(secret), body, time.Now()))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if got := post(1, "a.1", "another key"); got != http.StatusBadRequest || fired != 0 || r.problem() == nil {
		t.Errorf("wrong key: status %d, %d fired, problem %v", got, fired, r.problem())
	}
	if got := post(1, "a.7", "the key"); got != http.StatusBadRequest || fired != 0 {
		t.Errorf("wrong Idempotency-Key: status %d, %d fired", got, fired)
	}
	for _, revision := range []int64{2, 3, 1} {
		if got := post(revision, "a."+string(rune('0'+revision)), "the key"); got != http.StatusNoContent {
			t.Errorf("revision %d: status %d", revision, got)
		}
	}
	if fired != 1 || r.alerts["a"].Revision != 3 || !cmp.Equal(r.rules(), []string{"rule"}) {
		t.Errorf("%d fired, revision %d kept, rules %v", fired, r.alerts["a"].Revision, r.rules())
	}
}

// TestPlaySendsEveryRecordOnce: with its token, in bodies by format, with a header line where the layout is its own, and
// again under the same key when ingest was busy.
func TestPlaySendsEveryRecordOnce(t *testing.T) {
	t.Parallel()
	lines, wide, busy := 0, 0, map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.Header.Get("Authorization") != "Bearer tok":
			w.WriteHeader(http.StatusUnauthorized)
			return
		case len(busy) == 0: // the first one is asked to come again
			busy[r.Header.Get("Idempotency-Key")] = true
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		delete(busy, r.Header.Get("Idempotency-Key"))
		busy[""] = true
		lines += bytes.Count(body, []byte("\n"))
		if bytes.HasPrefix(body, []byte("version ")) {
			lines--
			wide++
		}
	}))
	defer server.Close()
	d := testDemo(io.Discard)
	d.Seed, d.Records, d.token = 5, 3000, "tok"
	records, err := d.play(context.Background(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if lines != records || records < 3000 || wide == 0 {
		t.Errorf("%d lines arrived of %d records, %d bodies with a header line", lines, records, wide)
	}
	if len(busy) != 1 {
		t.Error("the body that was refused did not come again under its key")
	}
	d.token = "no"
	if _, err := d.play(context.Background(), server.URL); err == nil {
		t.Error("a refused token is no error")
	}
}

func TestSettledWaitsForEveryStage(t *testing.T) {
	t.Parallel()
	states := []web.Status{
		{Stages: []web.StageStatus{{Stage: "detect", Topic: "records.api", Lag: 3}}},
		{Stages: []web.StageStatus{{Stage: "detect", Topic: "records.api"}}},
		{Receivers: []web.ReceiverStatus{{Name: "demo", Lag: 1}}},
		{}, {}, {},
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(&states[min(asked, len(states)-1)])
		asked++
	}))
	defer server.Close()
	c := &client{url: server.URL, http: server.Client()}
	if err := c.settled(context.Background()); err != nil {
		t.Fatal(err)
	}
	if asked != 5 {
		t.Errorf("settled after %d answers, want 5: two quiet ones in a row", asked)
	}
}

func TestTellSeesWhatIsLost(t *testing.T) {
	t.Parallel()
	good := store.AuditRow{Topic: "records.api", To: 10, Events: 10}
	lost := store.AuditRow{Topic: "records.api", To: 10, Events: 9, Gaps: 1}
	dead := store.AuditRow{Topic: "records.api", To: 10, Events: 9, DeadLetters: 1}
	for _, c := range []struct {
		row  store.AuditRow
		sent int
		want bool
	}{{good, 10, true}, {good, 11, false}, {lost, 10, false}, {dead, 10, false}} {
		var out bytes.Buffer
		d := testDemo(&out)
		d.remove = "new"
		if got := d.tell([]store.AuditRow{c.row}, c.sent); got != c.want {
			t.Errorf("%+v of %d sent: %v, want %v; said:\n%s", c.row, c.sent, got, c.want, out.String())
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %s, want %s", n, got, want)
		}
	}
}
