package correlate

import (
	"slices"
	"unsafe"

	"github.com/shrike-sec/shrike/pkg/alert"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// reached is when an open alert reached each of the severities that its rule gives: at its earliest end, or where no event so
// severe takes part until later, at that. Both times only ever fall when events are added, so they depend on which events
// there are and not on how they came; what has been told of them may have been a later time.
type reached struct {
	fired  int64   // the earliest end
	levels []level // lowest rank first
}

type level struct {
	rank     int8
	since    int64 // the earliest event as severe that takes part
	revision int64 // the first that told of it; 0: none has
}

const levelBytes = int64(unsafe.Sizeof(level{}))

// ranks returns the ranks of the severities that a rule gives, lowest first.
func ranks(r *rule.Rule) []int8 {
	var out []int8
	for _, word := range r.Severity.Words() {
		if n := rule.SeverityRank(word); n >= 0 {
			out = append(out, int8(n))
		}
	}
	return out
}

// note says that an event takes part, or several of one time of which rank is the most severe.
func (r *reached) note(ranks []int8, rank int8, t int64) {
	for _, n := range ranks {
		if n > rank {
			return
		}
		i, found := slices.BinarySearchFunc(r.levels, n, func(l level, n int8) int { return int(l.rank) - int(n) })
		if !found {
			r.levels = slices.Insert(r.levels, i, level{rank: n, since: t})
		}
		r.levels[i].since = min(r.levels[i].since, t)
	}
}

// tell returns what the revision says; first is the alert's first event time.
func (r *reached) tell(first, revision int64) []alert.Reached {
	var out []alert.Reached
	for i := range r.levels {
		l := &r.levels[i]
		if l.revision == 0 {
			l.revision = revision
		}
		at := max(r.fired, l.since, first) // times are those of buckets, which begin before their events
		out = append(out, alert.Reached{Severity: rule.SeverityWord(l.rank), EventTime: utc(at), Revision: l.revision})
	}
	return out
}

// atOnce is reached for an alert that does not grow: it is what one event, or one moment, made it.
func atOnce(r *rule.Rule, rank int8, t, revision int64) []alert.Reached {
	one := reached{fired: t}
	one.note(ranks(r), rank, t)
	return one.tell(t, revision)
}
