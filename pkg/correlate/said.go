package correlate

import (
	"math"
	"strconv"

	"github.com/shrike-sec/shrike/pkg/correlate/distinct"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// said is a number that a rule's kind tells: in words for title and runbook, and as it is for pivots.
type said struct {
	words  string
	number float64
}

// said is what {value} stands for in an open alert: what all events that it counts have come to so far. Like its count that
// depends on which events there are, not on how they came, and only grows.
func (a *open) said(r *rule.Rule) map[string]said {
	switch {
	case !r.Tells("value"):
		return nil
	case r.Sum != nil:
		return map[string]said{"value": amount(r.Sum.Of, a.sum)}
	case r.Distinct != nil:
		n := distinct.Estimate(a.values())
		return map[string]said{"value": {strconv.FormatUint(n, 10), float64(n)}}
	}
	return nil
}

// amount tells a value of a field with its unit.
func amount(of rule.Key, v float64) said {
	s := said{number: v}
	if of.Field == nil || len(of.Path) > 0 || of.Field.Unit != "bytes" {
		s.words = short(v)
		return s
	}
	units := []string{" B", " KiB", " MiB", " GiB", " TiB"}
	n := 0
	for ; math.Abs(v) >= 1024 && n < len(units)-1; n++ {
		v /= 1024
	}
	s.words = short(v) + units[n]
	return s
}

// short writes whole numbers as they are and others with three digits at least.
func short(v float64) string {
	switch {
	case v == math.Trunc(v) || math.Abs(v) >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case math.Abs(v) >= 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
