package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/gzip"
	"pgregory.net/rapid"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/builtin"
	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/record"
	"github.com/shrike-sec/shrike/pkg/rule"
)

var ruleFiles = map[string]string{
	"login.yml": `
id: login
title: "{actor_type} signed in from {src_ip}"
severity: high
class: api
outcome: any
when: |
  event_name == "ConsoleLogin"
group_by: [account_id]
dedup: 1h
`,
	"many-errors.yml": `
id: many-errors
title: "{count} errors for {src_ip}"
severity: low
class: http
outcome: any
when: |
  status >= 400
group_by: [src_ip]
threshold: { count: 3, within: 10m }
`,
	"new-agent.yml": `
id: new-agent
title: "{user_agent} is new"
severity: low
class: http
outcome: any
when: |
  status > 0
group_by: [src_ip]
first_seen: { value: [user_agent], learning: 14d, forget: 90d }
`,
}

const ruleTail = `
attack: [T1078]
false_positives: [None known.]
runbook: Look.
tests:
  - name: nothing
    logs: [{ raw: "a" }]
    alerts: []
  - name: again nothing
    logs: [{ raw: "a" }]
    alerts: [{ severity: high }]
`

func testRules(t testing.TB, ids ...string) *rule.Set {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, id := range ids {
		fsys[id+".yml"] = &fstest.MapFile{Data: []byte(ruleFiles[id+".yml"] + ruleTail)}
	}
	set, err := rule.LoadFS(fsys, ".")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func login(minute int, account string) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","eventTime":"2026-03-01T09:%02d:00Z","eventSource":"signin.amazonaws.com",`+
		`"eventName":"ConsoleLogin","awsRegion":"us-east-1","sourceIPAddress":"198.51.100.7","eventID":"e-%d-%s","eventType":"AwsConsoleSignIn",`+
		`"userIdentity":{"type":"Root","arn":"arn:aws:iam::%s:root","accountId":"%s"},"responseElements":{"ConsoleLogin":"Success"}}`+"\n",
		minute, minute, account, account, account)
}

func access(second, status int) string {
	return fmt.Sprintf("203.0.113.9 - - [01/Mar/2026:09:00:%02d +0000] \"GET /a%d HTTP/1.1\" %d 120 \"-\" \"curl/8\"\n", second, second, status)
}

func write(t testing.TB, path string, data string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func zipped(t testing.TB, data string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func run(t testing.TB, o Options, stdin string, paths ...string) *Report {
	t.Helper()
	inputs, err := Inputs(paths, strings.NewReader(stdin))
	if err != nil {
		t.Fatal(err)
	}
	o.Formats = builtin.Formats()
	r, err := Run(context.Background(), inputs, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestScanOfAFolderWithEverything(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "trail.json.gz"), zipped(t, `{"Records":[`+login(1, "111122223333")+","+login(2, "111122223333")+`]}`))
	write(t, filepath.Join(dir, "sub", "access.log"), access(1, 404)+access(2, 200)+access(3, 404)+access(4, 500)+"no log line\x00\n")
	write(t, filepath.Join(dir, ".hidden"), login(30, "444455556666"))
	write(t, filepath.Join(dir, "empty"), "")
	var dead []string
	r := run(t, Options{
		Rules:      testRules(t, "login", "many-errors", "new-agent"),
		DeadLetter: func(d *record.DeadLetter) { dead = append(dead, fmt.Sprintf("%s:%d", d.Reason, d.Origin.Line)) },
	}, login(40, "777788889999"), dir, "-")

	want := Counts{Inputs: 5, Records: 9, Events: 8, Formats: map[string]int64{"cloudtrail": 4, "nginx": 4}, Dead: map[record.Reason]int64{record.ReasonUnknownFormat: 1}}
	if diff := cmp.Diff(want, r.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"unknown_format:5"}, dead); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
	var got []string
	for _, a := range r.Alerts {
		got = append(got, fmt.Sprintf("%s %s %d", a.RuleID, a.Entity.ID, a.Count))
	}
	if diff := cmp.Diff([]string{
		"many-errors 203.0.113.9 3", "login 111122223333 2", "login 444455556666 1", "login 777788889999 1",
	}, got); diff != "" {
		t.Errorf("alerts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"new-agent"}, r.Unlearned); diff != "" {
		t.Errorf("rules without their learning time (-want +got):\n%s", diff)
	}
	if r.First.Format(time.DateTime) != "2026-03-01 09:00:01" || r.Last.Format(time.DateTime) != "2026-03-01 09:40:00" {
		t.Errorf("time span is %s to %s", r.First, r.Last)
	}
}

func TestSinceAndUntil(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return time.Date(2026, 3, 1, 9, minute, 0, 0, time.UTC) }
	r := run(t, Options{Rules: testRules(t, "login"), Since: at(2), Until: at(4)},
		login(1, "1")+login(2, "1")+login(3, "1")+login(4, "1"), "-")
	if r.Skipped != 2 || r.Events != 4 || len(r.Alerts) != 1 || r.Alerts[0].Count != 2 {
		t.Errorf("skipped %d of %d events, alerts %+v; want 2 of 4, and one alert of 2", r.Skipped, r.Events, r.Alerts)
	}
}

// The order of files says nothing about the order of what happened: whichever way they are given and cut into ranges,
// the alerts are the same.
func TestOrderOfInputsDoesNotMatter(t *testing.T) {
	t.Parallel()
	set := testRules(t, "login", "many-errors")
	var lines []string
	for i := range 30 {
		lines = append(lines, login(i*2%60, fmt.Sprint("11112222333", i%3)), access(i*7%60, 200+200*(i%2)))
	}
	want := run(t, Options{Rules: set}, strings.Join(lines, ""), "-")
	if len(want.Alerts) < 4 {
		t.Fatalf("only %d alerts: the test tests nothing", len(want.Alerts))
	}
	rapid.Check(t, func(rt *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		shuffled := append([]string(nil), lines...)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		got := run(t, Options{Rules: set, rangeSize: rapid.IntRange(1, 70).Draw(rt, "range")}, strings.Join(shuffled, ""), "-")
		ignore := cmp.Options{cmpopts.IgnoreFields(alert.Alert{}, "Revision", "Events", "Late"), cmpopts.IgnoreFields(alert.Reached{}, "Revision")}
		if diff := cmp.Diff(want.Alerts, got.Alerts, ignore); diff != "" {
			rt.Fatalf("alerts (-in order +shuffled):\n%s", diff)
		}
	})
}

// However many CPUs there are, a scan comes to the same, samples and revisions included, and tells of dead letters in the order of
// the files. Where take takes neighbouring parts in the other order this fails.
func TestAnyNumberOfCPUsComesToTheSame(t *testing.T) {
	t.Parallel()
	set := testRules(t, "login", "many-errors", "new-agent")
	dir := t.TempDir()
	for i := range 24 {
		var b strings.Builder
		for j := range 1 + i*7%20 {
			b.WriteString(login((i+j)%60, fmt.Sprint("11112222333", i%3)) + access((i*11+j)%60, 200+200*(j%2)))
			if j%9 == 8 {
				b.WriteString("no log line\x00\n")
			}
		}
		write(t, filepath.Join(dir, fmt.Sprintf("%02d.log", i)), b.String())
	}
	scanned := func(lanes, rangeSize, partSize int) (*Report, []record.DeadLetter) {
		var dead []record.DeadLetter
		return run(t, Options{
			Rules: set, lanes: lanes, rangeSize: rangeSize, partSize: partSize, Since: time.Date(2026, 3, 1, 9, 0, 20, 0, time.UTC),
			DeadLetter: func(d *record.DeadLetter) { d.Received = time.Time{}; dead = append(dead, *d) },
		}, "", dir), dead
	}
	rapid.Check(t, func(rt *rapid.T) {
		rangeSize, partSize := rapid.IntRange(1, 50).Draw(rt, "range"), rapid.IntRange(1, 7).Draw(rt, "part")
		want, wantDead := scanned(1, rangeSize, partSize)
		got, dead := scanned(rapid.IntRange(2, 8).Draw(rt, "lanes"), rangeSize, partSize)
		if len(want.Alerts) < 4 || len(wantDead) < 10 || want.Skipped == 0 {
			rt.Fatalf("%d alerts, %d dead letters, %d skipped: the test tests nothing", len(want.Alerts), len(wantDead), want.Skipped)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("report (-one CPU +many):\n%s", diff)
		}
		if diff := cmp.Diff(wantDead, dead); diff != "" {
			rt.Fatalf("dead letters (-one CPU +many):\n%s", diff)
		}
	})
}

func TestUnreadableInputs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good := write(t, filepath.Join(dir, "good"), login(1, "1"))
	inputs, err := Inputs([]string{filepath.Join(dir, "none"), good}, nil)
	if err == nil || len(inputs) != 1 {
		t.Fatalf("Inputs = %d inputs, %v; want the good one and an error", len(inputs), err)
	}
	broken := Input{Name: "broken", open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(login(2, "1")), failing{})), nil
	}}
	r, err := Run(t.Context(), append([]Input{broken}, inputs...), Options{Formats: builtin.Formats(), Rules: testRules(t, "login")})
	if err != nil || len(r.Unreadable) != 1 || !errors.Is(r.Unreadable[0], errDisk) {
		t.Fatalf("Run: %v, unreadable %v", err, r.Unreadable)
	}
	if r.Events != 2 {
		t.Errorf("%d events, want those before the fault and of the next file: 2", r.Events)
	}
}

var errDisk = errors.New("disk at fault")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDisk }

func TestCallbackErrorsEndTheReading(t *testing.T) {
	t.Parallel()
	inputs, err := Inputs([]string{"-"}, strings.NewReader(login(1, "1")+login(2, "1")))
	if err != nil {
		t.Fatal(err)
	}
	calls, full := 0, errors.New("pipe is closed")
	r := NewReader(ReaderOptions{
		Formats: builtin.Formats(), Event: func(*event.Event) error { calls++; return full },
		DeadLetter: func(*record.DeadLetter) error { return nil },
	})
	if err := r.Read(t.Context(), inputs[0]); !errors.Is(err, full) || calls != 1 {
		t.Errorf("Read: %v after %d calls, want the callback's error after 1", err, calls)
	}
}
