package pipeline

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/shrike-sec/shrike/pkg/rule"
)

// costSample says of how many events detect measures one: reading the clock twice takes longer than evaluating a rule, so
// measuring all would double the work. A prime, so that no rhythm of the traffic is always or never looked at.
const costSample = 61

// newProfiler makes what measures the rules for one goroutine.
func newProfiler(set *rule.Set) *rule.Profiler {
	start := time.Now()
	return rule.NewProfiler(set, rule.ProfileOptions{Now: func() time.Duration { return time.Since(start) }, Every: costSample})
}

// costMetrics counts what each rule costs detect.
type costMetrics struct {
	evaluations, seconds *prometheus.CounterVec // rule
}

func newCostMetrics(reg prometheus.Registerer, set *rule.Set) *costMetrics {
	return &costMetrics{
		evaluations: counters(reg, "shrike_rule_evaluations_total", "Events that a rule's condition was tried on, estimated from samples.", "rule", ruleIDs(set)...),
		seconds:     counters(reg, "shrike_rule_seconds_total", "Time that a rule's condition took, in seconds, estimated from samples.", "rule", ruleIDs(set)...),
	}
}

func (m *costMetrics) add(c rule.Cost) {
	m.evaluations.WithLabelValues(c.Rule.ID).Add(float64(c.Evaluations))
	m.seconds.WithLabelValues(c.Rule.ID).Add(c.Time.Seconds())
}

// ruleGauge makes a vector of gauges by rule and shard; its series come with the rules that keep state.
func ruleGauge(reg prometheus.Registerer, name, help string) *prometheus.GaugeVec {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"rule", "shard"})
	reg.MustRegister(g)
	return g
}
