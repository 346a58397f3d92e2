package ruleset

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shrike-sec/shrike/pkg/rule"
)

type metrics struct {
	reloads        *prometheus.CounterVec // outcome
	rules          *prometheus.GaugeVec   // mode
	exceptions     prometheus.Gauge
	loaded, broken prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "shrike_rules_reload_total", Help: "Times that the files of rules were read again.",
		}, []string{"outcome"}),
		rules: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "shrike_rules_loaded", Help: "Rules in force, by mode.",
		}, []string{"mode"}),
		exceptions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "shrike_exceptions_loaded", Help: "Exceptions from rules in force, expired ones included.",
		}),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "shrike_rules_loaded_timestamp_seconds", Help: "When the rules in force were loaded, in seconds since 1970.",
		}),
		broken: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "shrike_rules_broken", Help: "1 while the files of rules do not load and those of before stay in force.",
		}),
	}
	for _, outcome := range []string{"changed", "unchanged", "broken"} {
		m.reloads.WithLabelValues(outcome)
	}
	reg.MustRegister(m.reloads, m.rules, m.exceptions, m.loaded, m.broken)
	return m
}

func (m *metrics) take(set *rule.Set, now time.Time) {
	count := map[rule.Mode]int{rule.Live: 0, rule.DryRun: 0, rule.Off: 0}
	for _, r := range set.Rules() {
		count[r.Mode]++
	}
	for mode, n := range count {
		m.rules.WithLabelValues(string(mode)).Set(float64(n))
	}
	m.exceptions.Set(float64(len(set.Exceptions())))
	m.loaded.Set(float64(now.UnixMilli()) / 1000)
	m.broken.Set(0)
}
