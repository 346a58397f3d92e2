package http

import (
	nethttp "net/http"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	requests      *prometheus.CounterVec // reason
	bytes         prometheus.Counter
	disagreements prometheus.Counter
}

// reasons names the statuses of answers, a closed set.
func reasons() map[int]string {
	return map[int]string{
		nethttp.StatusOK: "ok", nethttp.StatusBadRequest: "broken_off", nethttp.StatusUnauthorized: "token",
		nethttp.StatusNotFound: "format", nethttp.StatusMethodNotAllowed: "method",
		nethttp.StatusRequestEntityTooLarge: "too_large", nethttp.StatusUnsupportedMediaType: "encoding",
		nethttp.StatusTooManyRequests: "overloaded", nethttp.StatusServiceUnavailable: "sink",
	}
}

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "shrike_http_requests_total", Help: "Ingest requests by how they were answered.",
		}, []string{"reason"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "shrike_http_bytes_total", Help: "Bytes of request bodies, uncompressed, that were cut into records.",
		}),
		disagreements: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "shrike_http_disagreements_total", Help: "Records whose content says another format than the request.",
		}),
	}
	for _, r := range reasons() {
		m.requests.WithLabelValues(r)
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.bytes, m.disagreements)
	}
	return m
}

func (m *metrics) count(status int) { m.requests.WithLabelValues(reasons()[status]).Inc() }
