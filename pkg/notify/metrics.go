package notify

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	outcomes *prometheus.CounterVec
	attempts prometheus.Counter
}

// newMetrics registers a receiver's counters; its name is a constant label, because several share the names.
func newMetrics(reg prometheus.Registerer, receiver string) metrics {
	m := metrics{
		outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "shrike_notifications_total", Help: "Alerts by how their delivery ended.",
		}, []string{"outcome"}),
		attempts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "shrike_notification_attempts_total", Help: "Attempts to deliver an alert.",
		}),
	}
	for _, o := range []Outcome{Sent, Rejected, GaveUp} {
		m.outcomes.WithLabelValues(string(o))
	}
	if reg != nil {
		prometheus.WrapRegistererWith(prometheus.Labels{"receiver": receiver}, reg).MustRegister(m.outcomes, m.attempts)
	}
	return m
}
