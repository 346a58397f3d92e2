package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
)

// inbox is an ingest that remembers what it took, and first fails as often as it is told to.
type inbox struct {
	mu       sync.Mutex // guards all below
	failures int
	status   int
	token    string
	got      []string // format, layout and number of lines of each request taken
	keys     []string // of all requests
}

func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys = append(b.keys, r.Header.Get("Idempotency-Key"))
	if b.failures > 0 {
		b.failures--
		w.WriteHeader(b.status)
		fmt.Fprint(w, `{"error":"not\u001b now"}`)
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+b.token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	in, err := gzip.NewReader(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	body, _ := io.ReadAll(in)
	lines := strings.Count(string(body), "\n")
	b.got = append(b.got, fmt.Sprintf("%s %q %d", strings.TrimPrefix(r.URL.Path, "/v1/logs/"), r.URL.Query().Get("layout"), lines))
	fmt.Fprintf(w, `{"records":%d,"dead_letters":0}`, lines)
}

func TestSend(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	token := write(t, filepath.Join(dir, "token"), "first\nsecond\n")
	flow := write(t, filepath.Join(dir, "flow"), "interface-id srcaddr dstaddr start end action\neni-1 10.0.0.1 10.0.0.2 1772355600 1772355660 ACCEPT\n")
	logs := write(t, filepath.Join(dir, "logs.gz"), zipped(t, access+access+login(1)+"garbage\n"))
	in := &inbox{token: "first"}
	s := httptest.NewServer(in)
	t.Cleanup(s.Close)

	got := run(t, strings.NewReader(login(2)), "send", "--to", s.URL+"/", "--token-file", token, flow, logs, "-")
	if got.status != 0 || !strings.Contains(got.err, "sent 6 records") {
		t.Fatalf("send: %+v", got)
	}
	want := []string{
		`vpcflow "interface-id srcaddr dstaddr start end action" 1`, `nginx "" 2`, `cloudtrail "" 1`, `auto "" 1`, `cloudtrail "" 1`,
	}
	if diff := cmp.Diff(want, in.got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if slices.Contains(in.keys, "") || len(slices.Compact(slices.Sorted(slices.Values(in.keys)))) != len(in.keys) {
		t.Errorf("requests without a key of their own: %q", in.keys)
	}
	if got := run(t, nil, "send", "--to", s.URL, "--token-file", token, logs); got.status != 0 {
		t.Fatalf("send again: %+v", got)
	}
	if diff := cmp.Diff(in.keys[1:4], in.keys[5:]); diff != "" {
		t.Errorf("the same file was sent under other keys (-first +again):\n%s", diff)
	}
}

func TestSendRepeatsWhatDidNotGetThrough(t *testing.T) {
	t.Parallel()
	logs := write(t, filepath.Join(t.TempDir(), "logs"), access)
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		in := &inbox{failures: 2, status: status, token: "t"}
		in.token = ""
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Authorization", "Bearer ")
			in.ServeHTTP(w, r)
		}))
		got := run(t, nil, "send", "--to", s.URL, logs)
		s.Close()
		if got.status != 0 || len(in.got) != 1 || len(in.keys) != 3 || in.keys[0] != in.keys[2] {
			t.Errorf("send to a server that says %d twice: %+v, requests %v", status, got, in.keys)
		}
	}
}

func TestSendSaysWhatWasRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	logs := write(t, filepath.Join(dir, "logs"), access)
	answer := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	for _, tc := range []struct {
		name, to, file string
		status         int
		want           string
	}{
		{"no token", answer(401, `{"error":"token`+"\x1b"+`"}`), logs, exitBad, `401 Unauthorized: {"error":"token\x1b"}`},
		{"fewer taken than sent", answer(200, `{"records":0,"dead_letters":0}`), logs, exitBad, "took 0 of 1 records"},
		{"not an ingest", answer(200, `hello`), logs, exitBad, "does not answer as an ingest does"},
		{"nobody there", "http://127.0.0.1:1", logs, exitBad, "connection refused"},
		{"no file", answer(200, ""), filepath.Join(dir, "none"), exitInput, "no such file"},
		{"cut short", answer(200, `{"records":1,"dead_letters":0}`), write(t, filepath.Join(dir, "cut"), access+`{"eventVersion":"1.1`), exitInput, "1 record could not be sent"},
	} {
		if got := run(t, nil, "send", "--retries", "0", "--to", tc.to, tc.file); got.status != tc.status || !strings.Contains(got.err, tc.want) {
			t.Errorf("%s: %+v, want status %d and %q", tc.name, got, tc.status, tc.want)
		}
	}
}
