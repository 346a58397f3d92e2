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

// amount returns what an event adds to a sum.
func amount(k rule.Key, e *event.Event) float64 {
	switch {
	case len(k.Path) == 0 && k.Field.Type == event.TypeInt:
		n, _ := e.Int(k.Field.IntField())
		return round(float64(n))
	case len(k.Path) == 0 && k.Field.Type == event.TypeFloat:
		v, _ := e.Float(k.Field.FloatField())
		return round(v)
	}
	return amountOf(k.Text(e))
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
	return math.Round(v/grain) * grain
}

// quote writes v as JSON; texts and lists of texts cannot fail.
func quote(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("BUG: encode text: " + err.Error())
	}
	return b
}
