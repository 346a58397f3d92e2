// Package telemetry sets up what tells people how Shrike itself is: its log, its metrics registry, its version.
//
// It holds no state: callers get a logger and a registry and hand them on. It knows nothing of stages; each package
// declares its own metrics. Metrics made here: shrike_build_info (version, revision and Go version as labels, always 1)
// and the Go runtime's and the process's own, as client_golang names them.
package telemetry
