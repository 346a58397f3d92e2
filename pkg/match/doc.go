// Package match holds events against rules: a batch of events in, signals out.
//
// It is stateless from range to range: the same events give the same signals, so that a replayed range cuts the same
// frames. Events come from format, rules from rule; signals go through bus to correlate. No clock, no logger. Start at
// Signal, then matcher.go.
package match
