package ruledoc

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// Severity says how bad the rule's alerts are: one word, by outcome, or between which.
func Severity(r *rule.Rule) string {
	words := r.Severity.Words()
	s := r.Severity
	switch {
	case len(words) == 1:
		return words[0]
	case len(words) == 2 && s.Success == s.Unknown && s.Success != s.Failure:
		if r.Outcome == event.Success {
			return s.Success
		}
		return s.Success + ", " + s.Failure + " when refused"
	}
	return words[0] + " to " + words[len(words)-1] + ", by the event"
}

// Kind says in a few words what makes alerts of matches: "threshold: 10 within 10 min".
func Kind(r *rule.Rule) string {
	switch {
	case r.Threshold != nil:
		return fmt.Sprintf("threshold: %d within %s", r.Threshold.Count, Span(r.Window()))
	case r.Distinct != nil:
		return fmt.Sprintf("distinct: %d of %s within %s", r.Distinct.Count, r.Distinct.Of.Name, Span(r.Window()))
	case r.Sum != nil:
		return fmt.Sprintf("sum: %s of %s within %s", amount(r.Sum), r.Sum.Of.Name, Span(r.Window()))
	case r.Average != nil:
		return fmt.Sprintf("average: %s %s in %s", averaged(r.Average), limit(r.Average), Span(r.Window()))
	case r.Sequence != nil:
		return fmt.Sprintf("sequence: %s within %s", strings.Join(steps(r), ", "), Span(r.Window()))
	case r.FirstSeen != nil:
		return "first seen, after " + Span(r.FirstSeen.Learning)
	case r.Baseline != nil:
		return fmt.Sprintf("baseline: %s in %s against %s", measured(r.Baseline), Span(r.Baseline.Bucket), Span(r.Baseline.Past))
	case r.Absence != nil:
		return "absence: none for " + Span(r.Absence.For)
	}
	return strings.ReplaceAll(r.Kind(), "_", " ")
}

// Sentence says when the rule alerts.
func Sentence(r *rule.Rule) string {
	group := names(r.GroupBy)
	of, each := "all events", ""
	if group != "" {
		of, each = "one "+group, " for each "+group
	}
	var when string
	switch {
	case r.Threshold != nil:
		when = fmt.Sprintf("when %s has at least %d matches within %s", of, r.Threshold.Count, Span(r.Window()))
	case r.Distinct != nil:
		when = fmt.Sprintf("when the matches of %s have at least %d different `%s` within %s", of, r.Distinct.Count, r.Distinct.Of.Name, Span(r.Window()))
	case r.Sum != nil:
		when = fmt.Sprintf("when `%s` over the matches of %s adds up to at least %s within %s", r.Sum.Of.Name, of, amount(r.Sum), Span(r.Window()))
	case r.Average != nil:
		when = fmt.Sprintf("when the %s over the matches of %s in %s is %s", averaged(r.Average), of, Span(r.Window()), limit(r.Average))
		if r.Average.Count > 1 {
			when += fmt.Sprintf(", and there are at least %d", r.Average.Count)
		}
	case r.FirstSeen != nil:
		when = fmt.Sprintf("when %s has a %s that it never had, once it has been watched for %s", of, names(r.FirstSeen.Value), Span(r.FirstSeen.Learning))
		if r.FirstSeen.Forget > 0 {
			when += fmt.Sprintf("; what is not seen for %s is new again", Span(r.FirstSeen.Forget))
		}
	case r.Sequence != nil:
		order := "in this order"
		if !r.Sequence.Ordered {
			order = "in any order"
		}
		when = fmt.Sprintf("when events of %s fit the steps below, %s, within %s", of, order, Span(r.Window()))
	case r.Baseline != nil:
		when = baseline(r.Baseline, of)
	case r.Absence != nil:
		when = fmt.Sprintf("when %s had a match and then has none for %s", of, Span(r.Absence.For))
	case r.Kind() == "match":
		when = "on every match"
	default:
		when = fmt.Sprintf("on what kind %s makes of the matches of %s", strings.ReplaceAll(r.Kind(), "_", " "), of)
	}
	if r.Period() > 0 {
		when += fmt.Sprintf("; one alert%s in %s", each, Span(r.Period()))
	}
	return when + "."
}

// averaged names what an average is of: mean of bytes.
func averaged(a *rule.Average) string {
	what := "mean"
	if a.Quantile > 0 {
		what = fmt.Sprintf("%g quantile", a.Quantile)
	}
	return what + " of `" + a.Of.Name + "`"
}

// limit says on which side of its limit an average must be.
func limit(a *rule.Average) string {
	return strings.ReplaceAll(string(a.Limit.Bound), "_", " ") + " " + quantity(a.Of, a.Limit.Value)
}

// measured names what a baseline adds up.
func measured(b *rule.Baseline) string {
	if b.Of.Field == nil {
		return "matches"
	}
	return b.Of.Name
}

func baseline(b *rule.Baseline, of string) string {
	what := "the number of matches"
	if b.Of.Field != nil {
		what = "`" + b.Of.Name + "`"
	}
	usual := fmt.Sprintf("%g standard deviations above the mean", b.Above.Deviations)
	if b.Above.Quantile > 0 {
		usual = fmt.Sprintf("%g times the %g quantile", b.Above.Times, b.Above.Quantile)
	}
	return fmt.Sprintf("when %s of %s in %s is more than %s of its own past %s, and at least %s; it learns for %s",
		what, of, Span(b.Bucket), usual, Span(b.Past), quantity(b.Of, b.AtLeast), Span(b.Learning))
}

// Span writes a duration in its largest whole unit: 45 s, 10 min, 24 h, 14 days.
func Span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour && d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d%time.Second == 0:
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return d.String()
}

func amount(s *rule.Sum) string { return quantity(s.Of, s.Total) }

// quantity writes a number of a field: bytes in the largest unit that there is one of.
func quantity(of rule.Key, n float64) string {
	if of.Field != nil && of.Field.Unit == "bytes" {
		for _, u := range []struct {
			name string
			size float64
		}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
			if n >= u.size {
				return fmt.Sprintf("%.4g %s", n/u.size, u.name)
			}
		}
	}
	return fmt.Sprintf("%g", n)
}

func names(keys []rule.Key) string {
	var all []string
	for _, k := range keys {
		all = append(all, "`"+k.Name+"`")
	}
	if n := len(all); n > 1 {
		return strings.Join(all[:n-1], ", ") + " and " + all[n-1]
	}
	return strings.Join(all, "")
}

func steps(r *rule.Rule) []string {
	var all []string
	for _, s := range r.Sequence.Steps {
		all = append(all, strings.ReplaceAll(s.Name, "_", " "))
	}
	return all
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
