// Package correlate turns signals into alerts.
//
// An Engine owns one shard. It is single-threaded and has no clock, no logger and no I/O: frames and their offsets come
// in through Apply, alerts and rows of long memory go out in its Result, and event time is the only time there is. What
// comes out does not depend on the order in which frames arrive, nor on how events were cut into them:
//
//   - A firing end is the time e of a signal where the rule's condition holds over (e−W, e]. An arrival at t re-evaluates
//     the ends in [t, t+W), and since conditions only ever become true when events are added, so do ends.
//
//   - An alert is one rule, one group key and one period floor(e/D), D being the longer of window and dedup. Its id is the
//     hash of these; its count, times, severity and samples are those of the events in (e−W, e] over its firing ends.
//
//   - Of a sequence, e is the time of an event that completes a match, and what counts are the events that take part in one
//     (package sequence has the definition). Where the sequence has unless steps, a later event could take an end away: such
//     ends are decided once the watermark has passed what is forbidden, or at Finish, and stay decided. An event that comes
//     later than the watermark said can still add, and no longer forbid.
//
//   - A bucket of a baseline is closed when the watermark has passed its end by a grace (a quarter of the bucket, Lateness at
//     most). It is then held against the group's earlier buckets (package baseline says exactly how), given out as a row of
//     memory (Bucket), once, and part of the past from then on. What comes for a closed bucket is late: counted, and no more.
//     An alert is the buckets of a period that fired; a bucket belongs to the period that it begins in.
//
//   - A bucket of an average is closed likewise, and holds by itself (package average). Nothing of it is remembered: a restart
//     replays the signals of open buckets and, as with windows, of the alerts that may still grow.
//
//   - A silence is decided when time has passed its end by the same grace, and told once; the group then is unknown until it is
//     seen again. An event that comes when its own silence would have been decided is late, and no sign of life: so history that
//     is played back into a live system neither revives a group nor tells of silences long past. Time is the watermark, or
//     while all origins are idle what it had come to, less Lateness, and gone on at the pace of their clocks, for as long as they
//     are heard: event time stands still just when nothing comes any more. The clock decides silences and nothing else. A silence
//     that shows only after Forget is not told.
//
//   - Of first_seen, the order in which signals are taken decides. What happens now is taken as it comes. History, and what is
//     ahead of a partition that still works off a backlog, goes by event time: it waits until every origin has spoken a second
//     later than it came and none is an hour behind it; five minutes at most, and what happens now does not wait for a partition
//     that has been behind for as long (early). The offset it came at is its revision.
//
// The watermark is what the slowest origin had said when all have spoken a second later (origins.reach): of origins that were
// idle and are sent something at once, the first to speak may be far ahead of the others. An origin of which nothing was heard for
// an hour, while others spoke, holds time no longer (origins.silent); Stats and Progress say who does.
//
// What baselines, averages and silences decide they decide once, which is harder to keep up over a restart than what can be worked out
// again. So whoever commits an offset keeps the engine's Progress with it: how far time had come, and from which offset the signals of
// open buckets and unfinished silences are to be replayed. Frames below that offset then only rebuild state (Resume). Baselines
// wait for their memory (Remember, Recall): their buckets are closed meanwhile and evaluated when it is there, as of the
// offsets that closed them.
//
// Reload goes on with other rules between two frames: a rule whose hash is the same keeps its state.
//
// Rules over alerts are like all others, but for three things: their matches are never combined, and one that comes again is
// known by its event's id (group.again); and their time is what the watermark was AlertDelay ago, since alerts are behind it
// (origins.hear). A baseline of alerts is the exception to the second: its buckets count an alert that is told again twice.
//
// State is bounded per rule; what is over the bound goes out stalest first and is counted. There is one folder a kind:
// threshold, distinct and sum say when a window holds (Window), sequence where one is complete, firstseen is a memory, baseline
// says what is above a past, average what is past a limit, absence where silences begin; match needs none.
//
// Start at Engine.Apply, then group.go (windows and periods), state.go (the bounds), render.go (the alert's words). Sequences
// are in sequences.go, those that wait in sequencewait.go, and those whose steps do not say whole which group they are in
// rooms.go. What looks at whole buckets is in bucketed.go, baselines in baselines.go and baselineclose.go, averages in
// averages.go, absences in absences.go, what a restart needs in progress.go.
package correlate
