package notifytest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/shrike-sec/shrike/pkg/notify"
)

// Run runs the suite.
func Run(t *testing.T, mk Make) {
	t.Helper()
	t.Run("answers", func(t *testing.T) { answers(t, mk) })
	t.Run("redirect to another host", func(t *testing.T) { otherHost(t, mk) })
	t.Run("nobody there", func(t *testing.T) { nobody(t, mk) })
	t.Run("context ends", func(t *testing.T) { interrupted(t, mk) })
	t.Run("TLS", func(t *testing.T) { overTLS(t, mk) })
}

func answers(t *testing.T, mk Make) {
	ok := Status(http.StatusOK)
	for name, c := range map[string]struct {
		handlers []http.HandlerFunc
		want     notify.Outcome
		requests int
		pause    time.Duration // the least before the second attempt
	}{
		"200":                       {[]http.HandlerFunc{ok}, notify.Sent, 1, 0},
		"204":                       {[]http.HandlerFunc{Status(http.StatusNoContent)}, notify.Sent, 1, 0},
		"500, then 200":             {[]http.HandlerFunc{Status(500), ok}, notify.Sent, 2, 1},
		"429 with Retry-After":      {[]http.HandlerFunc{Status(429, "Retry-After", "70"), ok}, notify.Sent, 2, 70 * time.Second},
		"503 with a date":           {[]http.HandlerFunc{Status(503, "Retry-After", "Sun, 01 Mar 2026 09:16:10 GMT"), ok}, notify.Sent, 2, 70 * time.Second},
		"408":                       {[]http.HandlerFunc{Status(408), ok}, notify.Sent, 2, 1},
		"400":                       {[]http.HandlerFunc{Status(400), ok}, notify.Rejected, 1, 0},
		"401":                       {[]http.HandlerFunc{Status(401), ok}, notify.Rejected, 1, 0},
		"404 after 502":             {[]http.HandlerFunc{Status(502), Status(404), ok}, notify.Rejected, 2, 1},
		"always 500":                {[]http.HandlerFunc{Status(500)}, notify.GaveUp, -1, 1},
		"no answer in time":         {[]http.HandlerFunc{hang, ok}, notify.Sent, 2, 1},
		"connection closed":         {[]http.HandlerFunc{breakOff, ok}, notify.Sent, 2, 1},
		"redirect within the host":  {[]http.HandlerFunc{Status(307, "Location", "/there"), ok}, notify.Sent, 2, 0},
		"redirect without the body": {[]http.HandlerFunc{Status(302, "Location", "/there"), ok}, notify.Rejected, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewServer(t, c.handlers...)
			d := newDelivery(mk(t, s.URL+"/secret-path", nil))
			if got := d.deliver(t.Context()); got != c.want {
				t.Errorf("delivery ended as %s, want %s", got, c.want)
			}
			requests := s.Requests()
			if len(requests) != c.requests && c.requests >= 0 {
				t.Errorf("%d requests, want %d", len(requests), c.requests)
			}
			for _, r := range requests {
				if r.Method != http.MethodPost || len(r.Body) == 0 || string(r.Body) != string(requests[0].Body) {
					t.Errorf("request %s with %d bytes, want the same POST each time", r.Method, len(r.Body))
				}
			}
			d.check(t, c.want, c.pause)
		})
	}
}

// check looks at pauses, metrics, the last success and the log.
func (d *delivery) check(t *testing.T, want notify.Outcome, pause time.Duration) {
	t.Helper()
	if pause > 0 && (len(d.clock.Pauses) == 0 || d.clock.Pauses[0] < pause) {
		t.Errorf("pauses %v, want the first at least %v", d.clock.Pauses, pause)
	}
	if want == notify.GaveUp {
		var all time.Duration
		for _, p := range d.clock.Pauses {
			all += p
		}
		if all > time.Hour || all < 50*time.Minute {
			t.Errorf("gave up after %v, want nearly an hour", all)
		}
	}
	if err := d.count(want); err != nil {
		t.Error(err)
	}
	for _, e := range d.logs.All() {
		for _, f := range e.ContextMap() {
			if text, ok := f.(string); ok && strings.Contains(text, "secret-path") {
				t.Errorf("the log shows the URL: %s", text)
			}
		}
	}
}

func otherHost(t *testing.T, mk Make) {
	other := NewServer(t, Status(http.StatusOK))
	s := NewServer(t, Status(http.StatusTemporaryRedirect, "Location", other.URL))
	d := newDelivery(mk(t, s.URL, nil))
	if got := d.deliver(t.Context()); got != notify.Rejected {
		t.Errorf("delivery ended as %s, want rejected", got)
	}
	if n := len(other.Requests()); n != 0 {
		t.Errorf("the other host got %d requests", n)
	}
}

func nobody(t *testing.T, mk Make) {
	s := httptest.NewServer(Status(http.StatusOK))
	s.Close()
	d := newDelivery(mk(t, s.URL+"/secret-path", nil))
	if got := d.deliver(t.Context()); got != notify.GaveUp {
		t.Errorf("delivery ended as %s, want gave_up", got)
	}
	d.check(t, notify.GaveUp, 1)
}

func interrupted(t *testing.T, mk Make) {
	ctx, cancel := context.WithCancel(t.Context())
	s := NewServer(t, func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	d := newDelivery(mk(t, s.URL, nil))
	if got := d.deliver(ctx); got != notify.Interrupted {
		t.Errorf("delivery ended as %s, want interrupted", got)
	}
	if err := d.count(notify.Interrupted); err != nil {
		t.Error(err)
	}
}

func overTLS(t *testing.T, mk Make) {
	s := &Server{handlers: []http.HandlerFunc{Status(http.StatusOK)}}
	s.Server = httptest.NewUnstartedServer(s)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of every refused handshake
	s.StartTLS()
	t.Cleanup(s.Close)
	d := newDelivery(mk(t, s.URL, nil))
	if got := d.deliver(t.Context()); got != notify.GaveUp || len(s.Requests()) > 0 {
		t.Errorf("delivery to a server of an unknown authority ended as %s with %d requests", got, len(s.Requests()))
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	n := mk(t, s.URL, &tls.Config{RootCAs: roots})
	if n == nil {
		return
	}
	if got := newDelivery(n).deliver(t.Context()); got != notify.Sent {
		t.Errorf("delivery to a server of a known authority ended as %s", got)
	}
}
