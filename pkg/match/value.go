package match

import (
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/rule"
)

// MaxKeyValue is how many bytes of one value a group key holds. A longer one keeps its beginning and gets its hash, so
// that whoever chooses the value cannot choose the size of the state.
const MaxKeyValue = 512

// bounded makes a value fit for a key: UTF-8, as JSON would carry it anyway, and not too long. The result may alias s.
func bounded(s string) string {
	if !utf8.ValidString(s) {
		// Byte by byte, as encoding/json does it: the key must survive the way through a frame unchanged, or its shard
		// and its alert's id would not.
		s = string([]rune(s))
	}
	if len(s) <= MaxKeyValue {
		return s
	}
	sum := xxh3.HashString128(s).Bytes()
	return strings.ToValidUTF8(s[:MaxKeyValue-36], "") + "…" + hex.EncodeToString(sum[:])
}

// novelValue returns what kind first_seen remembers of an event; see novelty.
func novelValue(keys []rule.Key, e *event.Event) string {
	var room [4]string
	values := room[:0]
	for _, k := range keys {
		values = append(values, k.Text(e))
	}
	return novelty(values)
}

// novelty returns what kind first_seen remembers: the one key's value, or a JSON list of several; "" when there is none of
// them.
func novelty(values []string) string {
	if len(values) == 1 {
		return strings.Clone(bounded(values[0]))
	}
	parts, some := make([]string, len(values)), false
	for i, v := range values {
		parts[i] = bounded(v)
		some = some || v != ""
	}
	if !some {
		return ""
	}
	return string(quote(parts))
}

// grain is the step that summed values are rounded to. Multiples of 1/1024 add up exactly in a float64 below 2^43, whole
// numbers (bytes) below 2^53; so a sum does not depend on the order in which it was added.
const grain = 1.0 / 1024

// largest bounds the size of one number: what is larger is none that a log means, and a sum of them stays one that JSON has.
const largest = 1 << 53

// amount returns what an event adds to a sum.
func amount(k rule.Key, e *event.Event) float64 {
	v, _ := number(k, e)
	return round(v)
}

// amountOf is amount for a value that is there as text.
func amountOf(text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return round(v)
}

// round makes a value fit to be added up. Missing, negative and infinite values add nothing: a sum must not fall when events
// are added, or alerts would depend on their order.
func round(v float64) float64 {
	if !(v > 0) || math.IsInf(v, 0) {
		return 0
	}
	return grained(v)
}

// grained bounds v and makes it a multiple of grain.
func grained(v float64) float64 { return roundTo(v, grain) }

func roundTo(v, step float64) float64 { return math.Round(max(-largest, min(v, largest))/step) * step }

// averaged returns what a match adds to its bucket of kind average: its number, or for a quantile 1 where that is past the
// limit. ok is false where there is no number.
func averaged(a *rule.Average, e *event.Event) (v float64, ok bool) {
	v, ok = number(a.Of, e)
	switch {
	case a.Quantile == 0:
		return roundTo(v, rule.AverageGrain), ok
	case ok && a.Limit.Past(v):
		return 1, true
	}
	return 0, ok
}

// number returns an event's number, of whatever sign; ok is false where there is none.
func number(k rule.Key, e *event.Event) (v float64, ok bool) {
	switch {
	case len(k.Path) == 0 && k.Field.Type == event.TypeInt:
		n, ok := e.Int(k.Field.IntField())
		return float64(n), ok
	case len(k.Path) == 0 && k.Field.Type == event.TypeFloat:
		v, ok = e.Float(k.Field.FloatField())
	default:
		var err error
		v, err = strconv.ParseFloat(k.Text(e), 64)
		ok = err == nil
	}
	return v, ok && v-v == 0 // neither infinite nor no number at all
}

// quote writes v as JSON; texts and lists of texts cannot fail.
func quote(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: encode text: " + err.Error())
	}
	return b
}
