package http

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/nginx"
	"github.com/shrike-sec/shrike/pkg/format/vpcflow"
	"github.com/shrike-sec/shrike/pkg/source/sourcetest"
)

type answer struct {
	Status      int    `json:"-"`
	RetryAfter  string `json:"-"`
	Error       string `json:"error"`
	Records     int    `json:"records"`
	DeadLetters int    `json:"dead_letters"`
}

// serve starts a real server for the source and returns its URL.
func serve(t *testing.T, sink *sourcetest.Sink, o Options) string {
	t.Helper()
	o.Registry = format.NewRegistry([]format.Spec{vpcflow.Spec(), nginx.Spec()})
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler(sink))
	t.Cleanup(srv.Close)
	return srv.URL
}

func do(t *testing.T, method, url string, body io.Reader, header ...string) answer {
	t.Helper()
	req, err := nethttp.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := nethttp.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	a := answer{Status: res.StatusCode, RetryAfter: res.Header.Get("Retry-After")}
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		t.Fatalf("answer of status %d is not JSON: %v", res.StatusCode, err)
	}
	return a
}

func post(t *testing.T, url, body string, header ...string) answer {
	t.Helper()
	return do(t, nethttp.MethodPost, url, strings.NewReader(body), header...)
}

func zipped(data string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(data))
	_ = w.Close()
	return b.String()
}

func TestTakesLines(t *testing.T) {
	t.Parallel()
	sink := sourcetest.New()
	url := serve(t, sink, Options{})
	for name, c := range map[string]struct {
		path, body string
		want       answer
	}{
		"plain":          {"nginx", "a\nb\n\nc", answer{Status: 200, Records: 3}},
		"gzip":           {"nginx", zipped("d\ne\n"), answer{Status: 200, Records: 2}},
		"recognised":     {"auto", `{"message":"2 unknown eni-1 - - - - - - - 1772355600 1772355660 - NODATA"}`, answer{Status: 200, Records: 1}},
		"nothing":        {"auto", "", answer{Status: 200}},
		"some of it bad": {"auto", "f\n" + strings.Repeat("x", 1<<20) + "\ng\n", answer{Status: 200, Records: 2, DeadLetters: 1}},
		"cut gzip":       {"auto", zipped("h\n" + strings.Repeat("i", 999))[:30], answer{Status: 200, Records: 1, DeadLetters: 1}},
		"layout":         {"vpcflow?layout=$%7Bsrcaddr%7D+$%7Bdstaddr%7D", "10.0.0.1 10.0.0.2\n", answer{Status: 200, Records: 1}},
	} {
		if diff := cmp.Diff(c.want, post(t, url+"/v1/logs/"+c.path, c.body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	found := 0
	for _, r := range sink.Taken() {
		switch string(r.Raw) {
		case "a", "d":
			found++
			if r.Format != "nginx" || r.Origin.Source != "http" || r.Origin.Object == "" || r.Received.IsZero() {
				t.Errorf("record %+v", r)
			}
		case "10.0.0.1 10.0.0.2":
			found++
			if r.Layout != "srcaddr dstaddr" {
				t.Errorf("layout %q", r.Layout)
			}
		}
		if strings.HasPrefix(string(r.Raw), "2 unknown") {
			found++
			if r.Format != "vpcflow" {
				t.Errorf("recognised as %q", r.Format)
			}
		}
	}
	if found != 4 {
		t.Errorf("%d of 4 records seen: %q", found, sink.Lines())
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	sink := sourcetest.New()
	url := serve(t, sink, Options{Tokens: []string{"one", "two"}, MaxBody: 100})
	auth := []string{"Authorization", "Bearer two"}
	for name, c := range map[string]struct {
		method, path, body string
		header             []string
		want               int
	}{
		"no token":           {"POST", "nginx", "a", nil, 401},
		"layout of none":     {"POST", "nginx?layout=a", "a", auth, 400},
		"layout of anything": {"POST", "auto?layout=srcaddr", "a", auth, 400},
		"no column":          {"POST", "vpcflow?layout=a+b", "a", auth, 400},
		"wrong token":        {"POST", "nginx", "a", []string{"Authorization", "Bearer tw"}, 401},
		"another scheme":     {"POST", "nginx", "a", []string{"Authorization", "Basic two"}, 401},
		"empty token":        {"POST", "nginx", "a", []string{"Authorization", "Bearer "}, 401},
		"secret of formats":  {"POST", "none", "a", nil, 401},
		"first token":        {"POST", "nginx", "a", []string{"Authorization", "Bearer one"}, 200},
		"second token":       {"POST", "nginx", "a", auth, 200},
		"unknown format":     {"POST", "none", "a", auth, 404},
		"method":             {"GET", "nginx", "", auth, 405},
		"too large":          {"POST", "nginx", strings.Repeat("a", 101), auth, 413},
		"too large inflated": {"POST", "nginx", zipped(strings.Repeat("aaaaaaaaa\n", 500)), auth, 413},
		"only blanks":        {"POST", "nginx", zipped(strings.Repeat("\n", 5000)), auth, 413},
		"bomb in a bomb":     {"POST", "nginx", zipped(zipped(strings.Repeat("\n", 50000))), auth, 413},
		"encoding":           {"POST", "nginx", "a", append([]string{"Content-Encoding", "br"}, auth...), 415},
	} {
		got := do(t, c.method, url+"/v1/logs/"+c.path, strings.NewReader(c.body), c.header...)
		if got.Status != c.want || (got.Error == "") != (c.want == 200) {
			t.Errorf("%s: %+v, want status %d", name, got, c.want)
		}
	}
	// Without a length, only reading tells.
	if got := do(t, "POST", url+"/v1/logs/nginx", io.MultiReader(strings.NewReader(strings.Repeat("a", 101))), auth...); got.Status != 413 {
		t.Errorf("chunked: %+v, want 413", got)
	}
	if len(sink.Lines()) != 2 {
		t.Errorf("the sink has %q, want two records", sink.Lines())
	}
}

func TestOverloaded(t *testing.T) {
	t.Parallel()
	sink := sourcetest.New()
	url := serve(t, sink, Options{Overloaded: func() (time.Duration, string, bool) { return 1500 * time.Millisecond, "disk is full", true }})
	want := answer{Status: 429, RetryAfter: "2", Error: "disk is full"}
	if diff := cmp.Diff(want, post(t, url+"/v1/logs/nginx", "a")); diff != "" {
		t.Error(diff)
	}
}

// 200 comes after the sink has taken everything and not before: while it waits, so does the client.
func TestAnswersOnlyWhenDurable(t *testing.T) {
	t.Parallel()
	sink := sourcetest.New()
	entered, release := make(chan struct{}), make(chan struct{})
	sink.Before = func(int, int) error {
		close(entered)
		<-release
		return nil
	}
	url := serve(t, sink, Options{MaxRequests: 1})
	got := make(chan answer, 1)
	go func() { got <- post(t, url+"/v1/logs/nginx", "a\n") }()
	select {
	case <-entered:
	case a := <-got:
		t.Fatalf("answered %+v without asking the sink", a)
	}
	if second := post(t, url+"/v1/logs/nginx", "b\n"); second.Status != 429 || second.RetryAfter != "1" {
		t.Errorf("a second request at once: %+v, want 429", second)
	}
	select {
	case a := <-got:
		t.Errorf("answered %+v before the sink had taken the records", a)
	default:
	}
	close(release)
	if a := <-got; a.Status != 200 || len(sink.Lines()) != 1 {
		t.Errorf("%+v with %q taken", a, sink.Lines())
	}
}

// A sink that fails in the middle gives 503 and the number of records that are durable; sent again, with the same key,
// every record is there, and the repeated ones have the origin they had.
func TestSinkFailure(t *testing.T) {
	t.Parallel()
	sink := sourcetest.New()
	broken := true
	sink.Before = func(taken, _ int) error {
		if broken && taken > 0 {
			return errors.New("no room")
		}
		return nil
	}
	reg := prometheus.NewRegistry()
	url := serve(t, sink, Options{Registerer: reg})
	var b strings.Builder
	for i := range 30_000 { // more than one batch
		fmt.Fprintf(&b, "line %d\n", i)
	}
	got := post(t, url+"/v1/logs/nginx", b.String(), "Idempotency-Key", "k1")
	if got.Status != 503 || got.RetryAfter == "" || got.Records != len(sink.Lines()) || got.Records == 0 {
		t.Fatalf("%+v, want 503 and the %d records that were taken", got, len(sink.Lines()))
	}
	broken = false
	if got := post(t, url+"/v1/logs/nginx", b.String(), "Idempotency-Key", "k1"); got.Status != 200 || got.Records != 30_000 {
		t.Fatalf("%+v, want 200 and all records", got)
	}
	origins := map[string]string{}
	for _, r := range sink.Taken() {
		at := fmt.Sprint(r.Origin)
		if before, ok := origins[string(r.Raw)]; ok && before != at {
			t.Fatalf("record %q was at %s and now is at %s", r.Raw, before, at)
		}
		origins[string(r.Raw)] = at
	}
	if len(origins) != 30_000 {
		t.Errorf("%d different records, want 30000", len(origins))
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
}

// A sink that never answers does not keep the client for ever.
func TestSinkTimeout(t *testing.T) {
	t.Parallel()
	s, err := New(Options{Registry: format.NewRegistry(nil), SinkTimeout: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler(hangingSink{}))
	defer srv.Close()
	if got := post(t, srv.URL+"/v1/logs/auto", "a\n"); got.Status != 503 {
		t.Errorf("%+v, want 503", got)
	}
}

// Two requests without a key are two objects: the same bytes at the same place are not the same event.
func TestRequestsHaveTheirOwnNames(t *testing.T) {
	t.Parallel()
	sink := sourcetest.New()
	url := serve(t, sink, Options{})
	for range 2 {
		post(t, url+"/v1/logs/nginx", "a\n")
	}
	rs := sink.Taken()
	if len(rs) != 2 || rs[0].Origin == rs[1].Origin {
		t.Errorf("origins %v", rs)
	}
}

// A client that goes away in the middle of a body has its records refused, not half of them taken as all.
func TestBodyBreaksOff(t *testing.T) {
	t.Parallel()
	sink := sourcetest.New()
	url := serve(t, sink, Options{ReadTimeout: 50 * time.Millisecond})
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/logs/nginx HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nfirst\nsecond and then silence")
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("answer %q, %v, want 400", answer, err)
	}
	if len(sink.Lines()) != 0 {
		t.Errorf("the sink has %q, want nothing of a body that broke off before its first batch", sink.Lines())
	}
}

// What the content says against the format that the request names is counted.
func TestDisagreementsAreCounted(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	url := serve(t, sourcetest.New(), Options{Registerer: reg})
	const flow = "2 111122223333 eni-0a 10.0.0.1 10.0.0.2 1 2 6 1 60 1772355600 1772355660 ACCEPT OK\n"
	post(t, url+"/v1/logs/nginx", flow+flow)
	post(t, url+"/v1/logs/vpcflow", flow)
	post(t, url+"/v1/logs/auto", flow)
	want := "# HELP shrike_http_disagreements_total Records whose content says another format than the request.\n" +
		"# TYPE shrike_http_disagreements_total counter\nshrike_http_disagreements_total 2\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "shrike_http_disagreements_total"); err != nil {
		t.Error(err)
	}
}
