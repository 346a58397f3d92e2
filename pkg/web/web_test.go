package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
)

const (
	token   = "8d2f1c6e5b7a49308c1d2e3f40516273"
	known   = "07ab4d0cb148bfeb182f9cbcb886fc57"
	hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>`
)

// memory answers as a store does.
type memory struct {
	alerts []alert.Alert
	err    error
	asked  AlertQuery
	ran    string
}

func (m *memory) Alerts(_ context.Context, q AlertQuery) ([]alert.Alert, error) {
	m.asked = q
	if q.ID != "" && q.ID != known {
		return nil, m.err
	}
	return m.alerts, m.err
}

func (m *memory) Hunt(_ context.Context, sql string, params map[string]string) (*Rows, error) {
	m.ran = sql
	if strings.HasPrefix(sql, "DROP") {
		return nil, fmt.Errorf("%w: read-only", ErrQuery)
	}
	return &Rows{Columns: []string{"a" + params["p"]}, Rows: [][]any{{hostile}}}, m.err
}

func testServer(t *testing.T, change func(*Options)) (*memory, *httptest.Server) {
	t.Helper()
	m := &memory{alerts: []alert.Alert{{
		ID: known, RuleID: "r", Title: "Root signed in " + hostile, Severity: "high", Count: 3,
		Entity: alert.Entity{Kind: "principal", ID: hostile}, Runbook: "Call " + hostile,
		FalsePositives: []string{hostile}, Pivots: []alert.Pivot{{Name: hostile, SQL: hostile}},
		FirstEventTime: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC),
	}}}
	o := Options{
		Token: token, Loopback: true, Health: &Health{}, Alerts: m, Hunter: m, Rules: func() *rule.Set { return rule.NewSet(nil) },
		Status: func(context.Context) (*Status, error) {
			return &Status{Sources: []SourceStatus{{Name: hostile}}, Rules: &RulesStatus{Rules: 57, Hash: "0123", Problem: hostile}}, m.err
		},
		Hunts: []Hunt{{Name: "who", Description: "Who was it?", SQL: "SELECT 1"}}, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
	}
	if change != nil {
		change(&o)
	}
	s := httptest.NewServer(New(o))
	t.Cleanup(s.Close)
	return m, s
}

type call struct {
	method, path, body string
	header             map[string]string
	host               string
}

func do(t *testing.T, s *httptest.Server, c call) (*http.Response, string) {
	t.Helper()
	if c.method == "" {
		c.method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(t.Context(), c.method, s.URL+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range c.header {
		req.Header.Set(k, v)
	}
	if c.host != "" {
		req.Host = c.host
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func with(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

func TestOnlyHealthNeedsNoToken(t *testing.T) {
	t.Parallel()
	_, s := testServer(t, nil)
	for _, path := range []string{"/", "/api/v1/alerts", "/api/v1/alerts/" + known, "/api/v1/status", "/api/v1/rules", "/api/v1/hunts"} {
		for name, header := range map[string]map[string]string{
			"none": nil, "wrong": with("x" + token[1:]), "part": with(token[:8]), "empty": with(""), "longer": with(token + "0"),
			"other scheme":    {"Authorization": "Basic " + token},
			"token as cookie": {"Cookie": cookieName + "=" + token},
		} {
			if resp, body := do(t, s, call{path: path, header: header}); resp.StatusCode != http.StatusUnauthorized || strings.Contains(body, "Root signed in") {
				t.Errorf("GET %s with %s token: %s", path, name, resp.Status)
			}
		}
		if resp, body := do(t, s, call{path: path, header: with(token)}); resp.StatusCode != http.StatusOK {
			t.Errorf("GET %s with the token: %s %s", path, resp.Status, body)
		}
	}
	if resp, _ := do(t, s, call{method: "POST", path: "/api/v1/hunt", body: "SELECT 1"}); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("hunt without token: %s", resp.Status)
	}
	for _, path := range []string{"/healthz", "/readyz", "/style.css"} {
		if resp, _ := do(t, s, call{path: path}); resp.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %s", path, resp.Status)
		}
	}
}

func TestLoginSetsACookieThatIsNotTheToken(t *testing.T) {
	t.Parallel()
	_, s := testServer(t, nil)
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	if resp, _ := do(t, s, call{method: "POST", path: "/login", body: "token=wrong", header: form}); resp.StatusCode != http.StatusUnauthorized || len(resp.Cookies()) > 0 {
		t.Fatalf("login with a wrong token: %s, cookies %v", resp.Status, resp.Cookies())
	}
	resp, _ := do(t, s, call{method: "POST", path: "/login", body: "token=" + token, header: form})
	if resp.StatusCode != http.StatusSeeOther || len(resp.Cookies()) != 1 {
		t.Fatalf("login: %s, cookies %v", resp.Status, resp.Cookies())
	}
	c := resp.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || strings.Contains(c.Value, token) {
		t.Errorf("cookie is %+v", c)
	}
	session := map[string]string{"Cookie": c.Name + "=" + c.Value}
	if resp, body := do(t, s, call{path: "/", header: session}); resp.StatusCode != http.StatusOK || !strings.Contains(body, "Root signed in") {
		t.Errorf("console with the cookie: %s", resp.Status)
	}
	session["Origin"], session["Sec-Fetch-Site"] = "https://evil.example.com", "cross-site"
	if resp, _ := do(t, s, call{method: "POST", path: "/api/v1/hunt", body: "SELECT 1", header: session}); resp.StatusCode != http.StatusForbidden {
		t.Errorf("hunt from another site: %s", resp.Status)
	}
}

func TestConsoleEscapesWhatAttackersWrote(t *testing.T) {
	t.Parallel()
	_, s := testServer(t, nil)
	resp, body := do(t, s, call{path: "/?hunt=who&rule=" + url.QueryEscape(hostile), header: with(token)})
	if strings.Contains(body, "<script") || strings.Contains(body, "<img") {
		t.Errorf("the page holds an attacker's element:\n%s", body)
	}
	// Title, entity, runbook, false positive, pivot's name and SQL, source, the hunt's value, the form's rule, what is
	// wrong with the rules.
	if got := strings.Count(body, "&lt;script&gt;"); got != 10 {
		t.Errorf("attacker's text is shown %d times, want 10:\n%s", got, body)
	}
	for header, want := range map[string]string{
		"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
	} {
		if got := resp.Header.Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(body, "style=") || strings.Contains(body, "onclick") {
		t.Error("the page needs a weaker policy")
	}
}

func TestConsoleShowsWhatItCan(t *testing.T) {
	t.Parallel()
	m, s := testServer(t, nil)
	m.err = errors.New("secret internals")
	resp, body := do(t, s, call{path: "/", header: with(token)})
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, "Reading alerts failed") || strings.Contains(body, "internals") {
		t.Errorf("console without database: %s\n%s", resp.Status, body)
	}
	if resp, body := do(t, s, call{path: "/api/v1/alerts", header: with(token)}); resp.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "internals") {
		t.Errorf("alerts without database: %s %s", resp.Status, body)
	}
}

func TestForeignHostIsRefusedOnLoopback(t *testing.T) {
	t.Parallel()
	_, s := testServer(t, func(o *Options) { o.Hosts = []string{"shrike.example.com"} })
	for host, want := range map[string]int{
		"127.0.0.1:8080": 200, "localhost:8080": 200, "[::1]:8080": 200, "SHRIKE.example.com": 200,
		"evil.example.com": 421, "evil.example.com:8080": 421, "127.0.0.1.evil.example.com": 421, "localhost.evil.example.com": 421,
	} {
		if resp, _ := do(t, s, call{path: "/api/v1/rules", host: host, header: with(token)}); resp.StatusCode != want {
			t.Errorf("Host %s: %s, want %d", host, resp.Status, want)
		}
	}
	_, open := testServer(t, func(o *Options) { o.Loopback = false })
	if resp, _ := do(t, open, call{path: "/api/v1/rules", host: "proxy.example.com", header: with(token)}); resp.StatusCode != 200 {
		t.Errorf("foreign Host beyond loopback: %s", resp.Status)
	}
}

func TestAlertsAPI(t *testing.T) {
	t.Parallel()
	m, s := testServer(t, nil)
	get := func(path string) (int, string) {
		resp, body := do(t, s, call{path: path, header: with(token)})
		return resp.StatusCode, body
	}
	status, body := get("/api/v1/alerts?since=2026-03-01T00:00:00Z&severity=high&rule=r&limit=7")
	var got struct{ Alerts []alert.Alert }
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 || len(got.Alerts) != 1 || got.Alerts[0].ID != known {
		t.Fatalf("alerts: %d %s %v", status, body, err)
	}
	want := AlertQuery{Since: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Severity: "high", Rule: "r", Limit: 7}
	if diff := cmp.Diff(want, m.asked); diff != "" {
		t.Errorf("query (-want +got):\n%s", diff)
	}
	for path, want := range map[string]int{
		"/api/v1/alerts?severity=loud": 400, "/api/v1/alerts?limit=0": 400, "/api/v1/alerts?limit=99999": 400,
		"/api/v1/alerts?since=yesterday": 400, "/api/v1/alerts?sevrity=high": 400,
		"/api/v1/alerts/" + known: 200, "/api/v1/alerts/" + strings.Repeat("0", 32): 404, "/api/v1/alerts/x": 400,
		"/nope": 404,
	} {
		if status, body := get(path); status != want {
			t.Errorf("GET %s: %d %s, want %d", path, status, body, want)
		}
	}
	m.alerts = nil
	if _, body := get("/api/v1/alerts"); body != "{\"alerts\":[]}\n" {
		t.Errorf("no alerts: %s", body)
	}
}

func TestHuntAPI(t *testing.T) {
	t.Parallel()
	m, s := testServer(t, nil)
	post := func(kind, body string) (int, string) {
		h := with(token)
		h["Content-Type"] = kind
		resp, text := do(t, s, call{method: "POST", path: "/api/v1/hunt", body: body, header: h})
		return resp.StatusCode, text
	}
	for _, tc := range []struct {
		kind, body string
		want       int
		ran        string
	}{
		{"text/plain", "SELECT 2", 200, "SELECT 2"},
		{"application/json", `{"sql":"SELECT 3","params":{"p":"x"}}`, 200, "SELECT 3"},
		{"application/json", `{"hunt":"who"}`, 200, "SELECT 1"},
		{"application/json", `{"hunt":"nope"}`, 400, ""},
		{"application/json", `{"hunt":"who","sql":"SELECT 4"}`, 400, ""},
		{"application/json", `{`, 400, ""},
		{"text/plain", "", 400, ""},
		{"text/plain", "DROP TABLE api", 400, "DROP TABLE api"},
		{"text/plain", strings.Repeat("a", maxBody+1), 413, ""},
	} {
		m.ran = ""
		if status, text := post(tc.kind, tc.body); status != tc.want || m.ran != tc.ran {
			t.Errorf("POST %.40q: %d %.200s, ran %q; want %d, %q", tc.body, status, text, m.ran, tc.want, tc.ran)
		}
	}
	if resp, _ := do(t, s, call{path: "/api/v1/hunt", header: with(token)}); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET hunt: %s", resp.Status)
	}
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	h := &Health{}
	reg := prometheus.NewRegistry()
	rules := &RulesStatus{Rules: 57, Hash: "0123", Failed: time.Unix(0, 0).UTC(), Problem: "what the file says"}
	s := httptest.NewServer(NewOps(OpsOptions{
		Health: h, Gatherer: reg, Token: token, Loopback: true, Rules: func() *RulesStatus { return rules },
	}))
	t.Cleanup(s.Close)
	h.Add("kafka", func(context.Context) error { return nil })
	if resp, body := do(t, s, call{path: "/readyz"}); resp.StatusCode != 200 || body != "kafka: ok\n" {
		t.Errorf("ready: %s %q", resp.Status, body)
	}
	if resp, body := do(t, s, call{path: "/rules"}); resp.StatusCode != 200 || !strings.Contains(body, `"failed":"1970-01-01T00:00:00Z"`) || strings.Contains(body, "file") {
		t.Errorf("rules: %s %q", resp.Status, body)
	}
	h.Add("clickhouse", func(context.Context) error { return errors.New("no answer") })
	if resp, body := do(t, s, call{path: "/readyz"}); resp.StatusCode != 503 || body != "kafka: ok\nclickhouse: no answer\n" {
		t.Errorf("not ready: %s %q", resp.Status, body)
	}
	if resp, _ := do(t, s, call{path: "/healthz"}); resp.StatusCode != 200 {
		t.Errorf("alive: %s", resp.Status)
	}
	if resp, _ := do(t, s, call{path: "/metrics"}); resp.StatusCode != 401 {
		t.Errorf("metrics without token: %s", resp.Status)
	}
	if resp, _ := do(t, s, call{path: "/metrics", header: with(token)}); resp.StatusCode != 200 {
		t.Errorf("metrics: %s", resp.Status)
	}
	if resp, _ := do(t, s, call{path: "/metrics", header: with(token), host: "evil.example.com"}); resp.StatusCode != 421 {
		t.Errorf("metrics by a foreign name: %s", resp.Status)
	}
}

func TestHunts(t *testing.T) {
	t.Parallel()
	got, err := Hunts(fstest.MapFS{
		"hunts/b.sql": {Data: []byte("-- What b finds.\nSELECT 2;\n")}, "hunts/a.sql": {Data: []byte("--A\nSELECT\n 1\n")}, "x.sql": {},
	})
	want := []Hunt{{"a", "A", "SELECT\n 1"}, {"b", "What b finds.", "SELECT 2"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Hunts (-want +got):\n%s%v", diff, err)
	}
	if _, err := Hunts(fstest.MapFS{"hunts/b.sql": {Data: []byte("SELECT 2")}}); err == nil {
		t.Error("a hunt without description was taken")
	}
}

func TestRequestsAreCountedByRoute(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	_, s := testServer(t, func(o *Options) { o.Registerer = reg })
	do(t, s, call{path: "/api/v1/alerts/" + known, header: with(token)})
	do(t, s, call{path: "/api/v1/alerts/zz"})
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, m := range families[0].Metric {
		if v := m.Counter.GetValue(); v > 0 {
			got[m.Label[0].GetValue()+" "+m.Label[1].GetValue()] = v
		}
	}
	if diff := cmp.Diff(map[string]float64{"GET /api/v1/alerts/{id} 2xx": 1, "GET /api/v1/alerts/{id} 4xx": 1}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
