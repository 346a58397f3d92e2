package rule

import (
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/shrike-sec/shrike/pkg/event"
)

// Average holds the mean, or a quantile, of a number over a group's matches in a bucket of event time against a limit. Buckets
// begin at multiples of Bucket since 1970 (UTC). It rises and falls with each match, so that it is decided when the bucket is
// over. A match without the number is none.
//
// The quantile is the smallest of the numbers that at least Quantile·n of the n do not exceed: definition 1 of Hyndman and
// Fan, "Sample Quantiles in Statistical Packages", The American Statistician 50 (1996). Whether it is past a limit follows from
// how many of the numbers are, so that no number has to be kept.
type Average struct {
	Of       Key
	Quantile float64 // from above 0 to 1; 0: the mean
	Limit    Limit
	Count    uint64 // how many matches the bucket must have, 1 at least
	Bucket   time.Duration
}

// AverageGrain is what the numbers of a mean are taken as multiples of: so they add up to the same in any order, fractions as long as
// the sum is below 2^33, whole numbers below 2^53. A mean is that far off its limit, or it is at the limit.
const AverageGrain = 1.0 / (1 << 20)

// Limit is a bound of a number, in the number's unit.
type Limit struct {
	Bound Bound
	Value float64
}

// Bound says on which side of a limit a number is past it.
type Bound string

// The bounds, as rules name them.
const (
	AtLeast Bound = "at_least"
	AtMost  Bound = "at_most"
	Over    Bound = "above"
	Under   Bound = "below"
)

// Past reports whether v is past the limit.
func (l Limit) Past(v float64) bool {
	switch l.Bound {
	case Over:
		return v > l.Value
	case AtLeast:
		return v >= l.Value
	case Under:
		return v < l.Value
	}
	return v <= l.Value
}

// Low reports whether small numbers are past the limit.
func (l Limit) Low() bool { return l.Bound == Under || l.Bound == AtMost }

func readAverage(b *mapping, r *Rule) {
	a := &Average{Count: 1}
	if r.Class == event.Alert {
		b.report(b.at, "", "an average is of logs: alerts change and come again, and would be counted twice")
	}
	n := b.need("of")
	var ok bool
	if a.Of, ok = b.key(n, "of", r.Class); ok {
		switch {
		case !a.Of.number():
			b.report(nodePlace(n), "", "average is of numbers, and %s is %s", a.Of.Name, kindOf(a.Of.Field))
		case a.Of.Several():
			b.report(nodePlace(n), "", "average is of one number a match, and %s may be several", a.Of.Name)
		}
	}
	if q := b.take("quantile"); q != nil {
		if a.Quantile = b.amount(q, "quantile", false); a.Quantile > 1 {
			b.report(nodePlace(q), "", "quantile must be from above 0 to 1, such as 0.95")
		}
	}
	a.Limit = readLimit(b, ok && a.Of.Field.Unit == "bytes")
	if n := b.take("count"); n != nil {
		a.Count = b.count(n, "count")
	}
	a.Bucket = readBucket(b)
	r.Average = a
}

// readLimit reads the one bound that the block has.
func readLimit(b *mapping, sized bool) Limit {
	var l Limit
	for _, given := range []struct {
		bound Bound
		n     ast.Node
	}{{Over, b.take("above")}, {AtLeast, b.take("at_least")}, {Under, b.take("below")}, {AtMost, b.take("at_most")}} {
		what := string(given.bound)
		switch {
		case given.n == nil:
		case l.Bound != "":
			b.report(b.places[what], "", "average has one limit: %s is given already", l.Bound)
		default:
			l = Limit{Bound: given.bound, Value: b.amount(given.n, what, sized)}
		}
	}
	if l.Bound == "" {
		b.report(b.at, "", "average needs a limit: above, at_least, below or at_most")
	}
	return l
}

// identify writes what decides which alert a match belongs to.
func (a *Average) identify(b *strings.Builder) {
	fmt.Fprintf(b, "average\x00%s\x00%g\x00%s\x00%g\x00%d\x00%d", a.Of.Name, a.Quantile, a.Limit.Bound, a.Limit.Value, a.Count, a.Bucket)
}
