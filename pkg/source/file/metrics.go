package file

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	bytes         prometheus.Counter
	errors        prometheus.Counter
	disagreements prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, source string) metrics {
	m := metrics{
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "shrike_file_bytes_total", Help: "Bytes of files, uncompressed, whose records the sink has taken.",
		}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "shrike_file_errors_total", Help: "Files that could not be looked at or read, each time they were tried.",
		}),
		disagreements: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "shrike_file_disagreements_total", Help: "Records whose content says another format than the source's configuration or the file's name.",
		}),
	}
	if reg != nil {
		prometheus.WrapRegistererWith(prometheus.Labels{"source": source}, reg).MustRegister(m.bytes, m.errors, m.disagreements)
	}
	return m
}
