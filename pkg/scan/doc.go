// Package scan runs rules over files in one process, without Kafka and without ClickHouse, through the same format,
// match and correlate packages as the services: for incident response on an exported trail, and for trying rules.
//
// Files enter as Inputs; Reader turns them into events and dead letters (`shrike parse` is that alone), Run takes the
// events through the rules, on all CPUs (part.go), and returns a Report. Memory does not grow with the input: what is kept
// is correlate's bounded state and the alerts. There is no clock and no output here; the command line prints. Start
// reading at Run.
package scan
