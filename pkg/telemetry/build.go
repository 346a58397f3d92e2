package telemetry

import (
	"runtime/debug"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Build says what this binary was made of.
type Build struct {
	Version  string // module version, "devel" for a build from a working copy
	Revision string // commit, first 12 digits; "" when the build did not know
	Modified bool   // the working copy had changes
	Time     string // of the commit, RFC 3339; "" when the build did not know
	Go       string // "go1.26.8"
}

// ReadBuild reads it from the binary itself.
func ReadBuild() Build {
	b := Build{Version: "devel"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Go = info.GoVersion
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			b.Modified = s.Value == "true"
		case "vcs.time":
			b.Time = s.Value
		}
	}
	return b
}

// String is the build in one line.
func (b Build) String() string {
	parts := []string{"shrike", b.Version}
	if b.Revision != "" {
		rev := b.Revision
		if b.Modified {
			rev += "+changes"
		}
		parts = append(parts, rev)
	}
	if b.Time != "" {
		parts = append(parts, b.Time)
	}
	return strings.Join(append(parts, b.Go), " ")
}

// NewRegistry returns a registry that holds the process's, the runtime's and the build's metrics.
func NewRegistry() *prometheus.Registry {
	b := ReadBuild()
	reg := prometheus.NewRegistry()
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "shrike_build_info", Help: "Always 1; the labels say what this binary was made of.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "go_version": b.Go},
	})
	info.Set(1)
	reg.MustRegister(info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}
