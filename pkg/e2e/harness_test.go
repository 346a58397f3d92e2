package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/cli"
	"github.com/shrike-sec/shrike/pkg/embedded/clickhouse"
	"github.com/shrike-sec/shrike/pkg/notify/webhook"
	"github.com/shrike-sec/shrike/pkg/simulate"
	"github.com/shrike-sec/shrike/pkg/store"
)

// TestMain lets the test binary be the product's: the engine's child, or a role of its own process that can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == clickhouse.ChildCommand {
		os.Exit(clickhouse.Child(os.Args[2:]))
	}
	if os.Getenv(asShrike) != "" {
		os.Exit(cli.Main(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// asShrike makes the test binary behave as shrike itself.
const asShrike = "SHRIKE_E2E_AS_SHRIKE"

const webhookSecret = "the end-to-end test own secret"

// receiver is a real HTTP server that takes alerts, checks their signature and counts them by id.
type receiver struct {
	*httptest.Server
	t    testing.TB
	came chan struct{} // something was received; buffered by one

	mu     sync.Mutex
	alerts map[string]alert.Alert // by id
	times  map[string]int         // deliveries by id
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{t: t, came: make(chan struct{}, 1), alerts: make(map[string]alert.Alert), times: make(map[string]int)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err == nil {
		err = webhook.Verify([]byte(webhookSecret), req.Header.Get("Shrike-Signature"), body, time.Now(), time.Minute)
	}
	var a alert.Alert
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	if want := fmt.Sprintf("%s.%d", a.ID, a.Revision); err == nil && req.Header.Get("Idempotency-Key") != want {
		err = fmt.Errorf("Idempotency-Key is %q, want %q", req.Header.Get("Idempotency-Key"), want)
	}
	if err != nil {
		r.t.Errorf("received an alert that is wrong: %v", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alerts[a.ID] = a
	r.times[a.ID]++
	select {
	case r.came <- struct{}{}:
	default: // somebody has yet to look
	}
}

// wait returns when something has been received since the last wait.
func (r *receiver) wait(t testing.TB, within time.Duration) {
	t.Helper()
	select {
	case <-r.came:
	case <-time.After(within):
		t.Fatalf("no alert within %s", within)
	}
}

// heardOf reports whether an alert about the account's root user has come.
func (r *receiver) heardOf(account string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.alerts {
		if a.Entity.ID == "arn:aws:iam::"+account+":root" {
			return true
		}
	}
	return false
}

// rules returns how many alerts of each rule were received.
func (r *receiver) rules() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	rules := make(map[string]int)
	for _, a := range r.alerts {
		rules[a.RuleID]++
	}
	return rules
}

// repeated returns the alerts that were delivered more than once.
func (r *receiver) repeated() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for id, n := range r.times {
		if n > 1 {
			ids = append(ids, fmt.Sprintf("%s (%s) %d times", id, r.alerts[id].RuleID, n))
		}
	}
	return ids
}

// workload is simulated logs in request bodies of one format each.
type workload struct {
	bodies  []body
	records int
	want    map[string]bool // rule ids that must fire
}

type body struct {
	format string
	gz     []byte
	n      int
}

const bodyRecords = 500

// logged is how long the workload's logs are of. It all comes within minutes, and where that pauses, as it does while something
// is dead, correlate goes by the clock: of a day that pauses early in it a rule that tells of twelve silent hours would be right.
const logged = 12 * time.Hour

// newWorkload draws about n records of the hours before now, with the three attacks in it. They begin with an hour, so that what
// one attack does within one is in one hour, too: by rules that look at hours it is another attack when it lies across two.
func newWorkload(t testing.TB, seed uint64, n int) *workload {
	t.Helper()
	attacks := simulate.Attacks()
	g := simulate.New(simulate.Options{
		Seed: seed, Start: time.Now().UTC().Add(-logged).Truncate(time.Hour), Duration: logged,
		Records: n, Attacks: attacks, History: 21 * 24 * time.Hour, // what the rule about new regions must have seen
	})
	w := &workload{want: make(map[string]bool)}
	for _, a := range attacks {
		for _, id := range simulate.Expected(a) {
			w.want[id] = true
		}
	}
	type stream struct{ format, layout string } // records of one layout go together, under their header line
	open := make(map[stream]*bytes.Buffer)
	count := make(map[stream]int)
	flush := func(s stream) {
		if count[s] == 0 {
			return
		}
		var gz bytes.Buffer
		z, _ := gzip.NewWriterLevel(&gz, gzip.BestSpeed)
		_, _ = z.Write(open[s].Bytes())
		_ = z.Close()
		w.bodies = append(w.bodies, body{format: s.format, gz: gz.Bytes(), n: count[s]})
		open[s].Reset()
		count[s] = 0
	}
	var log simulate.Log
	for g.Next(&log) {
		s := stream{log.Format, log.Layout}
		b := open[s]
		if b == nil {
			b = new(bytes.Buffer)
			open[s] = b
		}
		if b.Len() == 0 && s.layout != "" {
			b.WriteString(s.layout + "\n")
		}
		b.Write(log.Raw)
		b.WriteByte('\n')
		w.records++
		if count[s]++; count[s] == bodyRecords {
			flush(s)
		}
	}
	for s := range open {
		flush(s)
	}
	return w
}

// post sends one body and returns when it is acknowledged. It may be called in any goroutine.
func post(t testing.TB, url string, b body) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url+"/v1/logs/"+b.format, bytes.NewReader(b.gz))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Errorf("post %d %s records: %v", b.n, b.format, err)
		return
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Errorf("post %d %s records: %s: %s", b.n, b.format, resp.Status, text)
		return
	}
	var answer struct {
		Records int `json:"records"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Records != b.n {
		t.Errorf("post %d %s records: answer %s (%v)", b.n, b.format, text, err)
	}
}

// until polls a condition until it holds; the last answer is the failure's text.
func until(t testing.TB, within time.Duration, what string, holds func() (bool, string)) {
	t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, state := holds()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within %s: %s", what, within, state)
		}
	}
}

// accounted checks the audit: every record of the topics records.* is there once, nothing else is.
func accounted(t testing.TB, s *store.Store, records int) (ok bool, state string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	rows, err := s.Audit(ctx)
	if err != nil {
		return false, err.Error()
	}
	total := 0
	partitions := 0
	for _, r := range rows {
		if !r.OK() {
			return false, fmt.Sprintf("audit: %+v", r)
		}
		if len(r.Topic) > 8 && r.Topic[:8] == "records." {
			total += int(r.To - r.From)
			partitions++
		}
	}
	return total == records, fmt.Sprintf("%d of %d records in %d partitions", total, records, partitions)
}

func logger(t testing.TB) *zap.Logger {
	return zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
}
