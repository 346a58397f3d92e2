package web

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
	"github.com/shrike-sec/shrike/pkg/store"
)

// AlertQuery says which alerts to read.
type AlertQuery = store.AlertQuery

// Alerts reads stored alerts, newest first.
type Alerts interface {
	Alerts(ctx context.Context, q AlertQuery) ([]alert.Alert, error)
}

// Rows is the result of a hunt. Values are what encoding/json writes as people expect.
type Rows struct {
	Columns   []string `json:"columns"`
	Rows      [][]any  `json:"rows"`
	Truncated bool     `json:"truncated"` // there were more rows than the limit
}

// Hunter runs SQL that can only read, within limits of its own. ErrQuery wraps what is wrong with the query itself.
type Hunter interface {
	Hunt(ctx context.Context, sql string, params map[string]string) (*Rows, error)
}

// ErrQuery is what a Hunter wraps when the query is at fault and not the database.
var ErrQuery = store.ErrQuery

// Options is what the API and the console need. All are required but Hosts and Hunts.
type Options struct {
	Token      string
	Loopback   bool     // the address is a loopback one: names other than Hosts are refused
	Hosts      []string // names besides localhost
	Health     *Health
	Alerts     Alerts
	Hunter     Hunter
	Status     func(context.Context) (*Status, error)
	Rules      func() *rule.Set // those in force
	Hunts      []Hunt
	Log        *zap.Logger
	Registerer prometheus.Registerer
}

// maxBody is the longest request body in bytes: a query or a form.
const maxBody = 256 << 10

type server struct {
	Options
	metrics *metrics
}

// New returns the handler of the API and the console. It panics on an empty token: that would let everybody in.
func New(o Options) http.Handler {
	if o.Token == "" {
		panic("BUG: web.New without token")
	}
	s := &server{Options: o, metrics: newMetrics(o.Registerer)}
	mux := http.NewServeMux()
	addHealth(mux, o.Health)
	s.api(mux)
	s.console(mux)
	guarded := http.NewCrossOriginProtection().Handler(mux)
	return secure(onlyHosts(o.Loopback, o.Hosts, http.MaxBytesHandler(guarded, maxBody)))
}

func (s *server) api(mux *http.ServeMux) {
	for route, handle := range map[string]http.HandlerFunc{
		"GET /api/v1/alerts":      s.listAlerts,
		"GET /api/v1/alerts/{id}": s.showAlert,
		"POST /api/v1/hunt":       s.hunt,
		"GET /api/v1/hunts":       s.listHunts,
		"GET /api/v1/status":      s.status,
		"GET /api/v1/rules":       s.listRules,
	} {
		mux.Handle(route, s.metrics.count(route, s.private(handle, refuse)))
	}
}

// private lets requests with token or session through; the others get what refused writes.
func (s *server) private(next http.HandlerFunc, refused func(http.ResponseWriter)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if allowed(r, s.Token) {
			next(w, r)
			return
		}
		refused(w)
	})
}
