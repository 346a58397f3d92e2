// Package correlate turns signals into alerts.
//
// An Engine owns one shard. It is single-threaded and has no clock, no logger and no I/O: frames and their offsets come
// in through Apply, alerts and rows of long memory go out in its Result, and event time is the only time there is. What
// comes out does not depend on the order in which frames arrive, nor on how events were cut into them:
//
//   - A firing end is the time e of a signal where the rule's condition holds over (e−W, e]. An arrival at t re-evaluates
//     the ends in [t, t+W), and since conditions only ever become true when events are added, so do ends.
//   - An alert is one rule, one group key and one period floor(e/D), D being the longer of window and dedup. Its id is the
//     hash of these; its count, times, severity and samples are those of the events in (e−W, e] over its firing ends.
//   - Of a sequence, e is the time of an event that completes a match, and what counts are the events that take part in one
//     (package sequence has the definition). Where the sequence has unless steps, a later event could take an end away: such
//     ends are decided once the watermark has passed what is forbidden, or at Finish, and stay decided. That is the one place
//     where an event that comes later than the watermark said makes a difference: it can still add, and no longer forbid.
//
// Reload goes on with other rules between two frames: a rule whose hash is the same keeps its state.
//
// Rules over alerts are like all others, but for three things: their matches are never combined, and one that comes again is
// known by its event's id (group.again); and their time is what the watermark was AlertDelay ago, since alerts are behind it
// (origins.hear). A baseline of alerts is the exception to the second: its buckets count an alert that is told again twice.
//
// State is bounded per rule; what is over the bound goes out stalest first and is counted. There is one folder a kind:
// threshold, distinct and sum say when a window holds (Window), sequence where one is complete, firstseen is a memory; match
// needs none.
//
// Start at Engine.Apply, then group.go (windows and periods), then render.go (the alert's words). Sequences are in
// sequences.go, those that wait in sequencewait.go, and those whose steps do not say whole which group they are in rooms.go.
package correlate
