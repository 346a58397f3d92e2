package web

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct{ requests *prometheus.CounterVec }

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "shrike_api_requests_total", Help: "Requests to the API and the console.",
	}, []string{"route", "status"})}
	reg.MustRegister(m.requests)
	return m
}

// count wraps the handler of one route. Routes are patterns of ours and statuses classes, so that no request can make
// a new series.
func (m *metrics) count(route string, next http.Handler) http.Handler {
	classes := map[int]prometheus.Counter{}
	for class, name := range map[int]string{2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"} {
		classes[class] = m.requests.WithLabelValues(route, name)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(s, r)
		if c, ok := classes[s.status/100]; ok {
			c.Inc()
		}
	})
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (s *statusWriter) Unwrap() http.ResponseWriter { return s.ResponseWriter }
