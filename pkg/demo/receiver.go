package demo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/notify/webhook"
)

// receiver is a webhook's other end: it checks the signature and keeps the newest revision of each alert.
type receiver struct {
	secret []byte
	fired  func(*alert.Alert) // called once for each alert, when it comes first
	server *http.Server
	at     net.Listener
	done   chan struct{} // closed when the server has ended

	mu       sync.Mutex // guards what follows
	alerts   map[string]alert.Alert
	refusals []error
}

// tolerance is how far a signature's time may be off.
const tolerance = 5 * time.Minute

// newReceiver listens on a free loopback port.
func newReceiver(secret string, fired func(*alert.Alert)) (*receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for alerts: %w", err)
	}
	r := &receiver{secret: []byte(secret), fired: fired, at: l, done: make(chan struct{}), alerts: map[string]alert.Alert{}}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { // ends in close
		defer close(r.done)
		_ = r.server.Serve(l) // always an error: that it was closed
	}()
	return r, nil
}

func (r *receiver) url() string { return "http://" + r.at.Addr().String() + "/alerts" }

func (r *receiver) close() {
	_ = r.server.Close() // nothing to lose any more
	<-r.done
}

// ServeHTTP takes one notification.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(io.LimitReader(req.Body, 8<<20))
	if err == nil {
		err = webhook.Verify(r.secret, req.Header.Get(webhook.SignatureHeader), body, time.Now(), tolerance)
	}
	var a alert.Alert
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	if err == nil && req.Header.Get("Idempotency-Key") != fmt.Sprintf("%s.%d", a.ID, a.Revision) {
		err = errors.New("the header Idempotency-Key does not name the alert")
	}
	if err != nil {
		r.mu.Lock()
		r.refusals = append(r.refusals, err)
		r.mu.Unlock()
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if r.keep(&a) {
		r.fired(&a)
	}
	w.WriteHeader(http.StatusNoContent)
}

// keep reports whether the alert is new.
func (r *receiver) keep(a *alert.Alert) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, known := r.alerts[a.ID]
	if !known || a.Revision > old.Revision {
		r.alerts[a.ID] = *a
	}
	return !known
}

// rules returns the ids of the rules whose alerts came, sorted.
func (r *receiver) rules() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ids []string
	for _, a := range r.alerts {
		ids = append(ids, a.RuleID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// problem returns what was wrong with notifications that were refused.
func (r *receiver) problem() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.refusals) == 0 {
		return nil
	}
	return fmt.Errorf("%d notifications were refused, the first since: %w", len(r.refusals), r.refusals[0])
}
