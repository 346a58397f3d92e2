package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// checkWithin bounds each readiness check: an answer must come before the asker gives up.
const checkWithin = 3 * time.Second

// Health collects what must be well for the process to be ready. It is safe for concurrent use.
type Health struct {
	mu     sync.Mutex // guards the lists
	checks []check
	notes  []note
}

// note is something to know about a process that is no reason for or against its being ready.
type note struct {
	name string
	say  func() string
}

type check struct {
	name string
	ok   func(context.Context) error
}

// Add adds a check. The name says what is checked, "kafka"; ok must respect its context.
func (h *Health) Add(name string, ok func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, check{name, ok})
}

// Note adds a line that says how something is. It decides nothing.
func (h *Health) Note(name string, say func() string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, note{name, say})
}

// Notes returns the lines of notes, "name: text".
func (h *Health) Notes() []string {
	h.mu.Lock()
	notes := h.notes
	h.mu.Unlock()
	var lines []string
	for _, n := range notes {
		lines = append(lines, n.name+": "+n.say())
	}
	return lines
}

// Result is the outcome of one check.
type Result struct {
	Name string
	Err  error // nil when it is well
}

// Check runs all checks at once and returns their outcomes in the order in which they were added.
func (h *Health) Check(ctx context.Context) []Result {
	h.mu.Lock()
	checks := h.checks
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	results := make([]Result, len(checks))
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() { results[i] = Result{c.name, c.ok(ctx)} })
	}
	all.Wait()
	return results
}

// OpsOptions is what the operations endpoints need.
type OpsOptions struct {
	Health   *Health
	Gatherer prometheus.Gatherer
	Token    string   // for /metrics; "" lets everybody in, which is for loopback addresses only
	Loopback bool     // the address is a loopback one: names other than Hosts are refused
	Hosts    []string // names besides localhost
	Rules    func() *RulesStatus
}

// NewOps returns the handler of /healthz (the process answers), /readyz (and all checks are well), /rules (how the rules in
// force are, as JSON) and /metrics.
func NewOps(o OpsOptions) http.Handler {
	mux := http.NewServeMux()
	addHealth(mux, o.Health)
	mux.HandleFunc("GET /rules", func(w http.ResponseWriter, _ *http.Request) {
		s := *o.Rules()
		s.Problem = "" // as in RulesStatus.String
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s) // who asked may have gone
	})
	metrics := promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{})
	mux.Handle("GET /metrics", bearer(o.Token, metrics))
	return secure(onlyHosts(o.Loopback, o.Hosts, mux))
}

func addHealth(mux *http.ServeMux, h *Health) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		status, text := http.StatusOK, strings.Builder{}
		for _, c := range h.Check(r.Context()) {
			if c.Err != nil {
				status = http.StatusServiceUnavailable
				fmt.Fprintf(&text, "%s: %v\n", c.Name, c.Err)
			} else {
				fmt.Fprintf(&text, "%s: ok\n", c.Name)
			}
		}
		for _, line := range h.Notes() {
			fmt.Fprintln(&text, line)
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text.String()))
	})
}
