package trail

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	files    prometheus.Counter
	digests  prometheus.Counter
	problems prometheus.Counter
	unjudged prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, source string) metrics {
	m := metrics{
		files: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "shrike_trail_files_total", Help: "Files named like CloudTrail's that were read, digests among them.",
		}),
		digests: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "shrike_trail_digests_total", Help: "Digests of CloudTrail that were taken.",
		}),
		problems: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "shrike_trail_problems_total", Help: "Files and digests of trails that are missing, changed or forged, and gaps between digests.",
		}),
		unjudged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "shrike_trail_unjudged_total", Help: "Files named by digests of which nobody can say whether they were there: they came before Shrike looked, or too many to remember.",
		}),
	}
	if reg != nil {
		prometheus.WrapRegistererWith(prometheus.Labels{"source": source}, reg).MustRegister(m.files, m.digests, m.problems, m.unjudged)
	}
	return m
}
