package rule

import (
	"fmt"
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Baseline holds a group against its own past. Of, or the number of matches, is summed in buckets of event time, which begin
// at multiples of Bucket since 1970 (UTC). A bucket fires where its value is at least AtLeast and above what Above makes of
// the group's earlier buckets within Past; those begin with the first one that has a match, and from there on buckets without
// a match count as 0. It needs Learning of them.
type Baseline struct {
	Of       Key // Field is nil where matches are counted
	Bucket   time.Duration
	Past     time.Duration // a whole number of buckets, MaxPastBuckets and 365 days at most
	Learning time.Duration // at least two buckets, at most Past
	Above    Above
	AtLeast  float64 // in the unit of Of
}

// Above says when a value is above a group's past. Exactly one of Deviations and Quantile is set.
type Above struct {
	Deviations float64 // above the mean and so many standard deviations (of the population: the sum of squares through n)
	Quantile   float64 // above this quantile, from above 0 to 1, …
	Times      float64 // … so many times
}

// MaxPastBuckets bounds the buckets that are remembered of a group.
const MaxPastBuckets = 1000

// maxPast is less than the memory keeps: migrations/0004_baselines.sql.
const maxPast = 365 * 24 * time.Hour

func readBaseline(b *mapping, r *Rule) {
	l := &Baseline{}
	sized := false
	if r.Class == event.Alert {
		b.report(b.at, "", "a baseline is of logs: alerts change and come again, and would be counted twice")
	}
	if n := b.take("of"); n != nil {
		var ok bool
		if l.Of, ok = b.key(n, "of", r.Class); ok && !l.Of.number() {
			b.report(nodePlace(n), "", "baseline adds up numbers, and %s is %s (leave of out to count matches)", l.Of.Name, kindOf(l.Of.Field))
		}
		sized = ok && l.Of.Field.Unit == "bytes"
	}
	l.Bucket = readBucket(b)
	n := b.need("past")
	longest := min(MaxPastBuckets*l.Bucket, maxPast)
	if l.Past = b.duration(n, "past", 0); n != nil && l.Bucket > 0 && (l.Past%l.Bucket != 0 || l.Past < 2*l.Bucket || l.Past > longest) {
		b.report(nodePlace(n), "", "past must be a whole number of buckets, from 2 to %d and no longer than %s: with bucket %s at most %s",
			MaxPastBuckets, FormatDuration(maxPast), FormatDuration(l.Bucket), FormatDuration(longest))
		l.Past = 0
	}
	n = b.need("learning")
	if l.Learning = b.duration(n, "learning", 0); n != nil && l.Past > 0 && (l.Learning < 2*l.Bucket || l.Learning > l.Past) {
		b.report(nodePlace(n), "", "learning must be from two buckets to past: from %s to %s", FormatDuration(2*l.Bucket), FormatDuration(l.Past))
	}
	l.Above = readAbove(b)
	l.AtLeast = b.amount(b.need("at_least"), "at_least", sized)
	r.Baseline = l
}

// readBucket reads how long the stretches of event time are that a kind looks at; 0 when it cannot.
func readBucket(b *mapping) time.Duration {
	n := b.need("bucket")
	d := b.duration(n, "bucket", time.Minute)
	if d%time.Second != 0 || d > 7*24*time.Hour {
		b.report(nodePlace(n), "", "bucket must be whole seconds, from 1m to 7d")
		return 0
	}
	return d
}

func readAbove(b *mapping) Above {
	var a Above
	n := b.need("above")
	if n == nil {
		return a
	}
	m, ok := b.mapping(n, "above")
	if !ok {
		return a
	}
	switch {
	case m.has("deviations") == m.has("quantile"):
		m.report(nodePlace(n), "", "above has either deviations (such as 4) or quantile and times (such as 0.99 and 3)")
		return a
	case m.has("deviations"):
		a.Deviations = m.amount(m.take("deviations"), "deviations", false)
	default:
		q := m.take("quantile")
		if a.Quantile = m.amount(q, "quantile", false); a.Quantile > 1 {
			m.report(nodePlace(q), "", "quantile must be from above 0 to 1, such as 0.99")
		}
		a.Times = m.amount(m.need("times"), "times", false)
	}
	m.done()
	return a
}

// FormatDuration writes d as rules do: 1d12h, 30m. It is the inverse of ParseDuration for whole milliseconds.
func FormatDuration(d time.Duration) string {
	var b strings.Builder
	for _, u := range []string{"d", "h", "m", "s", "ms"} {
		if n := d / durationUnits[u]; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u)
			d %= durationUnits[u]
		}
	}
	if b.Len() == 0 {
		return "0s"
	}
	return b.String()
}

// identify writes what decides which alert a baseline's match belongs to, and which memory is its own: other learning or
// bounds are the same rule over the same buckets.
func (l *Baseline) identify(b *strings.Builder) {
	fmt.Fprintf(b, "baseline\x00%s\x00%d", l.Of.Name, l.Bucket)
}
