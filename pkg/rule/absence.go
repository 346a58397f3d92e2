package rule

import (
	"fmt"
	"strings"
	"time"
)

// Absence fires where a group had a match and then has none for For: none in (last, last+For]. It is decided when time has
// passed that end. A silence that shows no sooner than Forget after its last match, since nothing ran meanwhile or the log is old,
// is not told.
type Absence struct {
	For    time.Duration
	Forget time.Duration
}

func readAbsence(b *mapping, r *Rule) {
	a := &Absence{For: b.duration(b.need("for"), "for", time.Minute)}
	if n := b.need("forget"); n != nil {
		if a.Forget = b.duration(n, "forget", time.Minute); a.Forget > 0 && a.Forget <= a.For {
			b.report(nodePlace(n), "", "forget must be longer than for: else no silence is ever told")
		}
	}
	r.Absence = a
}

// identify writes what decides which alert an absence belongs to.
func (a *Absence) identify(b *strings.Builder) { fmt.Fprintf(b, "absence\x00%d", a.For) }
