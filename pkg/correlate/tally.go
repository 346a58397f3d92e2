package correlate

import (
	"encoding/binary"

	"github.com/shrike-sec/shrike/pkg/match"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// tally is what adds up of matches: of one point, or of all that an alert covers. Adding is commutative and associative.
type tally struct {
	count       uint64
	first, last int64 // event time, Unix nanoseconds
	samples     evidence
	severity    int8 // rank
}

func newTally(s *match.Signal, n *names) tally {
	t := tally{count: s.Count, first: s.First, last: s.Last, samples: n.pack(s.Key, s.Samples), severity: int8(rule.SeverityRank(s.Severity))}
	if t.first == 0 {
		t.first = s.Time
	}
	if t.last == 0 {
		t.last = s.Time
	}
	return t
}

func (t *tally) add(o *tally) {
	if t.count == 0 {
		*t = *o
		return
	}
	t.count += o.count
	t.first, t.last = min(t.first, o.first), max(t.last, o.last)
	t.severity = max(t.severity, o.severity)
	t.samples = t.samples.merge(o.samples)
}

// floorDiv is t/step rounded down, also below zero.
func floorDiv(t, step int64) int64 {
	q := t / step
	if t%step < 0 {
		q--
	}
	return q
}

// packKey appends the values with their lengths: no value can pass for two.
func packKey(b []byte, key []string) []byte {
	for _, v := range key {
		b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
	}
	return b
}

func unpackKey(s string) []string {
	var key []string
	for s != "" {
		var v string
		v, s = cutText(s)
		key = append(key, v)
	}
	return key
}
