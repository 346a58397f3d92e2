package cloudfront

import (
	"strings"
	"time"

	"github.com/shrike-sec/shrike/pkg/event"
	"github.com/shrike-sec/shrike/pkg/format"
	"github.com/shrike-sec/shrike/pkg/format/internal/accessline"
	"github.com/shrike-sec/shrike/pkg/record"
)

// times are the columns that say when, as logged; "" when missing.
type times struct {
	named                       timeSet
	date, clock, stamp, stampMS string
}

// timeSet says which of the columns a layout or an object names.
type timeSet uint8

func (t *timeSet) add(k kind) {
	if k >= date {
		*t |= 1 << (k - date)
	}
}

// enough reports whether the columns together make a time.
func (t timeSet) enough() bool {
	const day = 1 | 1<<(clock-date) // date and clock, as add sets them
	return t&day == day || t&^day != 0
}

// maxSeconds is the last second of 2261, whose nanoseconds still fit 64 bits.
const maxSeconds = 9214646399

// set sets the event time from the most precise column that can be read; columns that cannot are unmapped. A record
// that names too few of them has only the time we received it.
func (t *times) set(e *event.Event, received time.Time) error {
	fine, okFine := millis(t.stampMS)
	if !okFine {
		accessline.Keep(e, "timestamp(ms)", t.stampMS)
	}
	stamp, okStamp := fractional(t.stamp)
	if !okStamp {
		accessline.Keep(e, "timestamp", t.stamp)
	}
	ns, ok := accessline.UTCTime(t.date, t.clock)
	if !ok {
		accessline.Keep(e, "date", t.date)
		accessline.Keep(e, "time", t.clock)
	}
	switch {
	case okFine:
		ns, ok = fine, true
	case okStamp:
		ns, ok = stamp, true
	case !ok:
		ns, ok = received.UnixNano(), !t.named.enough() && !received.IsZero()
	}
	if !ok {
		return format.Errorf(record.ReasonBadTime, "no time in date %q, time %q, timestamp %q, timestamp(ms) %q",
			t.date, t.clock, t.stamp, t.stampMS)
	}
	e.SetUnixNano(event.EventTime, ns)
	return nil
}

// millis reads milliseconds since 1970 as nanoseconds.
func millis(s string) (ns int64, ok bool) {
	v, ok := accessline.Int(s)
	return v * 1e6, ok && v >= 0 && v <= maxSeconds*1000
}

// fractional reads seconds since 1970, with up to nine digits of fraction or none, as nanoseconds.
func fractional(s string) (ns int64, ok bool) {
	whole, fraction, _ := strings.Cut(s, ".")
	v, ok := accessline.Int(whole)
	if !ok || v < 0 || v > maxSeconds || len(fraction) > 9 {
		return 0, false
	}
	scale := int64(1e9)
	for i := 0; i < len(fraction); i++ {
		c := fraction[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		scale /= 10
		ns += int64(c-'0') * scale
	}
	return v*1e9 + ns, true
}
