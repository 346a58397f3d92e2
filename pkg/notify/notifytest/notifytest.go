// Package notifytest is the conformance suite of notifiers that post over HTTP: each kind's test calls Run.
//
// It drives a notify.Receiver around the notifier against real HTTP servers that answer well, badly, late, elsewhere
// or not at all, with a clock of its own, so that pauses of minutes take no time. Only tests import it.
package notifytest

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/notify"
)

// Make makes the notifier under test for a URL. c is nil but in the test that trusts the server's own authority; kinds
// without TLS settings return nil there.
type Make func(t *testing.T, url string, c *tls.Config) notify.Notifier

// Alert is an alert with something in every part, some of it hostile.
func Alert() (*alert.Alert, []byte) {
	at := time.Date(2026, 3, 1, 9, 14, 7, 0, time.UTC)
	a := &alert.Alert{
		Schema: 1, ID: "07ab4d0cb148bfeb182f9cbcb886fc57", Revision: 3, Status: "open", RuleID: "aws-root-console-login",
		RuleVersion: "5b1e0c92a7d4", Title: "Root signed in to 111122223333 from <!channel> & `198.51.100.7`", Severity: "high",
		Attack: []string{"T1078.004"}, Classes: []string{"api"},
		Entity:         alert.Entity{Kind: "principal", ID: "arn:aws:iam::111122223333:root"},
		Group:          map[string]string{"actor": "arn:aws:iam::111122223333:root", "user_agent": "<https://evil.example|click>"},
		Period:         alert.Period{Start: at.Truncate(12 * time.Hour), End: at.Truncate(12 * time.Hour).Add(12 * time.Hour)},
		FirstEventTime: at, LastEventTime: at.Add(time.Minute), Count: 2,
		Events: []alert.Sample{{
			EventUID: "1c7d9a60e2b84f13a5c0d7e94b6f2381", Class: "api", EventTime: at,
			Fields: map[string]json.RawMessage{
				"mfa": json.RawMessage("false"), "src_ip": json.RawMessage(`"198.51.100.7"`),
				"user_agent": json.RawMessage(`"<!here> *bold* ` + "`" + ` \n\u0000 line"`),
			},
		}},
		Runbook: "1. Ask <@owner>.\n2. Change the password & keys.",
	}
	body, err := json.Marshal(a)
	if err != nil {
		panic("BUG: marshal alert: " + err.Error())
	}
	return a, body
}

// Server answers with the next of its handlers, the last one again and again, and keeps the requests.
type Server struct {
	*httptest.Server

	mu       sync.Mutex // guards all below
	handlers []http.HandlerFunc
	requests []Request
}

// Request is one that a Server got.
type Request struct {
	Method string
	Header http.Header
	Body   []byte
}

// NewServer starts a server that lives as long as the test.
func NewServer(t *testing.T, handlers ...http.HandlerFunc) *Server {
	t.Helper()
	s := &Server{handlers: handlers}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	h := s.handlers[0]
	if len(s.handlers) > 1 {
		s.handlers = s.handlers[1:]
	}
	s.requests = append(s.requests, Request{Method: r.Method, Header: r.Header.Clone(), Body: body})
	s.mu.Unlock()
	h(w, r)
}

// Requests returns all requests so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Status answers with a status and pairs of header names and values.
func Status(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte("an answer"))
	}
}

// hang answers nothing until the client gives up; one that does not gets an answer that fails its test.
func hang(w http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(5 * time.Second):
		w.WriteHeader(http.StatusBadRequest)
	}
}

// breakOff closes the connection without an answer.
func breakOff(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// Clock is a clock that waits for nobody: After moves it on and remembers the pause.
type Clock struct {
	now    time.Time
	Pauses []time.Duration
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time { return c.now }

// After moves the clock on by d and returns at once.
func (c *Clock) After(d time.Duration) <-chan time.Time {
	c.now = c.now.Add(d)
	c.Pauses = append(c.Pauses, d)
	ch := make(chan time.Time, 1)
	ch <- c.now
	return ch
}

// delivery is a receiver around the notifier under test.
type delivery struct {
	clock    *Clock
	receiver *notify.Receiver
	logs     *observer.ObservedLogs
	reg      *prometheus.Registry
}

func newDelivery(n notify.Notifier) *delivery {
	core, logs := observer.New(zap.DebugLevel)
	d := &delivery{clock: &Clock{now: time.Date(2026, 3, 1, 9, 15, 0, 0, time.UTC)}, logs: logs, reg: prometheus.NewRegistry()}
	d.receiver = notify.NewReceiver(n, notify.Options{
		Name: "test", Attempt: 200 * time.Millisecond, GiveUp: time.Hour, Log: zap.New(core), Registerer: d.reg,
		Now: d.clock.Now, After: d.clock.After,
	})
	return d
}

func (d *delivery) deliver(ctx context.Context) notify.Outcome {
	a, body := Alert()
	return d.receiver.Deliver(ctx, a, body)
}

// count reads the outcome's counter.
func (d *delivery) count(o notify.Outcome) error {
	var want strings.Builder
	want.WriteString("# HELP shrike_notifications_total Alerts by how their delivery ended.\n# TYPE shrike_notifications_total counter\n")
	for _, each := range []notify.Outcome{notify.GaveUp, notify.Rejected, notify.Sent} {
		n := 0
		if each == o {
			n = 1
		}
		fmt.Fprintf(&want, "shrike_notifications_total{outcome=%q,receiver=\"test\"} %d\n", each, n)
	}
	return testutil.GatherAndCompare(d.reg, strings.NewReader(want.String()), "shrike_notifications_total")
}
