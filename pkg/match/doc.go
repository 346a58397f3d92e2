// Package match holds events against rules: a batch of events in, signals out.
//
// It is stateless from range to range: the same events in the same order give the same signals, so that a replayed
// range cuts the same frames. Within a range, matches of one rule, group key and time bucket are combined where the
// kind counts, which keeps a flood small; an event delivered twice within the range (same UID) counts once, while
// deliveries further apart are the pipeline's to meet. Events come from format, rules from rule; signals travel in
// frames (frame.go) through bus to correlate. No clock, no logger, no I/O.
//
// Alerts come in through Matcher.Alert and are matched as events of class alert; a path with [] makes several signals of one
// event (elements.go).
//
// Start at Signal, then Matcher, then Encode and Assembler.
package match
